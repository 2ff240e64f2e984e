//! Imported documents: what becomes of them, and what their commands send.

#![allow(clippy::unwrap_used, reason = "as in unit tests")]

#[path = "openapi/answers.rs"]
mod answers;
#[path = "openapi/bodies.rs"]
mod bodies;
#[path = "openapi/cli.rs"]
mod cli;
#[path = "openapi/corpus.rs"]
mod corpus;
#[path = "openapi/earlier.rs"]
mod earlier;
#[path = "openapi/pages.rs"]
mod pages;
#[path = "openapi/params.rs"]
mod params;
#[path = "openapi/random_calls.rs"]
mod random_calls;
#[path = "openapi/security.rs"]
mod security;
#[path = "openapi/service.rs"]
mod service;
#[path = "openapi/values.rs"]
mod values;
