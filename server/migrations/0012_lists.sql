-- How much of a connector's executions is kept: full, summary or none.
ALTER TABLE connector ADD COLUMN record TEXT NOT NULL DEFAULT 'full';
-- What the connector said when the row was written, if that was not `full`; NULL: params, result and logs are recorded.
ALTER TABLE execution ADD COLUMN recorded TEXT;

-- Lists by token. Lists by type, source and other states read a bounded part of another index at a time.
CREATE INDEX execution_by_token ON execution (actor_token, id);
DROP INDEX execution_failed;
CREATE INDEX execution_unsuccessful ON execution (id) WHERE status IN ('failed', 'unknown');

-- A list by name has the executions of the connector that bears the name now, under whatever name they were recorded.
DROP TABLE connector_former;
