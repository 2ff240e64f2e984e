//! The limits of an agent's connection, which both ends keep to.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::MAX_BODY_BYTES;

/// The most bytes of a frame, in both directions: a body of the protocol and the keys around it.
pub const MAX_FRAME_BYTES: usize = MAX_BODY_BYTES + 64 * 1024;

/// The most bytes that the server reads before the registration, which may name every connector of a token.
pub const MAX_UNREGISTERED_BYTES: u64 = 1024 * 1024;

/// How long an agent may take to register after the upgrade.
pub const REGISTRATION_TIMEOUT: Duration = Duration::from_secs(5);

/// Time between two pings of the server.
pub const HEARTBEAT: Duration = Duration::from_secs(15);

/// The heartbeats that an agent accepts from a server, in seconds; others are clamped to them.
pub const HEARTBEAT_SECS: RangeInclusive<u64> = 1..=300;

/// After this many heartbeats without a byte from the agent the server closes the connection.
pub const MAX_SERVER_MISSES: u32 = 2;

/// After this many heartbeats without a byte from the server the agent gives the connection up. It is more than
/// [`MAX_SERVER_MISSES`], so that the server, which can say why, is first.
pub const MAX_AGENT_MISSES: u32 = 3;

const _: () = assert!(MAX_SERVER_MISSES < MAX_AGENT_MISSES);

/// How long the close handshake may take.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The most bytes of the reason in a close frame (RFC 6455, section 5.5).
pub const MAX_CLOSE_REASON_BYTES: usize = 123;

/// How many commands an agent gets at the same time if its registration does not say.
pub const DEFAULT_CONCURRENT_COMMANDS: u32 = 64;

/// The most commands that the server gives an agent at the same time, whatever its registration says.
pub const MAX_CONCURRENT_COMMANDS: u32 = 256;
