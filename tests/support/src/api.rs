//! The test that the REST API does what its own document says: each answer that a test gets is looked up in the
//! OpenAPI document of the server that gave it, by method, path, status, headers, content type and schema.

mod document;
mod exchange;
mod schemas;
mod undocumented;

#[cfg(test)]
mod tests;

pub use document::ApiDocument;
pub use exchange::Exchange;
pub use undocumented::{Undocumented, What};
