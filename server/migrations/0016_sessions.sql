-- Sessions of the web pages. Each stands for a token and ends with it; only the SHA-256 of its secret is stored.

CREATE TABLE session (
    id_hash      TEXT COLLATE "C" PRIMARY KEY,
    token_id     TEXT COLLATE "C" NOT NULL REFERENCES token (id) ON DELETE CASCADE,
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    user_agent   TEXT
);
CREATE INDEX session_by_token ON session (token_id, created_at);
