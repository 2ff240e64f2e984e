//! The one way out: the HTTP client of connectors, scripts and imports, and the redaction of their secrets.
//!
//! Users shape the requests of connectors, so every HTTP connection to what is called is opened here and
//! nowhere else; the connections of other protocols are opened here too ([`Client::connect`]). A destination is judged as text (`url`), as a name (`names`) and by the addresses that are
//! dialled (`address`), with the operator's lists and the rules ([`Policy`]); each redirect is judged again.
//! It is built on the hyper engine, because a ready client dials literal addresses itself, reports what it
//! dialled only after the request was sent, and follows redirects with headers that it does not know to be
//! secret.

mod address;
mod backoff;
mod bearer;
mod body;
mod check;
#[expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this is the one way out: `ConnectionOpener` judges every destination"
)]
mod client;
mod client_certificate;
mod connection;
mod connection_opener;
mod dialer;
mod error;
mod exchange;
mod http_error;
mod in_flight;
mod interfaces;
mod link;
mod list;
mod look_ups;
pub mod memory;
mod multipart;
mod named_hosts;
mod names;
pub mod oauth;
mod outgoing;
mod own_tls;
mod pages;
mod paging;
mod policy;
mod protocol;
mod proxy;
pub mod redact;
mod redirect;
mod request;
mod resolver;
mod response;
mod retry;
mod rule;
mod scope;
mod signing;
mod status_seen;
mod stream;
mod suspicious_headers;
#[cfg(any(test, feature = "testing"))]
#[allow(missing_docs, missing_debug_implementations, clippy::unwrap_used, reason = "a kit of tests")]
pub mod testing;
#[cfg(test)]
mod tests;
mod tls;
mod url;
mod wire;

pub use connector_schema::Secret;

pub use self::backoff::Backoff;
pub use self::bearer::bearer_header;
pub use self::check::DestinationCheck;
pub use self::client::Client;
pub use self::client_certificate::{
    ClientCertificate, ClientCertificateError, MAX_CERTIFICATE_BYTES, MAX_CHAIN_CERTIFICATES,
};
pub use self::connection::EgressScope;
pub use self::error::EgressError;
pub use self::http_error::{BodyError, HttpError};
pub use self::multipart::{Form, Part};
pub use self::pages::Pages;
pub use self::paging::{Paging, PagingError};
pub use self::policy::{Policy, PolicyError};
pub use self::protocol::Protocol;
pub use self::proxy::{Proxy, tunnel};
pub use self::request::Request;
pub use self::response::Response;
pub use self::retry::Retry;
pub use self::rule::Rule;
pub use self::signing::{SignRequest, Unsigned};
pub use self::status_seen::StatusSeen;
pub use self::url::IntoUrl;
pub use self::wire::{Carrier, Effect, MAX_WIRE_BYTES, Meter, Trust, TrustError, Wire};
