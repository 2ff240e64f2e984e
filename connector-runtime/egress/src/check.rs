//! Whether a destination is allowed, and by which rule, for `floh egress check`.
//!
//! It runs the code that requests run, up to the point where a request would dial.

use std::net::IpAddr;

use serde::Serialize;

use super::policy::Clearance;
use super::protocol::WirePlace;
use super::resolver::{self, Resolve, SystemResolver};
use super::url::{self, Target, TargetHost};
use super::{Policy, Rule};

/// The policy's decision for one destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DestinationCheck {
    /// What was asked about.
    pub input: String,
    /// Whether a request would be sent.
    pub allowed: bool,
    /// The rule that refuses it, or `operator_allow` if the operator's allow list opened it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
    /// The addresses that were judged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
}

impl Policy {
    /// Judges a URL (`https://..`, or of another [`Protocol`](super::Protocol), such as `ldap://..`) or an address as a
    /// connection to it would be judged.
    ///
    /// With `no_dns`, and behind a proxy, names are not looked up: a name that no rule refuses is allowed.
    pub async fn check(&self, input: &str, no_dns: bool) -> DestinationCheck {
        self.check_with(&SystemResolver, input, no_dns).await
    }

    pub(super) async fn check_with(&self, resolver: &dyn Resolve, input: &str, no_dns: bool) -> DestinationCheck {
        let mut addresses = Vec::new();
        let judged = self.judge_input(resolver, input, no_dns, &mut addresses).await;
        let (allowed, rule) = match judged {
            Ok(Clearance::Plain) => (true, None),
            Ok(Clearance::Opened) => (true, Some(Rule::OperatorAllow)),
            Err(rule) => (false, Some(rule)),
        };
        DestinationCheck { input: input.to_owned(), allowed, rule, addresses }
    }

    async fn judge_input(
        &self,
        resolver: &dyn Resolve,
        input: &str,
        no_dns: bool,
        addresses: &mut Vec<IpAddr>,
    ) -> Result<Clearance, Rule> {
        if let Some(address) = parse_address(input) {
            addresses.push(address);
            return self.judge_address(address, None, Clearance::Plain).map(|cleared| cleared.clearance);
        }
        let (protocol, target) = match WirePlace::of_url(input) {
            Some(place) => place.map(|place| (Some(place.protocol), place.target))?,
            None => (None, Target::of(&url::parse(input)?)?),
        };
        if let TargetHost::Address(address) = target.host {
            addresses.push(address);
        }
        let clearance = self.judge_target(protocol, &target)?;
        let TargetHost::Name(name) = &target.host else {
            return Ok(clearance);
        };
        if no_dns || self.proxy_for(clearance).is_some() {
            return Ok(clearance);
        }
        let answer = resolver::look_up(resolver, name, clearance).await;
        addresses.extend(answer?);
        let cleared = resolver::clear(self, addresses, target.port, clearance)?;
        let opened = cleared.iter().any(|cleared| cleared.clearance == Clearance::Opened);
        Ok(if opened { Clearance::Opened } else { clearance })
    }
}

fn parse_address(input: &str) -> Option<IpAddr> {
    let bare = input.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(input);
    bare.parse().ok()
}
