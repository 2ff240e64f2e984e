//! The use cases of tokens: create, list, revoke.

mod manage;

pub use manage::{create_token, create_token_as, list_tokens, revoke_token};
