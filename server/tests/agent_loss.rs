//! A whole server and whole agents over loopback, with something bad in between: connections that are cut at
//! every byte, frames that come twice, in the wrong order, or mean nothing. What is asked of both ends is that
//! nothing is lost and nothing executed twice.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]
#![allow(clippy::needless_pass_by_value, reason = "shorter calls")]

#[path = "agent_loss/desk.rs"]
mod desk;
#[path = "agent_loss/disorder.rs"]
mod disorder;
#[path = "agent_loss/frames.rs"]
mod frames;
#[path = "agent_loss/house.rs"]
mod house;
#[path = "agent_loss/offsets.rs"]
mod offsets;
#[path = "agent_loss/tap.rs"]
mod tap;
