//! Tests of the way out: everything stays on loopback, behind a resolver and a dialer that record.

mod authority;
mod cases;
mod net;
mod hostile;
mod redirects;
mod requests;
mod upstream;
