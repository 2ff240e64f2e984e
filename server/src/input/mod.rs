//! What the doors hand to the use cases: values read from JSON into types, once, with every mistake at its
//! JSON pointer. No HTTP here: a tool call or a file is read by the same readers as a request body.

mod duplicate_keys;
mod form;

pub use form::{Form, MAX_SHORT_TEXT, MAX_TEXTS};
