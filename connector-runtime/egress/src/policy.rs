//! The policy: the address, name and port rules together with the operator's settings.
//!
//! Every destination is judged twice: its URL before a request is built, its addresses before one of them is
//! dialled. The deny list comes before the allow list, and the allow list before the rules.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::interfaces::Interfaces;
use super::list::{Exactness, List};
use super::proxy::Proxy;
use super::url::{Target, TargetHost};
use super::{Protocol, Rule, address, names};

static NEXT_VERSION: AtomicU64 = AtomicU64::new(1);

/// What may be called, and how. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Policy {
    settings: Arc<Settings>,
    version: u64,
}

#[derive(Clone, Debug)]
struct Settings {
    allow: List,
    deny: List,
    /// Whether everything that the allow list does not name is refused, also if it is public.
    closed: bool,
    proxy: Option<Proxy>,
    interfaces: Interfaces,
}

/// A setting of the operator that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("egress setting `{entry}` cannot be used: {why}")]
pub struct PolicyError {
    entry: String,
    why: String,
}

impl PolicyError {
    pub(super) fn new(entry: &str, why: &str) -> Self {
        Self { entry: entry.to_owned(), why: why.to_owned() }
    }
}

/// Why a destination is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Clearance {
    /// No rule refuses it; the addresses of a name are judged after the look-up.
    Plain,
    /// The operator's allow list opened it.
    Opened,
}

/// An address that may be dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cleared {
    /// The address to dial: for an IPv4-mapped one, the IPv4 address.
    pub(super) address: IpAddr,
    /// Why it is allowed.
    pub(super) clearance: Clearance,
}

impl Policy {
    /// Allows only public addresses.
    pub fn strict() -> Self {
        Self::new(Settings {
            allow: List::default(),
            deny: List::default(),
            closed: false,
            proxy: None,
            interfaces: Interfaces::System,
        })
    }

    /// Reads the operator's lists. One text may hold several entries, separated by commas.
    ///
    /// An entry is a block, an address, a host name or all names below one (`*.corp.example`); all but
    /// blocks may have a port and then hold only for it. Loopback, link-local and metadata addresses and the
    /// machine's own are opened only by single addresses, never by a block or a name. Entries of the deny list
    /// are refused whatever the allow list says.
    ///
    /// # Errors
    ///
    /// Fails on the first entry that cannot be read, naming it.
    pub fn parse<S: AsRef<str>>(allow: &[S], deny: &[S]) -> Result<Self, PolicyError> {
        let (allow, deny) = (List::parse(allow)?, List::parse(deny)?);
        Ok(Self::new(Settings { allow, deny, closed: false, proxy: None, interfaces: Interfaces::System }))
    }

    /// Reads the list of the only destinations that may be called: the public internet is refused too.
    ///
    /// Entries are those of [`Policy::parse`]. A name that is not on the list may be called if all of its
    /// addresses are.
    ///
    /// # Errors
    ///
    /// Fails on the first entry that cannot be read, naming it.
    pub fn only<S: AsRef<str>>(allow: &[S]) -> Result<Self, PolicyError> {
        let (allow, deny) = (List::parse(allow)?, List::default());
        Ok(Self::new(Settings { allow, deny, closed: true, proxy: None, interfaces: Interfaces::System }))
    }

    /// Returns the same policy with a proxy: `http://proxy:3128` or `http://user:password@proxy:3128`.
    ///
    /// The proxy then looks names up and judges their addresses. Destinations of the allow list are called
    /// directly. The environment's `*_PROXY` variables are never read.
    ///
    /// # Errors
    ///
    /// Fails if the text is not such a URL.
    pub fn with_proxy(&self, proxy: &str) -> Result<Self, PolicyError> {
        Ok(Self::new(Settings { proxy: Some(Proxy::parse(proxy)?), ..(*self.settings).clone() }))
    }

    /// Returns a warning for every entry of the allow list that opens nothing.
    ///
    /// A block such as `127.0.0.0/8` or the name `localhost` looks as if it opened loopback, but does not. The
    /// operator should read that at the start and not at the first refused call.
    pub fn warnings(&self) -> Vec<String> {
        let warn = |(entry, rule): (&str, Rule)| {
            let what = rule.what();
            format!("egress setting `{entry}` opens nothing: {what} is opened by itself alone; list each one you need")
        };
        self.settings.allow.inert().map(warn).collect()
    }

    /// Returns the entries of the allow list, as the operator wrote them.
    pub fn allowed(&self) -> impl Iterator<Item = &str> {
        self.settings.allow.texts()
    }

    /// Returns the entries of the deny list, as the operator wrote them.
    pub fn denied(&self) -> impl Iterator<Item = &str> {
        self.settings.deny.texts()
    }

    /// Returns host and port of the proxy, without its password.
    pub fn proxy_place(&self) -> Option<(String, u16)> {
        self.settings.proxy.as_ref().map(Proxy::place)
    }

    /// Returns the number of the policy; every policy that is built has its own.
    ///
    /// A [`super::Client`] keeps its policy, so a pooled connection never outlives a change of it.
    pub fn version(&self) -> u64 {
        self.version
    }

    fn new(settings: Settings) -> Self {
        let version = NEXT_VERSION.fetch_add(1, Ordering::Relaxed);
        Self { settings: Arc::new(settings), version }
    }

    #[cfg(test)]
    pub(super) fn with_interfaces(&self, own: &[IpAddr]) -> Self {
        Self::new(Settings { interfaces: Interfaces::Fixed(own.into()), ..(*self.settings).clone() })
    }

    /// Returns the proxy that a destination is called through.
    pub(super) fn proxy_for(&self, clearance: Clearance) -> Option<&Proxy> {
        self.settings.proxy.as_ref().filter(|_| clearance == Clearance::Plain)
    }

    /// Judges a name or literal address, and the port for what is spoken on it (`None` for HTTP). Addresses of a name are
    /// judged after its look-up.
    pub(super) fn judge_target(&self, protocol: Option<Protocol>, target: &Target) -> Result<Clearance, Rule> {
        let Settings { allow, deny, closed, .. } = &*self.settings;
        let port = target.port;
        let (clearance, port_opened) = match &target.host {
            TargetHost::Address(address) => {
                let cleared = self.judge_address(*address, Some(port), Clearance::Plain)?;
                (cleared.clearance, allow.address_with_port(cleared.address, port))
            }
            TargetHost::Name(name) => {
                if deny.name(name, port) {
                    return Err(Rule::OperatorDeny);
                }
                let opened = allow.name(name, port);
                // In a closed policy the list judges the addresses, whatever the name looks like.
                if let Some(rule) = names::refusal(name).filter(|_| !opened && !closed) {
                    return Err(rule);
                }
                let clearance = if opened { Clearance::Opened } else { Clearance::Plain };
                (clearance, allow.name_with_port(name, port))
            }
        };
        let is_refused = match protocol {
            None => names::is_refused_port(port),
            Some(protocol) => !protocol.ports().contains(&port),
        };
        if is_refused && !port_opened {
            return Err(Rule::Port);
        }
        Ok(clearance)
    }

    /// Judges a literal address, or an address of a name, whose clearance is then `clearance`.
    pub(super) fn judge_address(
        &self,
        address: IpAddr,
        port: Option<u16>,
        clearance: Clearance,
    ) -> Result<Cleared, Rule> {
        let Settings { allow, deny, closed, .. } = &*self.settings;
        let dialled = address::dialled(address);
        let judged = address::judged(address);
        let spellings = [dialled, judged];
        if spellings.iter().any(|spelling| deny.address(*spelling, port).is_some()) {
            return Err(Rule::OperatorDeny);
        }
        let listed = spellings.iter().filter_map(|spelling| allow.address(*spelling, port)).max();
        let Some(rule) = self.refusal(judged) else {
            let open = !closed || listed.is_some() || clearance == Clearance::Opened;
            let cleared = Cleared { address: dialled, clearance: Clearance::Plain };
            return if open { Ok(cleared) } else { Err(Rule::NotListed) };
        };
        let opened = match listed {
            Some(Exactness::Single) => true,
            Some(Exactness::Block) => !self.single_only(rule, dialled),
            None => clearance == Clearance::Opened && !self.single_only(rule, dialled),
        };
        if opened {
            return Ok(Cleared { address: dialled, clearance: Clearance::Opened });
        }
        Err(if *closed { Rule::NotListed } else { rule })
    }

    fn refusal(&self, address: IpAddr) -> Option<Rule> {
        match address::refusal(address) {
            Some(rule) if rule.single_only() => Some(rule),
            _ if self.settings.interfaces.contains(address) => Some(Rule::OwnAddress),
            other => other,
        }
    }

    /// Returns whether only its own entry opens an address, or an address that a tunnel reads out of it.
    fn single_only(&self, rule: Rule, address: IpAddr) -> bool {
        let hides = |inner: std::net::Ipv4Addr| self.refusal(inner.into()).is_some_and(Rule::single_only);
        rule.single_only() || address::embedded(address).into_iter().any(hides)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::strict()
    }
}
