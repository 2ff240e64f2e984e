//! Imported documents: what becomes of them, and what their commands send.

#![allow(clippy::unwrap_used, reason = "as in unit tests")]

#[path = "openapi/corpus.rs"]
mod corpus;
