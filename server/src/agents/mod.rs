//! On-premise agents (contract section 6): processes inside a private network that connect out to the
//! server and execute commands for it.

pub mod wire;
