mod changes;
mod fixture;
mod laws;
mod place;
mod rules;
mod schema_text;
mod text;
