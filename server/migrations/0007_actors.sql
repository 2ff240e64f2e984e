-- Who asked for an execution or wrote a version of a type, and in which request. NULL in rows of earlier releases;
-- an actor without a token is the server itself.

ALTER TABLE execution ADD COLUMN actor_token TEXT COLLATE "C";
ALTER TABLE execution ADD COLUMN actor_name TEXT;
ALTER TABLE execution ADD COLUMN request_id TEXT;

ALTER TABLE connector_type_version ADD COLUMN actor_token TEXT COLLATE "C";
ALTER TABLE connector_type_version ADD COLUMN actor_name TEXT;
