//! What the author of a connector imports: one annotated struct becomes a connector.
//!
//! The fields of the struct are the connection, its methods with `#[command]` are the commands. From the annotations come
//! typed params, the config schema, validation, mocks, the seed row and the registration, at compile time. A wrong
//! definition does not compile, and neither does a change that would break callers without the version that it needs.
//!
//! ```
//! use connector_runtime::prelude::*;
//! use connector_runtime::testing;
//!
//! /// Widget platform.
//! #[connector(name = "widget", version = "1.0.0-draft", errors = explain)]
//! #[derive(Debug)]
//! pub struct Widget {
//!     /// API base URL.
//!     base_url: Url,
//!     /// API key; sent to the origin of `base_url` and nowhere else.
//!     api_key: Secret,
//! }
//!
//! /// One page of widgets.
//! #[payload]
//! #[derive(Debug)]
//! pub struct WidgetPage {
//!     /// The widgets on this page.
//!     widgets: Vec<Value>,
//!     /// The number of widgets on all pages.
//!     total: u64,
//! }
//!
//! #[connector]
//! impl Widget {
//!     /// List widgets.
//!     #[command(effect = read, mock(default = one_widget))]
//!     async fn list_widgets(
//!         &self,
//!         cx: &Context,
//!         /// Most widgets to return.
//!         #[param(default = 50, min = 1, max = 500)]
//!         limit: u32,
//!     ) -> Outcome<WidgetPage> {
//!         let request = self.get(cx.http(), &["widgets"])?.query(&[("limit", limit)]);
//!         let response = request.send().await?;
//!         if !response.is_success() {
//!             return fail(format!("the widget API answered {}", response.status())).diagnostics(response);
//!         }
//!         let page: WidgetPage = response.json()?;
//!         let count = page.widgets.len();
//!         succeed(page).variable("widgetCount", count)
//!     }
//! }
//!
//! impl Widget {
//!     /// Begins a request below the base URL.
//!     fn get(&self, http: &Client, path: &[&str]) -> Result<Request, Failure> {
//!         Ok(http.get(self.base_url.at(path)?).bearer(&self.api_key))
//!     }
//! }
//!
//! /// Answers the mock scenario `default`.
//! fn one_widget() -> Outcome<WidgetPage> {
//!     succeed(WidgetPage { widgets: vec![json!({ "id": 1 })], total: 1 })
//! }
//!
//! /// Turns an HTTP error that a handler passed up with `?` into a failure.
//! fn explain(error: &Thrown<'_>) -> Option<Fail> {
//!     let http = error.find::<HttpError>()?;
//!     Some(Fail::new("the widget API refused the call").diagnostic("statusCode", http.status()))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! // In a test, without a server and without a network:
//! let result = testing::call::<Widget>("listWidgets").mock("default").run().await;
//! assert_eq!(result.payload, Some(json!({ "widgets": [{ "id": 1 }], "total": 1 })));
//!
//! let result = testing::call::<Widget>("listWidgets").param("limit", 0).run().await;
//! assert_eq!(result.error.as_deref(), Some("Missing required field(s): baseUrl, apiKey"));
//! # }
//! ```
//!
//! # Modules
//!
//! | you want to | look at |
//! |---|---|
//! | write a connector | [`prelude`], [`macro@connector`], [`macro@command`], [`macro@payload`], [`macro@object`], [`macro@Select`] |
//! | know which Rust types a field may have | [`field`] |
//! | return a result | [`outcome`], [`result`]; [`code`] for the kinds of failures |
//! | send a request | [`context`] for the client of a call, [`egress`] for requests, answers, retries and pages, [`egress::oauth`] for access tokens |
//! | speak another protocol than HTTP | [`Context::connect`](context::Context::connect) for an open connection |
//! | test a connector | [`testing`] with a service that answers as a test says, [`mock`] |
//! | serve a connector as a process of its own | `serve` (feature `serve`) |
//! | read what a connector is | [`descriptor`], [`registry`], [`schema`] |
//! | know what a change of a schema means | [`version`], [`lock`] |
//! | run commands in a program of your own | [`dispatch`], [`log`], [`redact`]; `external` (feature `external`) for commands that another process serves, [`protocol`] for its wire format |
//!
//! `docs/writing-connectors.md` in the repository leads from an empty file to a released connector.

// The macros name this crate `::connector_runtime`, also where they are used inside it.
#[cfg(test)]
extern crate self as connector_runtime;

#[doc(hidden)]
pub mod __private;
mod builtin;
pub mod code;
pub mod connector;
pub mod context;
mod describe;
pub mod descriptor;
pub mod dispatch;
#[cfg(feature = "external")]
pub mod external;
pub mod field;
pub mod lock;
pub mod log;
pub mod mock;
pub mod outcome;
mod panic;
pub mod prelude;
#[cfg(feature = "process")]
pub mod process;
pub mod registry;
pub mod result;
#[cfg(feature = "serve")]
pub mod serve;
pub mod testing;

pub use builtin::BuiltIn;
/// The one way out to the network.
pub use connector_egress as egress;
pub use connector_egress::{Secret, redact};
pub use connector_macros::{Select, command, connector, object, payload};
/// The external protocol 2.0, as both ends read and write it.
pub use connector_protocol as protocol;
/// What a change of a config schema means, and the version that it needs.
pub use connector_schema::version;
pub use field::Url;

/// One schema model for all four execution models.
pub mod schema {
    pub use connector_schema::*;

    pub use crate::describe::describe;
}
