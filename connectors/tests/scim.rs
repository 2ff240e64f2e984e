//! The connector `scim` against two servers that nobody here wrote: scim2-server (Python) and scimmy (Node).
//!
//! `.ci/scim/get` gets them; they are never committed. Without them, one line says so. Each test has a server of its own.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

#[path = "scim/lists.rs"]
mod lists;
#[path = "scim/members.rs"]
mod members;
#[path = "scim/rows.rs"]
mod rows;
#[path = "scim/server.rs"]
mod server;
