//! The machine's own addresses.
//!
//! A connector that calls the server's own public address reaches the server from inside, like loopback.
//! The list is read from the system and kept for a few seconds, because interfaces change.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How long a list is kept.
const FRESH: Duration = Duration::from_secs(10);

static CACHE: Mutex<Option<(Instant, Arc<[IpAddr]>)>> = Mutex::new(None);

/// The source of the machine's own addresses.
#[derive(Clone, Debug)]
pub(super) enum Interfaces {
    /// From the system.
    System,
    /// From a list, for tests.
    #[cfg(test)]
    Fixed(Arc<[IpAddr]>),
}

impl Interfaces {
    /// Returns whether an address belongs to this machine.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        match self {
            Self::System => system().contains(&address),
            #[cfg(test)]
            Self::Fixed(list) => list.contains(&address),
        }
    }
}

fn system() -> Arc<[IpAddr]> {
    let mut cache = CACHE.lock();
    if let Some((read_at, list)) = &*cache
        && read_at.elapsed() < FRESH
    {
        return Arc::clone(list);
    }
    let list: Arc<[IpAddr]> = match if_addrs::get_if_addrs() {
        Ok(interfaces) => interfaces.iter().map(|interface| interface.ip().to_canonical()).collect(),
        Err(error) => {
            // The list only adds to the address rule; an older one is better than none.
            tracing::warn!(%error, "own interface addresses could not be read");
            cache.as_ref().map_or_else(|| [].into(), |(_, list)| Arc::clone(list))
        }
    };
    *cache = Some((Instant::now(), Arc::clone(&list)));
    list
}
