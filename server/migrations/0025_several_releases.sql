-- Servers with different environments, and of different releases, on one database.

-- 1 for a token that is the FLOH_ADMIN_TOKEN of a server. Each living server says in its row which one is its own; one that
-- nobody names is removed.
ALTER TABLE token ADD COLUMN environment BIGINT NOT NULL DEFAULT 0;
ALTER TABLE replica ADD COLUMN environment_token TEXT;
UPDATE token SET environment = 1 WHERE id IN (SELECT value FROM setting WHERE name = 'environment_token');
DELETE FROM setting WHERE name = 'environment_token';

-- The oldest release that may run on these tables. A migration that takes something away that an earlier release uses
-- raises it; an earlier release that finds migrations it does not know starts if it is not older than this.
INSERT INTO setting (name, value) VALUES ('oldest_release', '0.1.0') ON CONFLICT (name) DO NOTHING;
