//! The frames on the pipe between the server and a worker: a length, a kind, and fields.
//!
//! Fields are written in order, without names: both ends are the same program. Lengths are checked before anything is
//! allocated, and a frame with bytes left over is refused, so that neither end can be made to take more than [`FRAME`]
//! bytes or to read past a frame.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::limits::FRAME;

/// Length and kind.
pub(super) const HEAD: usize = 5;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// To the worker: the script that it serves from now on.
    Bind = 1,
    /// To the worker: run a command.
    Run = 2,
    /// To the worker: the result of an HTTP call.
    Reply = 3,
    /// To the worker: check a source.
    Check = 4,
    /// From the worker: its confinement is set up.
    Hello = 16,
    /// From the worker: carry out an HTTP call.
    Call = 17,
    /// From the worker: a line for the log.
    Log = 18,
    /// From the worker: the result.
    Done = 19,
    /// From the worker: the run failed.
    Failed = 20,
    /// From the worker: what is wrong with a source.
    Checked = 21,
    /// From the worker: asks for an access token.
    Token = 22,
    /// From the worker: sends an imported operation.
    Operation = 23,
    /// From the worker: waits.
    Sleep = 24,
}

impl Kind {
    const ALL: [Self; 13] = [
        Self::Bind,
        Self::Run,
        Self::Reply,
        Self::Check,
        Self::Hello,
        Self::Call,
        Self::Log,
        Self::Done,
        Self::Failed,
        Self::Checked,
        Self::Token,
        Self::Operation,
        Self::Sleep,
    ];

    fn of(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// A malformed frame: the other end is broken or compromised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the frame is malformed")]
pub(super) struct Malformed;

/// Reads the head of a frame: its kind and the bytes that follow.
pub(super) fn head(bytes: [u8; HEAD]) -> Result<(Kind, usize), Malformed> {
    let [a, b, c, d, kind] = bytes;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    match Kind::of(kind) {
        Some(kind) if length <= FRAME => Ok((kind, length)),
        _ => Err(Malformed),
    }
}

/// Appends frames to a buffer.
#[derive(Debug)]
pub(super) struct Writer<'b> {
    out: &'b mut Vec<u8>,
    start: usize,
}

impl<'b> Writer<'b> {
    pub(super) fn new(out: &'b mut Vec<u8>, kind: Kind) -> Self {
        let start = out.len();
        out.extend_from_slice(&[0, 0, 0, 0, kind as u8]);
        Self { out, start }
    }

    pub(super) fn byte(self, value: u8) -> Self {
        self.out.push(value);
        self
    }

    pub(super) fn number(self, value: u64) -> Self {
        self.out.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(super) fn bytes(self, value: &[u8]) -> Self {
        let this = self.number(value.len() as u64);
        this.out.extend_from_slice(value);
        this
    }

    pub(super) fn text(self, value: &str) -> Self {
        self.bytes(value.as_bytes())
    }

    /// Writes a value as JSON, which is a text for the reader.
    pub(super) fn json<T: Serialize + ?Sized>(self, value: &T) -> Result<Self, serde_json::Error> {
        let at = self.out.len();
        let this = self.number(0);
        serde_json::to_writer(&mut *this.out, value)?;
        let length = (this.out.len() - at - 8) as u64;
        this.out[at..at + 8].copy_from_slice(&length.to_le_bytes());
        Ok(this)
    }

    /// Completes the frame.
    ///
    /// # Errors
    /// If it is larger than a frame may be; it is removed from the buffer.
    pub(super) fn end(self) -> Result<(), Malformed> {
        let length = self.out.len() - self.start - HEAD;
        match u32::try_from(length) {
            Ok(number) if length <= FRAME => {
                self.out[self.start..self.start + 4].copy_from_slice(&number.to_le_bytes());
                Ok(())
            }
            _ => {
                self.out.truncate(self.start);
                Err(Malformed)
            }
        }
    }
}

/// Reads the fields of a frame.
#[derive(Debug)]
pub(super) struct Reader<'b>(pub(super) &'b [u8]);

impl<'b> Reader<'b> {
    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.0.split_first().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*first)
    }

    pub(super) fn number(&mut self) -> Result<u64, Malformed> {
        let (first, rest) = self.0.split_first_chunk::<8>().ok_or(Malformed)?;
        self.0 = rest;
        Ok(u64::from_le_bytes(*first))
    }

    /// Reads the status of an answer.
    pub(super) fn status(&mut self) -> Result<u16, Malformed> {
        u16::try_from(self.number()?).map_err(|_| Malformed)
    }

    pub(super) fn size(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.number()?).map_err(|_| Malformed)
    }

    pub(super) fn bytes(&mut self) -> Result<&'b [u8], Malformed> {
        let length = self.size()?;
        let (first, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(first)
    }

    pub(super) fn text(&mut self) -> Result<&'b str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed)
    }

    pub(super) fn json<T: DeserializeOwned>(&mut self) -> Result<T, Malformed> {
        serde_json::from_slice(self.bytes()?).map_err(|_| Malformed)
    }

    /// Checks that no bytes are left.
    pub(super) fn end(self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}
