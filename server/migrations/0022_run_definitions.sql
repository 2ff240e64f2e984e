-- Run definitions: named lists of steps. Each write is a version; a version never changes.

CREATE TABLE run_definition (
    id          TEXT COLLATE "C" PRIMARY KEY,
    name        TEXT COLLATE "C" NOT NULL UNIQUE,
    description TEXT,
    -- The newest version.
    version     BIGINT NOT NULL,
    step_count  BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    actor_token TEXT COLLATE "C",
    actor_name  TEXT NOT NULL
);

CREATE TABLE run_definition_version (
    definition_id TEXT COLLATE "C" NOT NULL REFERENCES run_definition (id) ON DELETE CASCADE,
    version       BIGINT NOT NULL,
    strict        BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    actor_token   TEXT COLLATE "C",
    actor_name    TEXT NOT NULL,
    -- The versions of connector types that it was checked against, as JSON.
    checked       TEXT NOT NULL,
    description   TEXT,
    -- JSON.
    inputs        TEXT NOT NULL,
    steps         TEXT NOT NULL,
    PRIMARY KEY (definition_id, version)
);

-- The connectors that the steps of the newest version name.
CREATE TABLE run_definition_connector (
    connector     TEXT COLLATE "C" NOT NULL,
    definition_id TEXT COLLATE "C" NOT NULL REFERENCES run_definition (id) ON DELETE CASCADE,
    PRIMARY KEY (connector, definition_id)
);
CREATE INDEX run_definition_connector_by_definition ON run_definition_connector (definition_id);
