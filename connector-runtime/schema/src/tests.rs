mod parse;
mod secrets;
mod validate;
