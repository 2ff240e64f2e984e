mod bump;
mod laws;
mod nested;
mod rules;
mod wire;
