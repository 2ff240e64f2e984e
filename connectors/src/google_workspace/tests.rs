//! Unit tests, against a service on loopback.

mod failures;
mod lists;
mod members;
mod secrets;
mod support;
mod tokens;
mod users;
