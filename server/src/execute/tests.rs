//! Calls through the router, on a real database.

mod calls;
mod egress;
mod keys;
mod records;
mod secrets;
