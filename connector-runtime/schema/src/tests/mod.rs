mod parse;
mod validate;
