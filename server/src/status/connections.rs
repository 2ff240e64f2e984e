//! What agents are connected through. What servers tell each other of agents, and the state of NATS, enter the status here
//! and nowhere else.

use floh_client::answers::{AgentsStatus, NatsStatus};

use crate::services::Services;

/// Returns how many agents are connected; `servers` is the number of servers, if it is known.
pub(super) fn agents(services: &Services, servers: Option<usize>) -> AgentsStatus {
    let here = services.agents.connected() as u64;
    // A server that is alone has all of them; several tell each other nothing of theirs.
    AgentsStatus { here, everywhere: servers.filter(|servers| *servers == 1).map(|_| here) }
}

/// Returns the state of the connection to NATS.
pub fn nats(_services: &Services) -> NatsStatus {
    NatsStatus::NotConfigured
}
