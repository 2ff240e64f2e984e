-- How a connector is served where its type says otherwise: an external instance of a compiled type. NULL goes by the
-- type.

ALTER TABLE connector ADD COLUMN execution_model TEXT;
