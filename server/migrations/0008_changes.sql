-- Goes up with every write to connectors, types, secrets and tokens, in the transaction of the write: a server that
-- shares the database sees that what it keeps in memory may be old. One row.

CREATE TABLE change (
    counter BIGINT NOT NULL
);
INSERT INTO change (counter) VALUES (0);
