//! What agents are connected through. What servers tell each other of agents, and the state of NATS, enter the status here
//! and nowhere else.

use floh_client::answers::{AgentsStatus, NatsStatus};

use crate::nats::NatsState;
use crate::services::Services;

/// Returns how many agents are connected; `servers` is the number of servers, if it is known.
pub(super) fn agents(services: &Services, servers: Option<usize>) -> AgentsStatus {
    let here = services.agents.connected() as u64;
    // A server that is alone has all of them; several tell each other of theirs where NATS joins them.
    let is_alone = servers == Some(1);
    let everywhere = services.agents.connected_everywhere().map(|agents| agents as u64);
    AgentsStatus { here, everywhere: everywhere.or(is_alone.then_some(here)) }
}

/// Returns the state of the connection to NATS.
pub fn nats(services: &Services) -> NatsStatus {
    match services.agents.link_state() {
        None => NatsStatus::NotConfigured,
        Some((server, NatsState::Connected { since, .. })) => NatsStatus::Connected { server, since },
        Some((_, NatsState::Away { since, reason })) => NatsStatus::Away { since, reason },
    }
}
