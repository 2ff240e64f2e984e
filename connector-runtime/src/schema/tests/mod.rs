mod json_schema;
mod parse;
mod validate;
