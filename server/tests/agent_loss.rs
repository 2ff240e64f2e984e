//! A whole server and whole agents over loopback, with something bad in between: connections that are cut at
//! every byte, frames that come twice, in the wrong order, or mean nothing. What is asked of both ends is that
//! nothing is lost and nothing executed twice.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]
#![allow(clippy::needless_pass_by_value, reason = "shorter calls")]

#[path = "agent_loss/fixture.rs"]
mod fixture;
#[path = "agent_loss/frames.rs"]
mod frames;
#[path = "agent_loss/offsets.rs"]
mod offsets;
#[path = "agent_loss/recorder.rs"]
mod recorder;
#[path = "agent_loss/reorder.rs"]
mod reorder;
#[path = "agent_loss/server.rs"]
mod server;
