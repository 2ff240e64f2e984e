mod costs;
mod parse;
mod secrets;
mod validate;
mod variables;
