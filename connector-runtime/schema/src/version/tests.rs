mod bump;
mod laws;
mod nested;
mod rules;
mod table;
mod wire;
