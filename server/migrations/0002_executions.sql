-- Recorded executions. No foreign key: a row outlives its connector.

CREATE TABLE execution (
    id           TEXT COLLATE "C" PRIMARY KEY,
    connector_id TEXT COLLATE "C" NOT NULL,
    connector    TEXT COLLATE "C" NOT NULL,
    type         TEXT NOT NULL,
    type_version TEXT NOT NULL,
    command      TEXT COLLATE "C",
    status       TEXT NOT NULL,
    mocked       BIGINT NOT NULL,
    source       TEXT NOT NULL,
    step_id      TEXT,
    run_id       TEXT COLLATE "C",
    deprecated   BIGINT NOT NULL,
    params       TEXT NOT NULL,
    result       TEXT,
    logs         TEXT NOT NULL,
    started_at   BIGINT NOT NULL,
    duration_ms  BIGINT
);
-- Lists are newest first, and ids are time-ordered: every index ends in the id. There is none on the name in
-- `connector`: each index costs every execution dear, and ids are found by name below.
CREATE INDEX execution_by_connector ON execution (connector_id, id);
CREATE INDEX execution_by_command ON execution (command, id);
CREATE INDEX execution_by_run ON execution (run_id, id) WHERE run_id IS NOT NULL;
CREATE INDEX execution_failed ON execution (id) WHERE status = 'failed';
CREATE INDEX execution_unfinished ON execution (id) WHERE status IN ('accepted', 'started');

-- Names that connectors had before they were renamed or deleted, so that executions are still found by them.
CREATE TABLE connector_former (
    name         TEXT COLLATE "C" NOT NULL,
    connector_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (name, connector_id)
);
