//! The metrics of the agent hub.

use metrics::{Counter, Gauge};

/// Counters and the gauge, each looked up once.
pub(super) struct Meters {
    connected: Gauge,
    outcomes: [Counter; Outcome::ALL.len()],
    pub(super) dropped: Counter,
    pub(super) resent: Counter,
}

/// How the delivery of a command ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome {
    Answered,
    NoAgent,
    Refused,
    Busy,
    Lost,
    TimedOut,
    TooLarge,
    Unreadable,
    Unreachable,
}

impl Outcome {
    const ALL: [Self; 9] = [
        Self::Answered,
        Self::NoAgent,
        Self::Refused,
        Self::Busy,
        Self::Lost,
        Self::TimedOut,
        Self::TooLarge,
        Self::Unreadable,
        Self::Unreachable,
    ];

    /// Returns its name, as used in metrics and in the diagnostics of failures.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::NoAgent => "no_agent",
            Self::Refused => "agent_refused",
            Self::Busy => "agent_busy",
            Self::Lost => "agent_lost",
            Self::TimedOut => "agent_timeout",
            Self::TooLarge => "call_too_large",
            Self::Unreadable => "unreadable_answer",
            Self::Unreachable => "agent_unreachable",
        }
    }
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            connected: metrics::gauge!("floh_agents_connected"),
            outcomes: Outcome::ALL
                .map(|outcome| metrics::counter!("floh_agent_commands_total", "outcome" => outcome.as_str())),
            dropped: metrics::counter!("floh_agent_responses_dropped_total"),
            resent: metrics::counter!("floh_agent_commands_resent_total"),
        }
    }
}

impl Meters {
    pub(super) fn connected(&self, agents: usize) {
        // Far below 2^52.
        #[expect(clippy::cast_precision_loss, reason = "a number of agents")]
        self.connected.set(agents as f64);
    }

    pub(super) fn count(&self, outcome: Outcome) {
        self.outcomes[outcome as usize].increment(1);
    }
}

impl std::fmt::Debug for Meters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meters")
    }
}
