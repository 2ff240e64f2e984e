-- The servers that live on this database. Each renews its lease; the times are the database's own.

CREATE TABLE replica (
    id          TEXT COLLATE "C" PRIMARY KEY,
    started_at  BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    release     TEXT NOT NULL,
    -- Where it can be found, once it listens.
    address     TEXT
);

-- Whose they are: what is at work for a server without a live lease will not end. NULL, as in rows of earlier
-- releases, is nobody.
ALTER TABLE execution ADD COLUMN owner TEXT COLLATE "C";
ALTER TABLE idempotency ADD COLUMN owner TEXT COLLATE "C";
-- 1 where the answer says that the outcome is unknown; the true answer of the same execution replaces it.
ALTER TABLE idempotency ADD COLUMN settled BIGINT NOT NULL DEFAULT 0;
