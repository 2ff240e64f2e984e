-- Which agent is connected to which server, so that a command finds its agent from any server that shares the database.
-- Written only where servers are joined by NATS.

CREATE TABLE agent_session (
    agent_id TEXT COLLATE "C" PRIMARY KEY,
    -- The server that has the connection.
    replica  TEXT COLLATE "C" NOT NULL,
    session  TEXT COLLATE "C" NOT NULL,
    -- Greater than that of every earlier connection of any agent.
    epoch    BIGINT NOT NULL,
    -- The version of the directory that wrote the row.
    version  BIGINT NOT NULL,
    -- What the other servers have to know of it, as JSON.
    facts    TEXT NOT NULL,
    -- When the connection ended, and why.
    lost_at  BIGINT,
    why      TEXT
);
CREATE INDEX agent_session_version ON agent_session (version);

-- One row: the version of the directory. Its lock is held until the commit, so that the order of the versions is that of the
-- commits.
CREATE TABLE agent_directory (version BIGINT NOT NULL);
INSERT INTO agent_directory (version) VALUES (0);
