//! Real servers on loopback: our own, one in Python, and some that break the rules.

mod answers;
mod breaker;
mod conformance;
mod probes;
mod python;
mod repeats;
pub(crate) mod support;
