//! What a run has used of its limits, as the server counts it.
//!
//! The worker counts too, and reports it to the script; this count is for a worker that is compromised.

use connector_runtime::log::LOG_LINE_BYTES;

use super::limits::{Limits, MAX_SLEEPS};
use super::sandbox::HttpFault;

/// The host calls, bytes and log text of a run so far.
pub(super) struct Usage<'l> {
    limits: &'l Limits,
    calls: u32,
    bodies: usize,
    sleeps: u32,
    log: usize,
}

impl<'l> Usage<'l> {
    pub(super) const fn new(limits: &'l Limits) -> Self {
        Self { limits, calls: 0, bodies: 0, sleeps: 0, log: 0 }
    }

    pub(super) fn call(&mut self) -> Result<(), HttpFault> {
        self.calls += 1;
        if self.calls > self.limits.calls { Err(HttpFault::too_many_calls(self.limits.calls)) } else { Ok(()) }
    }

    pub(super) fn sleep(&mut self) -> Result<(), HttpFault> {
        self.sleeps += 1;
        if self.sleeps > MAX_SLEEPS { Err(HttpFault::too_many_sleeps()) } else { Ok(()) }
    }

    pub(super) fn body(&mut self, bytes: usize) -> Result<(), HttpFault> {
        self.bodies += bytes;
        if bytes > self.limits.body || self.bodies > self.limits.bodies {
            return Err(HttpFault::too_large(self.limits));
        }
        Ok(())
    }

    /// One line more than the limit passes: it says that lines were dropped.
    pub(super) fn log(&mut self, bytes: usize) -> bool {
        self.log += bytes + LOG_LINE_BYTES;
        self.log <= 2 * self.limits.log
    }
}
