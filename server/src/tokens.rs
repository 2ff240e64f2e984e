//! The use cases of tokens: create, list, revoke.

mod manage;

pub use manage::{create_token, list_tokens, revoke_token};
