//! The operator's lists: `--egress-allow` and `--egress-deny`.
//!
//! An entry is a block (`10.1.0.0/16`), an address (`10.1.2.3`, `10.1.2.3:8080`, `[fd00::1]:8080`), an
//! address as a block (`10.1.2.3/32:8080`), a name (`api.corp.example`, `api.corp.example:8443`) or all
//! names below one (`*.corp.example`).

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use url::Host;

use super::{PolicyError, Rule, address, names};

/// One parsed list.
#[derive(Clone, Debug, Default)]
pub(super) struct List(Vec<Entry>);

#[derive(Clone, Debug)]
struct Entry {
    /// As the operator wrote it.
    text: String,
    what: What,
    port: Option<u16>,
}

#[derive(Clone, Debug)]
enum What {
    Block(IpNet),
    Name(String),
    Below(String),
}

/// How exactly a list names an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Exactness {
    /// The list holds a block of several addresses that contains it.
    Block,
    /// The list holds the address itself.
    Single,
}

impl List {
    /// Parses entries; one text may hold several, separated by commas.
    pub(super) fn parse<S: AsRef<str>>(texts: &[S]) -> Result<Self, PolicyError> {
        let entries = texts.iter().flat_map(|text| text.as_ref().split(',')).map(str::trim);
        entries.map(Entry::parse).collect::<Result<_, _>>().map(Self)
    }

    /// Returns how exactly the list names an address; an entry with a port holds only for that port.
    pub(super) fn address(&self, address: IpAddr, port: Option<u16>) -> Option<Exactness> {
        let entries = self.0.iter().filter(|entry| entry.port.is_none() || entry.port == port);
        entries
            .filter_map(|entry| match &entry.what {
                What::Block(block) if block.contains(&address) => Some(exactness(*block)),
                _ => None,
            })
            .max()
    }

    /// Returns whether the list names a host name, given in lower case without a trailing dot.
    pub(super) fn name(&self, name: &str, port: u16) -> bool {
        self.0.iter().any(|entry| entry.port.is_none_or(|own| own == port) && entry.what.is_name(name))
    }

    /// Returns whether an entry that names the port itself holds for an address.
    pub(super) fn address_with_port(&self, address: IpAddr, port: u16) -> bool {
        let mut entries = self.0.iter().filter(|entry| entry.port == Some(port));
        entries.any(|entry| matches!(&entry.what, What::Block(block) if block.contains(&address)))
    }

    /// Returns whether an entry that names the port itself holds for a name.
    pub(super) fn name_with_port(&self, name: &str, port: u16) -> bool {
        self.0.iter().any(|entry| entry.port == Some(port) && entry.what.is_name(name))
    }
}

impl List {
    /// Returns the entries as the operator wrote them.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|entry| entry.text.as_str())
    }

    /// Returns the entries that open nothing, with the rule that keeps each closed: blocks in which only single
    /// addresses can be opened, and names of loopback.
    pub(super) fn inert(&self) -> impl Iterator<Item = (&str, Rule)> {
        self.0.iter().filter_map(|entry| Some((entry.text.as_str(), entry.what.barred()?)))
    }
}

fn exactness(block: IpNet) -> Exactness {
    if block.prefix_len() == block.max_prefix_len() { Exactness::Single } else { Exactness::Block }
}

impl What {
    /// Returns the rule that no entry of this kind opens, if one covers all that it names.
    fn barred(&self) -> Option<Rule> {
        match self {
            Self::Block(block) if exactness(*block) == Exactness::Block => {
                let rule = address::refusal(block.network()).filter(|rule| rule.single_only());
                rule.filter(|_| address::refusal(block.broadcast()) == rule)
            }
            Self::Name(name) | Self::Below(name) if names::is_loopback(name) => Some(Rule::Loopback),
            _ => None,
        }
    }

    fn is_name(&self, name: &str) -> bool {
        match self {
            Self::Name(own) => own == name,
            Self::Below(own) => names::is_below(name, own),
            Self::Block(_) => false,
        }
    }
}

impl Entry {
    fn parse(text: &str) -> Result<Self, PolicyError> {
        let (what, port) = parse_entry(text)?;
        Ok(Self { text: text.to_owned(), what, port })
    }
}

fn parse_entry(text: &str) -> Result<(What, Option<u16>), PolicyError> {
    let refuse = |why: &str| PolicyError::new(text, why);
    if text.is_empty() {
        return Err(refuse("it is empty; write a block, an address, a host or host:port"));
    }
    if text.contains("://") {
        return Err(refuse("it is a URL; write only its host, or host:port"));
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok((What::Block(canonical(IpNet::from(address))), None));
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        let port = nonzero(address.port()).ok_or_else(|| refuse("port 0 cannot be called"))?;
        return Ok((What::Block(canonical(IpNet::from(address.ip()))), Some(port)));
    }
    if let Some((address, rest)) = text.split_once('/') {
        let (prefix, port) = rest.split_once(':').map_or((rest, None), |(prefix, port)| (prefix, Some(port)));
        let block = match port {
            // A single address written as a block.
            Some(_) if matches!(prefix, "32" | "128") => parse_block(&format!("{address}/{prefix}"))
                .ok()
                .filter(|block| exactness(*block) == Exactness::Single)
                .ok_or_else(|| refuse("only a single address may be written as a block with a port"))?,
            _ => parse_block(text)?,
        };
        let port = port.map(|port| {
            port.parse().ok().and_then(nonzero).ok_or_else(|| refuse("its port is not a number from 1 to 65535"))
        });
        return Ok((What::Block(block), port.transpose()?));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => {
            let port = port.parse().ok().and_then(nonzero);
            (host, Some(port.ok_or_else(|| refuse("its port is not a number from 1 to 65535"))?))
        }
        None => (text, None),
    };
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address: IpAddr = address.parse().map_err(|_| refuse("the text in [ ] is not an IPv6 address"))?;
        return Ok((What::Block(canonical(IpNet::from(address))), port));
    }
    let what = match host.strip_prefix("*.") {
        Some(below) => What::Below(parse_name(text, below)?),
        None => What::Name(parse_name(text, host)?),
    };
    Ok((what, port))
}

fn nonzero(port: u16) -> Option<u16> {
    (port != 0).then_some(port)
}

fn parse_block(text: &str) -> Result<IpNet, PolicyError> {
    let block: IpNet = text.parse().map_err(|_| {
        PolicyError::new(text, "it is not a block like 10.1.0.0/16 or fd00:1::/32 (a block takes no port)")
    })?;
    if block.trunc() != block {
        return Err(PolicyError::new(text, &format!("it has bits behind its prefix; write {}", block.trunc())));
    }
    Ok(canonical(block))
}

/// Turns a block of IPv4-mapped addresses into the IPv4 block that is dialled for it.
fn canonical(block: IpNet) -> IpNet {
    let IpNet::V6(v6) = block else { return block };
    let (Some(v4), Some(prefix)) = (v6.addr().to_ipv4_mapped(), v6.prefix_len().checked_sub(96)) else {
        return block;
    };
    IpNet::new(IpAddr::V4(v4), prefix).unwrap_or(block)
}

fn parse_name(text: &str, name: &str) -> Result<String, PolicyError> {
    let refuse = |why: &str| PolicyError::new(text, why);
    if name.contains('*') {
        return Err(refuse("a star may only replace whole labels at the front, as in *.corp.example"));
    }
    let host = Host::parse(name).map_err(|_| refuse("it is not a host name"))?;
    let Host::Domain(name) = host else {
        return Err(refuse(&format!("it is another spelling of an address; write {host}")));
    };
    let name = name.strip_suffix('.').unwrap_or(&name).to_owned();
    names::shape(&name).map_err(|_| refuse("it is not a host name"))?;
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !name.chars().all(legal) {
        return Err(refuse("it is not a host name"));
    }
    Ok(name)
}
