//! The worker's end of the pipe: standard input, for both directions.
//!
//! Output is buffered until the worker waits or the buffer is full: a log line is not worth a
//! system call, and a result is sent together with the lines before it.

use std::cell::RefCell;
use std::io;
use std::os::fd::AsFd;

use crate::script::frame::{HEAD, Kind, Malformed, Writer, head};

/// From this size on, output is sent at once.
const FULL: usize = 8 << 10;

/// The pipe.
#[derive(Debug, Default)]
pub(super) struct Channel {
    out: RefCell<Vec<u8>>,
}

impl Channel {
    /// Adds a frame.
    pub(super) fn send(
        &self,
        kind: Kind,
        write: impl for<'b> FnOnce(Writer<'b>) -> Result<Writer<'b>, Malformed>,
    ) -> Result<(), Malformed> {
        self.add(|out| write(Writer::new(out, kind))?.end())
    }

    /// Adds frames that write themselves.
    pub(super) fn add(&self, write: impl FnOnce(&mut Vec<u8>) -> Result<(), Malformed>) -> Result<(), Malformed> {
        let mut out = self.out.borrow_mut();
        write(&mut out)?;
        let full = out.len() >= FULL;
        drop(out);
        if full { self.flush().map_err(|_| Malformed) } else { Ok(()) }
    }

    /// Sends what is buffered.
    pub(super) fn flush(&self) -> io::Result<()> {
        let mut out = self.out.borrow_mut();
        let mut left = out.as_slice();
        while !left.is_empty() {
            let written = rustix::io::retry_on_intr(|| rustix::io::write(io::stdin().as_fd(), left))?;
            left = left.get(written..).unwrap_or_default();
        }
        out.clear();
        out.shrink_to(4 * FULL);
        Ok(())
    }

    /// Waits for the next frame; `None` if the server is gone.
    pub(super) fn next(&self) -> io::Result<Option<(Kind, Vec<u8>)>> {
        self.flush()?;
        let mut start = [0; HEAD];
        if !fill(&mut start)? {
            return Ok(None);
        }
        let (kind, length) = head(start).map_err(io::Error::other)?;
        let mut body = vec![0; length];
        Ok(fill(&mut body)?.then_some((kind, body)))
    }
}

/// Reads until a buffer is full; false if the pipe ends before.
fn fill(mut buffer: &mut [u8]) -> io::Result<bool> {
    while !buffer.is_empty() {
        let read = rustix::io::retry_on_intr(|| rustix::io::read(io::stdin().as_fd(), &mut *buffer))?;
        if read == 0 {
            return Ok(false);
        }
        buffer = buffer.get_mut(read..).unwrap_or_default();
    }
    Ok(true)
}
