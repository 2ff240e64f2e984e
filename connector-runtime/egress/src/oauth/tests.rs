mod flights;
mod tokens;
