//! The built-in connectors, one file or folder each. This crate does not depend on the server.
//!
//! Each annotated struct registers itself where it is written. This works only in a program into which the crate is
//! linked, so such a program calls [`link`].

pub mod authifi;
pub mod delay;
pub mod google_workspace;
pub mod http;
pub mod ldap;
pub mod postgresql;
pub mod scim;
pub mod shared;
pub mod smtp;

/// Links the built-in connectors into the program that calls it.
///
/// The compiler leaves out a dependency that is never named, and its registrations with it: the registry would be empty
/// without any error. A call of this function names the crate.
#[inline(never)]
pub fn link() {
    std::hint::black_box(http::Http::DESCRIPTOR);
}

use connector_runtime::connector::Connector as _;
