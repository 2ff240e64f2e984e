-- Which parts of an execution were too long to be recorded whole, and their true sizes, as a JSON object. NULL: none.

ALTER TABLE execution ADD COLUMN truncated TEXT;
