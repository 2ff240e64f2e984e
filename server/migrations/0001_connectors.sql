-- Connector types, connectors, their tags and their secrets.
--
-- One source for SQLite and PostgreSQL: TEXT ids, BIGINT milliseconds, JSON as TEXT, booleans as BIGINT 0/1.
-- COLLATE "C" (byte order, whatever the database's locale) is PostgreSQL's; the migrator drops it for SQLite,
-- whose default order is the same.

CREATE TABLE connector_type (
    id              TEXT COLLATE "C" PRIMARY KEY,
    name            TEXT COLLATE "C" NOT NULL UNIQUE,
    version         TEXT NOT NULL,
    execution_model TEXT NOT NULL,
    description     TEXT NOT NULL,
    category        TEXT,
    tags            TEXT NOT NULL,
    config_schema   TEXT NOT NULL,
    script_source   TEXT,
    endpoint_url    TEXT,
    source          TEXT NOT NULL,
    available       BIGINT NOT NULL,
    seeded_version  TEXT,
    seeded_schema   TEXT,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    revision        BIGINT NOT NULL
);

CREATE TABLE connector (
    id           TEXT COLLATE "C" PRIMARY KEY,
    name         TEXT COLLATE "C" NOT NULL UNIQUE,
    type_id      TEXT COLLATE "C" NOT NULL REFERENCES connector_type (id),
    description  TEXT NOT NULL,
    category     TEXT,
    tags         TEXT NOT NULL,
    enabled      BIGINT NOT NULL,
    log_level    TEXT NOT NULL,
    timeout_ms   BIGINT,
    mock         TEXT NOT NULL,
    config       TEXT NOT NULL,
    endpoint_url TEXT,
    -- What the filter `q` searches: name, description, category and tags in lower case.
    search       TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    revision     BIGINT NOT NULL
);
CREATE INDEX connector_by_type ON connector (type_id);

-- The tags again, one row each, so that the filter `tag` is exact on both databases.
CREATE TABLE connector_tag (
    connector_id TEXT COLLATE "C" NOT NULL REFERENCES connector (id) ON DELETE CASCADE,
    tag          TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (connector_id, tag)
);
CREATE INDEX connector_tag_by_tag ON connector_tag (tag);

CREATE TABLE connector_secret (
    connector_id TEXT COLLATE "C" NOT NULL REFERENCES connector (id) ON DELETE CASCADE,
    field        TEXT COLLATE "C" NOT NULL,
    ciphertext   TEXT NOT NULL,
    updated_at   BIGINT NOT NULL,
    PRIMARY KEY (connector_id, field)
);
