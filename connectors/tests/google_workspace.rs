//! The connector google-workspace against what nobody here wrote: the requests of Google's own client, a service made from the
//! API's description, and Google's library for signatures.

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "google_workspace/directory.rs"]
mod directory;
#[path = "google_workspace/equivalence.rs"]
mod equivalence;
#[path = "google_workspace/support.rs"]
mod support;
