//! What the commands ask of a service, and what they make of its answers.

mod fixture;

mod access;
mod changes;
mod failures;
mod filters;
mod lists;
mod members;
mod scenarios;
mod shapes;
