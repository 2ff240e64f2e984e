-- Answers kept for 24 h under a caller's Idempotency-Key. `answer` is sealed by the vault; NULL while in flight.

CREATE TABLE idempotency (
    token_id     TEXT COLLATE "C" NOT NULL,
    connector_id TEXT COLLATE "C" NOT NULL,
    key          TEXT COLLATE "C" NOT NULL,
    request_hash TEXT NOT NULL,
    execution_id TEXT COLLATE "C" NOT NULL,
    answer       TEXT,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    PRIMARY KEY (token_id, connector_id, key)
);
CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);
CREATE INDEX idempotency_by_connector ON idempotency (connector_id);
CREATE INDEX idempotency_in_flight ON idempotency (created_at) WHERE answer IS NULL;
