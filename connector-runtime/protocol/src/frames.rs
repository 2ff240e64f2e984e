//! The frames between the server and an agent: JSON text frames, each with its `type`.
//!
//! Unknown keys are ignored, because later 2.x versions may add some. A frame of an unknown type is told
//! apart from a malformed one, so that either end can ignore it too. Three frames are not in the contract's
//! first version, and a peer without them may ignore them: the server's `ack` of a response, and `describe`
//! with its answer `schemas`. The limits and the close codes that both ends keep to are here as well.

mod close_code;
mod from_agent;
mod from_server;
pub mod limits;
mod parse;
#[cfg(test)]
mod tests;

pub use self::close_code::CloseCode;
pub use self::from_agent::{AgentFrame, Capabilities, ConfigPlace, RegisterFrame, ResponseFrame};
pub use self::from_server::{CommandFrame, ServerFrame};
pub use self::parse::FrameError;
