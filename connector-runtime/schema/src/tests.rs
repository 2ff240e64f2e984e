mod costs;
mod parse;
mod validate;
