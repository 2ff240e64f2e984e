-- Whether a SQLite file is complete without its write-ahead log. A checkpoint raises `begun` and copies the log into the
-- file; then it writes the same number to `continued`, which from there on is in the log alone. So the two differ in a
-- file that is read without its log, and nowhere else. One row; unused on PostgreSQL.

CREATE TABLE wal_mark (
    begun     BIGINT NOT NULL,
    continued BIGINT NOT NULL
);
INSERT INTO wal_mark (begun, continued) VALUES (0, 0);
