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
pub mod descriptor;
pub mod dispatch;
pub mod egress;
#[cfg(test)]
mod events;
pub mod field;
pub mod lock;
pub mod log;
pub mod mock;
pub mod outcome;
mod panic;
pub mod prelude;
#[cfg(feature = "serve")]
pub mod protocol;
pub mod redact;
pub mod registry;
pub mod result;
pub mod schema;
mod secret;
#[cfg(feature = "serve")]
pub mod serve;
pub mod testing;
pub mod version;

pub use builtin::BuiltIn;
pub use connector_macros::{Select, command, connector, object, payload};
pub use field::Url;
pub use secret::Secret;
