-- The audit trail: who changed what, from where, what was there before and after. Written in the transaction of the
-- change. No foreign keys: an entry outlives its subject and its actor's token. It holds no secret.

CREATE TABLE audit (
    -- UUIDv7: in the order of time; `at` is the time in it.
    id           TEXT COLLATE "C" PRIMARY KEY,
    at           BIGINT NOT NULL,
    actor_token  TEXT COLLATE "C",
    actor_name   TEXT COLLATE "C" NOT NULL,
    source       TEXT NOT NULL,
    peer         TEXT,
    request_id   TEXT,
    subject      TEXT COLLATE "C" NOT NULL,
    subject_id   TEXT COLLATE "C",
    subject_name TEXT COLLATE "C" NOT NULL,
    action       TEXT NOT NULL,
    before_json  TEXT,
    after_json   TEXT
);
CREATE INDEX audit_by_subject ON audit (subject_id, id);
CREATE INDEX audit_by_actor ON audit (actor_token, id);
