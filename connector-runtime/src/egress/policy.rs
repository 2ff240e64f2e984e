//! The policy: the address, name and port rules together with the operator's lists.
//!
//! Every destination passes here twice: its URL before a request is built, its addresses before one is
//! dialled. The deny list goes before the allow list, and that goes before the rules.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::interfaces::Interfaces;
use super::list::{Exactness, List};
use super::url::{Target, TargetHost};
use super::{Rule, address, names};

static NEXT_VERSION: AtomicU64 = AtomicU64::new(1);

/// What may be called. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Policy(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    allow: List,
    deny: List,
    interfaces: Interfaces,
    version: u64,
}

/// An entry of the operator's lists that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("egress list entry `{entry}` cannot be used: {why}")]
pub struct PolicyError {
    entry: String,
    why: String,
}

impl PolicyError {
    pub(super) fn new(entry: &str, why: &str) -> Self {
        Self { entry: entry.to_owned(), why: why.to_owned() }
    }
}

/// What the policy says about a destination's name and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameVerdict {
    /// No rule speaks against it; its addresses decide.
    Plain,
    /// The operator's allow list names the host.
    Named,
}

/// An address that may be dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cleared {
    /// The address to dial.
    pub(super) address: IpAddr,
    /// Whether it is open only because the operator says so.
    pub(super) by_operator: bool,
}

impl Policy {
    /// Only public addresses.
    pub fn strict() -> Self {
        Self::from_lists(List::default(), List::default(), Interfaces::System)
    }

    /// Reads the operator's lists. One text may hold several entries, separated by commas.
    ///
    /// An entry is a block, an address, a host name or all names below one (`*.corp.example`); all but
    /// blocks may carry a port and then hold for it alone. Loopback, link-local and metadata addresses and
    /// the machine's own are opened by single addresses only, never by a block or a name.
    ///
    /// # Errors
    ///
    /// Fails on the first entry that cannot be read, naming it.
    pub fn parse<S: AsRef<str>>(allow: &[S], deny: &[S]) -> Result<Self, PolicyError> {
        Ok(Self::from_lists(List::parse(allow)?, List::parse(deny)?, Interfaces::System))
    }

    /// Tells policies apart: every policy that is built has its own number.
    ///
    /// A [`super::Client`] has one policy for life, so a pooled connection never outlives a change of it.
    pub fn version(&self) -> u64 {
        self.0.version
    }

    fn from_lists(allow: List, deny: List, interfaces: Interfaces) -> Self {
        let version = NEXT_VERSION.fetch_add(1, Ordering::Relaxed);
        Self(Arc::new(Inner { allow, deny, interfaces, version }))
    }

    #[cfg(test)]
    pub(super) fn with_interfaces(&self, own: &[IpAddr]) -> Self {
        Self::from_lists(self.0.allow.clone(), self.0.deny.clone(), Interfaces::Fixed(own.into()))
    }

    /// Judges a name or literal and the port. Addresses of a name are judged after its look-up.
    pub(super) fn judge_target(&self, target: &Target) -> Result<NameVerdict, Rule> {
        match &target.host {
            TargetHost::Address(address) => self.judge_literal(*address, target.port),
            TargetHost::Name(name) => self.judge_name(name, target.port),
        }
    }

    fn judge_literal(&self, address: IpAddr, port: u16) -> Result<NameVerdict, Rule> {
        let own = address::dialled(address);
        if names::is_refused_port(port) && !self.0.allow.address_with_port(own, port) {
            return Err(Rule::Port);
        }
        self.judge_address(address, Some(port), NameVerdict::Plain).map(|_| NameVerdict::Plain)
    }

    fn judge_name(&self, name: &str, port: u16) -> Result<NameVerdict, Rule> {
        if self.0.deny.name(name, port) {
            return Err(Rule::OperatorDeny);
        }
        if names::is_refused_port(port) && !self.0.allow.name_with_port(name, port) {
            return Err(Rule::Port);
        }
        if self.0.allow.name(name, port) {
            return Ok(NameVerdict::Named);
        }
        names::refusal(name).map_or(Ok(NameVerdict::Plain), Err)
    }

    /// Judges an address of a literal or of a look-up.
    pub(super) fn judge_address(&self, address: IpAddr, port: Option<u16>, name: NameVerdict) -> Result<Cleared, Rule> {
        let dialled = address::dialled(address);
        let judged = address::judged(address);
        let spellings = [dialled, judged];
        if spellings.iter().any(|spelling| self.0.deny.address(*spelling, port).is_some()) {
            return Err(Rule::OperatorDeny);
        }
        let Some(rule) = self.refusal(judged) else {
            return Ok(Cleared { address: dialled, by_operator: false });
        };
        let opened = match spellings.iter().filter_map(|spelling| self.0.allow.address(*spelling, port)).max() {
            Some(Exactness::Single) => true,
            Some(Exactness::Block) => !self.single_only(rule, dialled),
            None => name == NameVerdict::Named && !self.single_only(rule, dialled),
        };
        if opened { Ok(Cleared { address: dialled, by_operator: true }) } else { Err(rule) }
    }

    fn refusal(&self, address: IpAddr) -> Option<Rule> {
        match address::refusal(address) {
            Some(rule) if rule.single_only() => Some(rule),
            _ if self.0.interfaces.contains(address) => Some(Rule::OwnAddress),
            other => other,
        }
    }

    /// Tells whether an address, or one that a tunnel reads out of it, is opened by itself alone.
    fn single_only(&self, rule: Rule, address: IpAddr) -> bool {
        rule.single_only()
            || address::embedded(address)
                .into_iter()
                .any(|inner| self.refusal(inner.into()).is_some_and(Rule::single_only))
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::strict()
    }
}
