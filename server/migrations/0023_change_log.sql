-- The last writes that raised the counter of `change`: from these rows servers that share the database learn what to drop
-- from memory. On SQLite, where one server writes, it stays empty.

CREATE TABLE change_log (
    counter    BIGINT NOT NULL,
    -- The place within its transaction.
    place      BIGINT NOT NULL,
    -- The server that wrote it, which has dropped its own already.
    replica    TEXT COLLATE "C" NOT NULL,
    subject    TEXT NOT NULL,
    subject_id TEXT COLLATE "C" NOT NULL,
    name       TEXT NOT NULL,
    action     TEXT NOT NULL,
    PRIMARY KEY (counter, place)
);
