//! The limits of a script. The worker keeps them, and the server checks them too, because it does not trust the worker.

use std::time::Duration;

/// The limits of one run. Those of a server are [`Limits::default`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory that the engine may have.
    pub memory: usize,
    /// Bytes of stack that the engine may have.
    pub stack: usize,
    /// Bytes of the result's JSON text.
    pub result: usize,
    /// How deep a result may be nested.
    pub depth: usize,
    /// How many values a result may hold.
    pub nodes: usize,
    /// Bytes of log text; lines beyond are dropped.
    pub log: usize,
    /// HTTP calls of one run.
    pub calls: u32,
    /// Bytes of the body of one HTTP request, and of one answer.
    pub body: usize,
    /// Bytes of the bodies of all HTTP answers of one run.
    pub bodies: usize,
    /// Bytes of the script's source.
    pub source: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 64 << 20,
            stack: 512 << 10,
            result: 1 << 20,
            depth: 64,
            nodes: 100_000,
            log: 64 << 10,
            calls: 50,
            body: 8 << 20,
            bodies: 32 << 20,
            source: 256 << 10,
        }
    }
}

impl Limits {
    /// Returns these limits for a script that an import has written: its source may be as long as its document, though
    /// a worker gets only one operation of it.
    #[must_use]
    pub const fn imported(self) -> Self {
        Self { source: 32 << 20, ..self }
    }
}

/// How long after the soft interrupt a worker is killed.
pub(super) const GRACE: Duration = Duration::from_millis(50);
/// How long a run may compute before others go first.
pub(super) const SLICE: Duration = Duration::from_millis(50);
/// How long a source may take to be checked: its top level runs.
pub(super) const CHECK: Duration = Duration::from_secs(2);
/// Characters that are kept of a message, a name or a stack that a script made.
pub(super) const TEXT: usize = 4096;
/// Bytes of data that a call may bring: config, params and variables. A REST body has 10 MiB.
pub(super) const DATA: usize = 16 << 20;
/// Bytes of a frame, in both directions: the largest body or data, and what surrounds it.
pub(super) const FRAME: usize = 40 << 20;
