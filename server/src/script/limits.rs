//! The limits of a script. The worker keeps them, and the server checks them too, because it does not trust the worker.

use std::time::Duration;

use connector_runtime::schema::json_text::MAX_JSON_VALUES;

/// The limits of one run. Those of a server are [`Limits::default`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory that the engine may have, beside those that hold what the script was given.
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
        Self::of(DEFAULT_MEMORY, DEFAULT_ANSWER)
    }
}

impl Limits {
    /// Returns the limits that follow from a script's own memory and from the size of an answer. What a script may
    /// receive, it may also hold and answer, so all sizes come from the one of an answer.
    pub const fn of(memory: usize, answer: usize) -> Self {
        Self {
            memory,
            stack: 512 << 10,
            // A file of that size is answered in base64.
            result: answer / 3 * 4 + (64 << 10),
            depth: 120,
            nodes: MAX_JSON_VALUES,
            log: 64 << 10,
            calls: 50,
            body: answer,
            bodies: 4 * answer,
            source: 256 << 10,
        }
    }

    /// Returns the address space that a worker gets beside its program: for the engine, for what surrounds its data on
    /// the way in and out, and slack for the allocators.
    pub const fn room(&self) -> usize {
        self.memory + MAX_GRANT + 8 * self.body + (64 << 20)
    }

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
/// The bytes of memory that a script may have for its own work, unless the server says otherwise.
pub const DEFAULT_MEMORY: usize = 64 << 20;
/// The bytes that an answer may have, that of a service and that of a command, unless the server says otherwise.
pub const DEFAULT_ANSWER: usize = 10 << 20;
/// The largest size of an answer that a server may be set to.
pub const MAX_ANSWER: usize = 32 << 20;
/// Bytes of a frame, in both directions: the largest answer as it came and as a text, in which each byte that is none
/// takes three, and what surrounds it.
pub(super) const FRAME: usize = 4 * MAX_ANSWER + (1 << 20);
/// The most bytes of memory that one run gets for what it is given: its data and the answers of services.
pub(super) const MAX_GRANT: usize = 384 << 20;
/// The maximum number of waits of one run, by `floh.util.sleep` and timers.
pub(super) const MAX_SLEEPS: u32 = 1000;
/// Bytes of data below which nothing is granted: the script's own memory holds them.
const SMALL: usize = 64 << 10;

/// Returns the bytes of memory that the engine needs to hold a JSON text: as a text, and as the values in it. Each list
/// or object, member or item, and text was measured to cost less than this.
pub(super) fn held(text: &[u8]) -> usize {
    if text.len() <= SMALL {
        return 0;
    }
    let (mut containers, mut items, mut quotes) = (0_usize, 0_usize, 0_usize);
    for byte in text {
        match byte {
            b'{' | b'[' => containers += 1,
            b',' | b':' => items += 1,
            b'"' => quotes += 1,
            _ => {}
        }
    }
    4 * text.len() + 200 * containers + 48 * items + 32 * quotes
}
