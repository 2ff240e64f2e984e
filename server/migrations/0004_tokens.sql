-- Tokens (their SHA-256 only) and single values of the installation, such as the vault's check value.

CREATE TABLE token (
    id              TEXT COLLATE "C" PRIMARY KEY,
    name            TEXT NOT NULL,
    kind            TEXT NOT NULL,
    scopes          TEXT NOT NULL,
    hash            TEXT NOT NULL,
    agent_id        TEXT,
    connector_names TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT,
    last_used_at    BIGINT
);

CREATE TABLE setting (
    name  TEXT COLLATE "C" PRIMARY KEY,
    value TEXT NOT NULL
);
