//! What a server says of itself: whether it is ready, and its part of the status.

use floh_client::answers::{NatsStatus, PartState, ReadinessPart, ReadyPart, RecurringRun, RecurringTask};

use super::{App, shown_address};
use crate::background::{ReleaseMix, Run, TaskStatus};
use crate::status::{OwnState, nats};

/// Why a server is not ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unready {
    /// The first reason, in words that anyone may read.
    pub why: &'static str,
    /// How each part is.
    pub parts: Vec<ReadinessPart>,
}

impl App {
    /// Checks readiness: the database takes writes, has taken the rows of all late calls, and the server is not stopping.
    /// Everything that it says may be read by anyone: short words, and no addresses, releases or names.
    ///
    /// # Errors
    /// What is missing.
    pub async fn readiness(&self) -> Result<Vec<ReadinessPart>, Unready> {
        let stopping = self.is_stopping().then_some("the server is stopping");
        let recorder = self.recorder.trouble();
        // What is missing anyway is told without asking a database that may be slow.
        let is_missing = stopping.is_some() || recorder.is_some();
        let lease = &self.lifecycle.lease;
        let database = if is_missing { lease.last_outcome() } else { lease.check().await }.err();
        let needed = |part, why: Option<&'static str>| said(part, why.map(|why| (PartState::Failed, why)));
        let parts = vec![
            needed(ReadyPart::Server, stopping),
            needed(ReadyPart::Recorder, recorder),
            needed(ReadyPart::Database, database),
            said(ReadyPart::Releases, releases(lease.releases())),
            said(ReadyPart::Nats, nats_part(&nats(self.services()))),
        ];
        match stopping.or(recorder).or(database) {
            Some(why) => Err(Unready { why, parts }),
            None => Ok(parts),
        }
    }

    /// Returns what the server knows of itself, for its status.
    pub fn own_state(&self) -> OwnState {
        let lifecycle = &self.lifecycle;
        OwnState {
            address: self.address().map(shown_address),
            started_at: lifecycle.started_at,
            lease_remaining: lifecycle.lease.remaining(),
            is_stopping: self.is_stopping(),
            tasks: lifecycle.background.statuses().into_iter().map(task).collect(),
            retention: lifecycle.retention.get().map(|watch| watch.statuses()).unwrap_or_default(),
        }
    }
}

fn said(part: ReadyPart, what: Option<(PartState, &str)>) -> ReadinessPart {
    let (state, text) = what.map_or((PartState::Ok, None), |(state, text)| (state, Some(text.to_owned())));
    ReadinessPart { part, state, text }
}

fn releases(mix: ReleaseMix) -> Option<(PartState, &'static str)> {
    let text = match mix {
        ReleaseMix { older: false, newer: false } => return None,
        ReleaseMix { older: true, newer: false } => "a server of an older release uses the database too",
        ReleaseMix { older: false, newer: true } => "a server of a newer release uses the database too",
        ReleaseMix { older: true, newer: true } => "servers of older and of newer releases use the database too",
    };
    Some((PartState::Notice, text))
}

/// Without NATS everything works but agents at other servers, so it never makes a server unready.
fn nats_part(nats: &NatsStatus) -> Option<(PartState, &'static str)> {
    match nats {
        NatsStatus::NotConfigured => Some((PartState::Off, "not configured")),
        NatsStatus::Connected { .. } => None,
        NatsStatus::Away { .. } => Some((PartState::Notice, "agents at other servers are not reached")),
    }
}

fn task(status: TaskStatus) -> RecurringTask {
    let milliseconds = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let run = |Run { began_at, took, outcome }: Run| RecurringRun {
        at: began_at,
        took_ms: milliseconds(took),
        error: outcome.err(),
    };
    RecurringTask { name: status.name.to_owned(), period_ms: milliseconds(status.period), last: status.last.map(run) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_of_releases_and_a_lost_nats_are_told_and_block_nothing() {
        let mixes = [(false, false), (true, false), (false, true), (true, true)];
        let told = mixes.map(|(older, newer)| releases(ReleaseMix { older, newer }).map(|(state, _)| state));
        assert_eq!(told, [None, Some(PartState::Notice), Some(PartState::Notice), Some(PartState::Notice)]);
        let since = jiff::Timestamp::UNIX_EPOCH;
        let away = nats_part(&NatsStatus::Away { since, reason: "canary: 10.0.0.7 refused".to_owned() });
        assert_eq!(
            away,
            Some((PartState::Notice, "agents at other servers are not reached")),
            "the reason is not told"
        );
        assert_eq!(nats_part(&NatsStatus::Connected { server: "nats:4222".to_owned(), since }), None);
        assert_eq!(nats_part(&NatsStatus::NotConfigured).unwrap().0, PartState::Off);
    }
}
