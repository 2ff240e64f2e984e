-- The id of the master key under which a server seals, once it has said so: a rotation waits for it.

ALTER TABLE replica ADD COLUMN sealing_key TEXT;
