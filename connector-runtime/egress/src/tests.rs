//! Tests of the way out: everything stays on loopback, behind a resolver and a dialer that record.

mod addresses;
mod authority;
mod cases;
mod client_certificates;
mod hostile;
mod links;
mod lookups;
mod manifests;
mod multipart;
mod paging;
mod redirects;
mod requests;
mod retry;
mod scopes;
mod secure;
mod settings;
mod suspicious_headers;

mod urls;
mod wires;
