//! The connector `smtp` against two mail servers that nobody here wrote: aiosmtpd, and smtp-server of npm.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "smtp/sending.rs"]
mod sending;
#[path = "smtp/server.rs"]
mod server;
