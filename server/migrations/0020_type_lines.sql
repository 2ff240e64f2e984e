-- What lists and the search show of a connector type, without its schema and its script, which may be megabytes. A line is written
-- with its type; one that is of another revision than its type, as after an upgrade, is written again when the server starts.

CREATE TABLE type_line (
    type_id         TEXT COLLATE "C" PRIMARY KEY REFERENCES connector_type (id) ON DELETE CASCADE,
    revision        BIGINT NOT NULL,
    name            TEXT COLLATE "C" NOT NULL UNIQUE,
    version         TEXT NOT NULL,
    execution_model TEXT NOT NULL,
    description     TEXT NOT NULL,
    category        TEXT,
    tags            TEXT NOT NULL,
    source          TEXT NOT NULL,
    available       BIGINT NOT NULL,
    endpoint_url    TEXT,
    updated_at      BIGINT NOT NULL,
    -- The number of its commands; NULL if it takes any.
    commands        BIGINT,
    -- The fields of its connection, as JSON: what the list of connectors needs of the schema.
    connection      TEXT NOT NULL,
    -- Name, description, category and tags in lower case.
    search          TEXT NOT NULL
);

CREATE TABLE type_command (
    type_id     TEXT COLLATE "C" NOT NULL REFERENCES connector_type (id) ON DELETE CASCADE,
    name        TEXT COLLATE "C" NOT NULL,
    -- Its beginning.
    description TEXT NOT NULL,
    -- Name and description in lower case.
    search      TEXT NOT NULL,
    PRIMARY KEY (type_id, name)
);

-- Tells the revision of a type without reading its schema.
CREATE INDEX connector_type_revision ON connector_type (id, revision);
-- Who calls the deprecated commands of a type.
CREATE INDEX execution_deprecated ON execution (type, id) WHERE deprecated = 1;
