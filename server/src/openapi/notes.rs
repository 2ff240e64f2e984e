//! What an import reports: about the document, and about each operation.
//!
//! A problem inside an operation does not stop the import. It is noted with its place, and the worst
//! note of an operation is its verdict.

use std::collections::HashMap;

use connector_runtime::egress::Policy;
use floh_client::answers::{Reason, Verdict, Warning};

/// The maximum number of listed warnings of one code; further ones are counted.
const MAX_WARNINGS: usize = 20;

/// Collects warnings, and the reasons of the current operation.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes {
    warnings: Vec<Warning>,
    counts: HashMap<&'static str, usize>,
    verdict: Option<Verdict>,
    reasons: Vec<Reason>,
    egress: Option<Policy>,
}

impl Notes {
    /// Sets the rules by which servers are judged; the strict ones otherwise.
    pub(super) fn judged_by(&mut self, egress: Option<Policy>) {
        self.egress = egress;
    }

    /// Returns the rules by which servers are judged.
    pub(super) fn egress(&self) -> Policy {
        self.egress.clone().unwrap_or_else(Policy::strict)
    }

    /// Notes something that does not change what a command can do.
    pub(super) fn warn(&mut self, code: &'static str, pointer: &str, message: impl Into<String>) {
        let count = self.counts.entry(code).or_default();
        *count += 1;
        if *count <= MAX_WARNINGS {
            self.warnings.push(Warning { code: code.into(), pointer: pointer.to_owned(), message: message.into() });
        }
    }

    /// Notes in what the current operation differs from the document.
    pub(super) fn degrade(&mut self, code: &'static str, pointer: &str, message: impl Into<String>) {
        self.reason(Verdict::Degraded, code, pointer, message.into());
    }

    /// Notes why the current operation cannot be called.
    pub(super) fn refuse(&mut self, code: &'static str, pointer: &str, message: impl Into<String>) {
        self.reason(Verdict::Refused, code, pointer, message.into());
    }

    fn reason(&mut self, verdict: Verdict, code: &'static str, pointer: &str, message: String) {
        self.warn(code, pointer, message.clone());
        self.verdict = self.verdict.max(Some(verdict));
        let reason = Reason { pointer: pointer.to_owned(), message };
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }

    /// Ends an operation and returns what was noted about it.
    pub(super) fn verdict(&mut self) -> (Verdict, Vec<Reason>) {
        (self.verdict.take().unwrap_or(Verdict::Exact), std::mem::take(&mut self.reasons))
    }

    /// Returns the warnings; of a frequent code the first ones, and how many more there are.
    pub(super) fn into_warnings(self) -> Vec<Warning> {
        let Self { mut warnings, counts, .. } = self;
        let mut more: Vec<_> = counts.into_iter().filter(|(_, count)| *count > MAX_WARNINGS).collect();
        more.sort_unstable();
        warnings.extend(more.into_iter().map(|(code, count)| Warning {
            code: code.into(),
            pointer: String::new(),
            message: format!("{} more of this kind", count - MAX_WARNINGS),
        }));
        warnings
    }
}
