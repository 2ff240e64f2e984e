//! Tests without a server.

mod mocks;
mod statements;
mod texts;
