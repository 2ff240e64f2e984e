//! How many connections are open: in all, below what the process may open, and from one peer, so that one client
//! cannot take all of them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::process::{Resource, getrlimit};

#[cfg(test)]
mod tests;

/// The most connections of a process, however many descriptors it may open.
const MAX_CONNECTIONS: usize = 10_000;
/// The fewest connections, even if the process may open next to nothing.
const MIN_CONNECTIONS: usize = 16;

/// The most connections that may be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// In all.
    pub total: usize,
    /// From one address; those of an IPv6 network (/64) count as one.
    pub per_peer: usize,
}

impl Default for ConnectionLimits {
    /// Half of the descriptors that the process may open, so that calls, the database and script workers have the other
    /// half; and half of those for one peer.
    fn default() -> Self {
        let total = (descriptors() / 2).clamp(MIN_CONNECTIONS, MAX_CONNECTIONS);
        Self { total, per_peer: total / 2 }
    }
}

impl ConnectionLimits {
    /// Returns how many connections the process can have at most and still open other files: three quarters of its
    /// descriptors.
    pub fn possible() -> usize {
        (descriptors() / 4 * 3).max(MIN_CONNECTIONS)
    }
}

fn descriptors() -> usize {
    getrlimit(Resource::Nofile).current.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

/// The open connections.
#[derive(Debug)]
pub(super) struct Connections {
    limits: ConnectionLimits,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_peer: HashMap<IpAddr, usize>,
}

/// A connection that counts as open until this is dropped.
#[derive(Debug)]
pub(super) struct OpenConnection {
    connections: Arc<Connections>,
    peer: IpAddr,
}

impl Connections {
    pub(super) fn new(limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(Self { limits, open: Mutex::default() })
    }

    /// Counts a connection of a peer; `None` if it would be one too many.
    pub(super) fn open(self: &Arc<Self>, peer: IpAddr) -> Option<OpenConnection> {
        let peer = network(peer);
        let mut open = self.open.lock();
        let own = open.by_peer.get(&peer).copied().unwrap_or(0);
        if open.total >= self.limits.total || own >= self.limits.per_peer {
            return None;
        }
        open.total += 1;
        open.by_peer.insert(peer, own + 1);
        Some(OpenConnection { connections: Arc::clone(self), peer })
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock();
        open.total -= 1;
        if let Some(own) = open.by_peer.get_mut(&self.peer) {
            *own -= 1;
            if *own == 0 {
                open.by_peer.remove(&self.peer);
            }
        }
    }
}

/// Returns what counts as one peer: an IPv4 address, or the network that a host with IPv6 chooses its addresses from.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}
