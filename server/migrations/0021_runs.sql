-- Runs: steps over one bag of variables. A run, its tasks, its bag and the execution of a step are written in one transaction.

CREATE TABLE run (
    id          TEXT COLLATE "C" PRIMARY KEY,
    status      TEXT NOT NULL,
    definition  TEXT COLLATE "C",
    version     BIGINT,
    step_count  BIGINT NOT NULL,
    -- The index of the step that is next, or at work.
    position    BIGINT NOT NULL,
    -- Increases whenever a server takes the run up; what another one writes later is refused.
    fence       BIGINT NOT NULL,
    -- The server that works on it.
    owner       TEXT COLLATE "C",
    -- How often it was taken up since it last moved: more than once says that servers died.
    claims      BIGINT NOT NULL DEFAULT 0,
    -- When it may be taken up, by the database's clock.
    due_at      BIGINT NOT NULL,
    -- The execution that the step at work has begun, if it does not only read.
    in_flight   TEXT COLLATE "C",
    -- 1 once a caller wants it ended.
    cancelling  BIGINT NOT NULL DEFAULT 0,
    failure     TEXT,
    resumes     BIGINT NOT NULL DEFAULT 0,
    -- 1 if its token may only read.
    reads_only  BIGINT NOT NULL,
    actor_token TEXT COLLATE "C",
    actor_name  TEXT NOT NULL,
    source      TEXT NOT NULL,
    request_id  TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    started_at  BIGINT,
    finished_at BIGINT,
    -- Sealed: the variables. NULL once they are dropped.
    bag         TEXT
);
-- What a server looks for: runs that are due, and runs of dead servers.
CREATE INDEX run_unfinished ON run (due_at, id) WHERE status IN ('queued', 'waiting', 'running');
-- Lists are newest first, and ids are time-ordered.
CREATE INDEX run_by_status ON run (status, id);
CREATE INDEX run_by_definition ON run (definition, id) WHERE definition IS NOT NULL;
CREATE INDEX run_by_actor ON run (actor_token, id);
CREATE INDEX run_with_bag ON run (finished_at) WHERE bag IS NOT NULL AND finished_at IS NOT NULL;

-- What a run does, written once.
CREATE TABLE run_plan (
    run_id   TEXT COLLATE "C" PRIMARY KEY REFERENCES run (id) ON DELETE CASCADE,
    -- The steps as JSON, literal secrets masked.
    steps    TEXT NOT NULL,
    -- The versions of the connectors' types that the steps were checked against, as JSON.
    checked  TEXT NOT NULL,
    -- Sealed: the steps as they were given. NULL once the bag is dropped.
    sealed   TEXT
);

-- The connectors that steps name, by the names that they bore.
CREATE TABLE run_connector (
    connector TEXT COLLATE "C" NOT NULL,
    run_id    TEXT COLLATE "C" NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    PRIMARY KEY (connector, run_id)
);
CREATE INDEX run_connector_by_run ON run_connector (run_id);

-- The steps that were begun.
CREATE TABLE run_task (
    run_id      TEXT COLLATE "C" NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    position    BIGINT NOT NULL,
    step_id     TEXT NOT NULL,
    status      TEXT NOT NULL,
    error       TEXT,
    attempts    TEXT NOT NULL,
    -- How many of the attempts were made before the run was last resumed.
    resumed_at  BIGINT NOT NULL DEFAULT 0,
    retry_at    BIGINT,
    started_at  BIGINT NOT NULL,
    finished_at BIGINT,
    PRIMARY KEY (run_id, position)
);
