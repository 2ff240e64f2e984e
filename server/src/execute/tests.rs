//! Calls through the router, on a real database.

mod activity;
mod calls;
mod egress;
mod keys;
mod records;
mod secrets;
