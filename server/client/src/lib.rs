//! The REST API of a Floh server as typed Rust.
//!
//! Every body ([`bodies`]) is declared once, for both ends: the server reads it with every mistake at its place,
//! describes it in its OpenAPI document and logs it without a secret; a client writes it. [`words`] are the closed sets
//! of words on the wire. Nothing here is on the path of a call.

pub mod bodies;
pub mod body;
pub mod words;
