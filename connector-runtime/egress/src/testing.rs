//! A network in memory for tests of what is sent where: names answer what a test says, dialled addresses are recorded
//! and lead to servers on loopback. Behind the feature `testing`; no part of a release.

mod events;
mod net;
mod upstream;

pub use self::events::Events;
pub use self::net::{Answer, Net, PUBLIC};
pub use self::upstream::*;
