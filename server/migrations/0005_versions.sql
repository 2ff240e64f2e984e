-- What connector types were: one row for each version that was made, put or seeded, newest first by id. A version
-- may stand here twice (a seeded schema that drifted, a revert); the newer row counts.

CREATE TABLE connector_type_version (
    id            TEXT COLLATE "C" PRIMARY KEY,
    type_id       TEXT COLLATE "C" NOT NULL REFERENCES connector_type (id) ON DELETE CASCADE,
    version       TEXT COLLATE "C" NOT NULL,
    config_schema TEXT NOT NULL,
    script_source TEXT,
    endpoint_url  TEXT,
    source        TEXT NOT NULL,
    -- What changed against the row before: JSON, the first changes only.
    changes       TEXT NOT NULL,
    created_at    BIGINT NOT NULL
);
CREATE INDEX connector_type_version_by_type ON connector_type_version (type_id, id);
CREATE INDEX connector_type_version_by_version ON connector_type_version (type_id, version, id);

-- What types are when the history begins. The type's own id serves: it is older than any id still to come.
INSERT INTO connector_type_version
    (id, type_id, version, config_schema, script_source, endpoint_url, source, changes, created_at)
SELECT id, id, version, config_schema, script_source, endpoint_url,
    CASE WHEN source = 'code' THEN 'seed' ELSE 'create' END, '{"level":"none","total":0,"changes":[]}', updated_at
FROM connector_type;
