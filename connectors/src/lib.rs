//! The built-in connectors: one file each, and nothing here knows that a server exists.
//!
//! Each annotated struct registers itself where it is written. That works only in a program into which
//! this crate is linked, hence [`link`].

pub mod delay;
pub mod http;

/// Links the built-in connectors into the program that calls it.
///
/// The compiler passes over a crate that is a dependency but is never named, and its registrations with
/// it: the registry would be empty without any error. A call of this function is that name.
#[inline(never)]
pub fn link() {
    std::hint::black_box(http::Http::DESCRIPTOR);
}

use connector_runtime::connector::Connector as _;
