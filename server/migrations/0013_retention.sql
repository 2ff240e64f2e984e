-- How many rows of a table belong to a slot of time, and how many bytes they have. A slot is counted once its rows do not
-- change any more; whatever removes rows subtracts them. So nobody has to count the whole table.
CREATE TABLE retained (
    name       TEXT COLLATE "C" NOT NULL,
    -- When the slot begins, in milliseconds.
    slot       BIGINT NOT NULL,
    row_count  BIGINT NOT NULL,
    byte_count BIGINT NOT NULL,
    PRIMARY KEY (name, slot)
);
