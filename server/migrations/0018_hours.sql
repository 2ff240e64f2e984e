-- What the calls of a connector came to in an hour (hours since 1970, UTC, by their start): the recorder adds to it with each call
-- that has ended and that no mock answered. b0 to b15 count calls by duration; the bounds are in store/hours.rs.

CREATE TABLE execution_hour (
    connector_id TEXT COLLATE "C" NOT NULL,
    hour         BIGINT NOT NULL,
    calls        BIGINT NOT NULL,
    failed       BIGINT NOT NULL,
    total_ms     BIGINT NOT NULL,
    b0 BIGINT NOT NULL, b1 BIGINT NOT NULL, b2 BIGINT NOT NULL, b3 BIGINT NOT NULL,
    b4 BIGINT NOT NULL, b5 BIGINT NOT NULL, b6 BIGINT NOT NULL, b7 BIGINT NOT NULL,
    b8 BIGINT NOT NULL, b9 BIGINT NOT NULL, b10 BIGINT NOT NULL, b11 BIGINT NOT NULL,
    b12 BIGINT NOT NULL, b13 BIGINT NOT NULL, b14 BIGINT NOT NULL, b15 BIGINT NOT NULL,
    PRIMARY KEY (connector_id, hour)
);
CREATE INDEX execution_hour_by_hour ON execution_hour (hour);

-- How far the executions of earlier releases are counted, which is done while the server runs. One row until all are; -1: not begun.
CREATE TABLE execution_hour_fill (
    first_hour BIGINT NOT NULL,
    next_hour  BIGINT NOT NULL
);
INSERT INTO execution_hour_fill (first_hour, next_hour) VALUES (-1, -1);
