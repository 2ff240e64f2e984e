//! What a connector author imports: one annotated struct becomes a connector.
//!
//! [`prelude`] has the attributes and the types that handlers use. Behind them stand the const
//! [`descriptor`]s, the [`schema`] model that all execution models share, the [`registry`], the one
//! path that runs a command ([`dispatch`]) and the one way out to the network ([`egress`]).

// The macros name this crate `::connector_runtime`, also where they are used inside it.
#[cfg(test)]
extern crate self as connector_runtime;

#[doc(hidden)]
pub mod __private;
mod builtin;
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
