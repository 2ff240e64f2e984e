-- Who last changed a connector. NULL in rows of earlier releases; an actor without a token is the server itself.

ALTER TABLE connector ADD COLUMN updated_by_token TEXT COLLATE "C";
ALTER TABLE connector ADD COLUMN updated_by_name TEXT;
