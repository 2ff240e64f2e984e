-- Drafts of the web pages: what was typed into a form of several steps, sealed by the vault. A draft that was used keeps what
-- it made, and no content, so that a second use is answered with it.

CREATE TABLE ui_draft (
    id         TEXT COLLATE "C" PRIMARY KEY,
    token_id   TEXT COLLATE "C" NOT NULL REFERENCES token (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL,
    revision   BIGINT NOT NULL,
    -- Empty once the draft was used.
    sealed     TEXT NOT NULL,
    -- The bytes of the content.
    bytes      BIGINT NOT NULL,
    result     TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX ui_draft_by_token ON ui_draft (token_id);
CREATE INDEX ui_draft_by_age ON ui_draft (updated_at);
