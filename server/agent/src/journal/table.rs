//! The table in memory: what is known of each command, and how frames change it.

use std::collections::HashMap;
use std::sync::Arc;

use super::Repeat;
use super::seal::SEAL_BYTES;

/// An id of a command.
pub(crate) type Id = Arc<str>;

/// The result of adding a command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Entered {
    /// It is new and must be executed.
    New,
    /// It is new and may not begin; it was not added.
    Refused,
    /// It is running; its response is sent when it is done.
    Running,
    /// It is new, and the same call as a running one: it gets that one's response.
    Follows(Id),
    /// It is finished; its result is sent again.
    Finished,
    /// It is new, and the same call as a finished one: it gets that one's result.
    Repeats(Id),
    /// An earlier process started it, or its result cannot be read: it must not be executed.
    Interrupted,
}

#[derive(Debug, Default)]
pub(super) struct Table {
    rows: HashMap<Id, Row>,
    repeats: HashMap<Repeat, Id>,
    bytes: u64,
}

#[derive(Debug)]
struct Row {
    state: State,
    repeat: Option<Repeat>,
    /// When it began; once it has ended, when it ended.
    at: i64,
}

#[derive(Debug)]
enum State {
    Running {
        followers: Vec<Id>,
    },
    Following,
    Interrupted,
    Finished {
        bytes: u64,
        /// Kept until it is on disk.
        result: Option<Arc<str>>,
        acknowledged: bool,
    },
}

/// What was dropped to free space.
#[derive(Debug, Default)]
pub(super) struct Pruned {
    pub(super) ids: Vec<Id>,
    /// How many of them the server had not acknowledged.
    pub(super) unacknowledged: usize,
}

impl Table {
    /// Adds a row of an earlier process: a finished command with its size and whether it was acknowledged, or an
    /// interrupted one.
    pub(super) fn restore(&mut self, id: Id, repeat: Option<Repeat>, at: i64, finished: Option<(u64, bool)>) {
        let state = match finished {
            Some((bytes, acknowledged)) => {
                self.bytes += bytes;
                // If several are the same call, the newest is repeated.
                if let Some(repeat) = repeat {
                    self.repeats.insert(repeat, Arc::clone(&id));
                }
                State::Finished { bytes, result: None, acknowledged }
            }
            None => State::Interrupted,
        };
        self.rows.insert(id, Row { state, repeat, at });
    }

    pub(super) fn enter(&mut self, id: &str, repeat: Option<Repeat>, may_begin: bool, at: i64) -> Entered {
        if let Some(row) = self.rows.get(id) {
            return match row.state {
                State::Running { .. } | State::Following => Entered::Running,
                State::Finished { .. } => Entered::Finished,
                State::Interrupted => Entered::Interrupted,
            };
        }
        let id: Id = id.into();
        let same = repeat.and_then(|repeat| self.repeats.get(&repeat)).map(Arc::clone);
        let state_of_same = same.as_ref().and_then(|same| self.rows.get_mut(same)).map(|row| &mut row.state);
        match (same, state_of_same) {
            (Some(same), Some(State::Running { followers })) => {
                followers.push(Arc::clone(&id));
                self.rows.insert(id, Row { state: State::Following, repeat, at });
                Entered::Follows(same)
            }
            (Some(same), Some(State::Finished { .. })) => {
                let state = State::Running { followers: Vec::new() };
                self.rows.insert(id, Row { state, repeat, at });
                Entered::Repeats(same)
            }
            _ if !may_begin => Entered::Refused,
            _ => {
                if let Some(repeat) = repeat {
                    self.repeats.insert(repeat, Arc::clone(&id));
                }
                self.rows.insert(id, Row { state: State::Running { followers: Vec::new() }, repeat, at });
                Entered::New
            }
        }
    }

    /// Removes a command and those that follow it, and returns the latter.
    pub(super) fn withdraw(&mut self, id: &str) -> Vec<Id> {
        let followers = match self.forget(id).map(|row| row.state) {
            Some(State::Running { followers }) => followers,
            _ => Vec::new(),
        };
        for id in &followers {
            self.forget(id);
        }
        followers
    }

    /// Stores a result for a command and those that follow it; returns the latter, and the hash that makes them one
    /// call.
    pub(super) fn finish(&mut self, id: &str, result: &Arc<str>, at: i64) -> (Option<Repeat>, Vec<Id>) {
        let repeat = self.rows.get(id).and_then(|row| row.repeat);
        let followers = match self.rows.get_mut(id).map(|row| &mut row.state) {
            Some(State::Running { followers }) => std::mem::take(followers),
            _ => Vec::new(),
        };
        for id in followers.iter().map(|id| &**id).chain([id]) {
            let Some(row) = self.rows.get_mut(id) else { continue };
            // The size on disk, so that the sum is the same after a restart.
            let bytes = (result.len() + SEAL_BYTES) as u64;
            self.bytes += bytes;
            row.at = at;
            row.state = State::Finished { bytes, result: Some(Arc::clone(result)), acknowledged: false };
        }
        (repeat, followers)
    }

    /// Returns a result that is not on disk yet.
    pub(super) fn held(&self, id: &str) -> Option<Arc<str>> {
        match &self.rows.get(id)?.state {
            State::Finished { result, .. } => result.clone(),
            _ => None,
        }
    }

    /// Records that a result is on disk.
    pub(super) fn written(&mut self, id: &str) {
        if let Some(State::Finished { result, .. }) = self.rows.get_mut(id).map(|row| &mut row.state) {
            *result = None;
        }
    }

    /// Records that a result cannot be read any more. Its id is kept, so that it is not executed again.
    pub(super) fn lose(&mut self, id: &str) {
        if let Some(row) = self.rows.get_mut(id) {
            if let State::Finished { bytes, .. } = row.state {
                self.bytes = self.bytes.saturating_sub(bytes);
            }
            row.state = State::Interrupted;
            self.unlink(id);
        }
    }

    pub(super) fn unacknowledged(&self) -> Vec<Id> {
        let waits = |row: &Row| matches!(row.state, State::Finished { acknowledged: false, .. });
        let mut found: Vec<_> = self.rows.iter().filter(|(_, row)| waits(row)).map(|(id, row)| (row.at, id)).collect();
        found.sort_unstable();
        found.into_iter().map(|(_, id)| Arc::clone(id)).collect()
    }

    /// Records an acknowledgement; returns whether it is the first.
    pub(super) fn acknowledge(&mut self, id: &str) -> bool {
        match self.rows.get_mut(id).map(|row| &mut row.state) {
            Some(State::Finished { acknowledged, .. }) => !std::mem::replace(acknowledged, true),
            _ => false,
        }
    }

    /// Drops what began or ended before `oldest`. If there is too much, the oldest are dropped down to nine tenths of
    /// the limit, so that this is not done for every command. Running commands are kept.
    pub(super) fn prune(&mut self, oldest: Option<i64>, most_rows: usize, most_bytes: u64) -> Pruned {
        let mut pruned = Pruned::default();
        let too_much = self.rows.len() > most_rows || self.bytes > most_bytes;
        if !too_much && oldest.is_none() {
            return pruned;
        }
        let rank = |row: &Row| match row.state {
            State::Running { .. } | State::Following => None,
            State::Finished { acknowledged: true, .. } => Some(0),
            State::Interrupted => Some(1),
            State::Finished { .. } => Some(2),
        };
        let mut all: Vec<(u8, i64, Id)> =
            self.rows.iter().filter_map(|(id, row)| Some((rank(row)?, row.at, Arc::clone(id)))).collect();
        all.sort_unstable();
        let (rows, bytes) = (most_rows / 10 * 9, most_bytes / 10 * 9);
        for (rank, at, id) in all {
            let crowded = too_much && (self.rows.len() > rows || self.bytes > bytes);
            if oldest.is_none_or(|oldest| at >= oldest) && !crowded {
                continue;
            }
            self.forget(&id);
            pruned.unacknowledged += usize::from(rank == 2);
            pruned.ids.push(id);
        }
        pruned
    }

    fn forget(&mut self, id: &str) -> Option<Row> {
        self.unlink(id);
        let row = self.rows.remove(id)?;
        if let State::Finished { bytes, .. } = row.state {
            self.bytes = self.bytes.saturating_sub(bytes);
        }
        Some(row)
    }

    /// Makes later calls no longer count as repetitions of this one.
    fn unlink(&mut self, id: &str) {
        let Some(repeat) = self.rows.get(id).and_then(|row| row.repeat) else { return };
        if self.repeats.get(&repeat).is_some_and(|known| &**known == id) {
            self.repeats.remove(&repeat);
        }
    }
}
