//! The REST API of a Floh server as typed Rust.
//!
//! Every body ([`bodies`]) and every answer ([`answers`]) is declared once, for both ends. The server reads a body and
//! reports every mistake with its place, describes it in its OpenAPI document and logs it without secrets; use cases
//! return the answers; the [`Client`] writes bodies and reads answers. [`words`] are the closed sets of words on the
//! wire.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use floh_client::bodies::Call;
//! use floh_client::{Client, ConnectorFilter};
//!
//! let client = Client::new("http://127.0.0.1:8080", &std::fs::read_to_string("token")?.trim().into())?;
//! for connector in client.list_connectors(&ConnectorFilter::default()).collect(1_000).await? {
//!     println!("{} ready: {}", connector.name, connector.ready);
//! }
//! let call = Call { command: Some("listUsers".to_owned()), ..Call::default() };
//! match client.execute("crm", &call).await {
//!     Ok(done) => println!("{}", done.result.success),
//!     Err(error) => eprintln!("{error}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The client is for the command line, for tests and for programs of users. A connector's call never uses it: calls are
//! sent only through `connector-egress`.

pub mod answers;
pub mod bodies;
pub mod body;
pub mod client;
mod filters;
mod revision;
pub mod routes;
pub mod words;

pub use client::{Client, ClientError, Executed, McpHeaders, McpMessages, Pages, Refusal};
pub use filters::{AuditFilter, ConnectorFilter, ExecutionFilter, RunFilter};
pub use revision::{NotARevision, Revision};
