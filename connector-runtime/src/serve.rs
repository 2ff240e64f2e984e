//! Annotated connectors as an external service: `POST /execute`, `GET /schema` and `GET /health` of the
//! external protocol 2.0 (feature `serve`).
//!
//! A program that serves every connector linked into it is one line:
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     connector_runtime::serve::main()
//! }
//! ```
//!
//! Each type has its routes below its name: `/widget/execute`, `/widget/schema`, `/widget/health`, so that
//! its `endpointUrl` is `http://host:port/widget`. A service with only one type has the three routes at the
//! root too. Calls take the path of [`crate::dispatch`], the same as inside the server.

mod activity;
mod connections;
mod execute;
mod framing;
mod guarded_stream;
mod listen;
mod nonces;
mod problem;
mod routes;
mod service;
mod settings;
#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
mod tests;

pub use self::connections::ConnectionLimits;
pub use self::listen::{STOP_TIMEOUT, run, serve, serve_within, stop_signal};
pub use self::nonces::MAX_NONCES;
pub use self::service::{Service, main, main_of, router};
pub use self::settings::{ServeError, Settings};
