//! Tests of the way out: everything stays on loopback, behind a resolver and a dialer that record.

mod cases;
mod net;
mod requests;
mod upstream;
