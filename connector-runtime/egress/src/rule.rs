//! The names of the rules that refuse a destination.
//!
//! Each reason has one name, so that an operator can search for it, a dashboard can count it, and the text
//! of a refusal never depends on what is behind a private port. Names are wire format: they never change.

use std::fmt;

use serde::{Serialize, Serializer};

/// Why a destination was refused, or what opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// The URL's text holds a control character.
    ControlCharacter,
    /// The URL's text holds white space.
    Space,
    /// The URL's text holds a backslash, which parsers read differently.
    Backslash,
    /// The URL is not `http://` or `https://` with a host behind it.
    Scheme,
    /// The URL holds a user name or password.
    UserInfo,
    /// The host is percent-encoded or has a zone id.
    PercentInHost,
    /// The URL does not parse.
    Malformed,
    /// The port belongs to a protocol that is not HTTP.
    Port,
    /// The host name has a single label.
    SingleLabel,
    /// The host name or one of its labels is longer than DNS allows.
    LongName,
    /// The host name is reserved for this machine, this network or a cluster.
    InternalName,
    /// The host name is a cloud's metadata service.
    MetadataName,
    /// The address is this machine's loopback.
    Loopback,
    /// The address is in 0.0.0.0/8 or is `::`, which reach this machine on many systems.
    Unspecified,
    /// The address is private (RFC 1918).
    Private,
    /// The address is a unique local one (RFC 4193).
    UniqueLocal,
    /// The address is link-local.
    LinkLocal,
    /// The address is a cloud's metadata service.
    Metadata,
    /// The address belongs to an interface of this machine.
    OwnAddress,
    /// The address is in the shared space of carriers (RFC 6598).
    SharedAddress,
    /// The address is in the IETF's protocol block.
    ProtocolAssignment,
    /// The address is for documentation.
    Documentation,
    /// The address is for benchmarks.
    Benchmarking,
    /// The address is a multicast group.
    Multicast,
    /// The address is reserved or broadcast.
    Reserved,
    /// The address is outside the allocated global unicast space (2000::/3).
    NotGlobal,
    /// The address wraps an IPv4 address: 6to4, Teredo, ISATAP and their like.
    Tunnel,
    /// The operator's deny list names it.
    OperatorDeny,
    /// The operator's allow list names it.
    OperatorAllow,
    /// Only the operator's list is open, and it does not name it.
    NotListed,
    /// The name does not resolve.
    DnsFailed,
    /// The name has no address.
    DnsEmpty,
    /// The name has more addresses than are accepted.
    DnsTooMany,
    /// The look-up took too long.
    DnsTimeout,
}

impl Rule {
    /// Returns the rule's stable name, in snake_case.
    pub const fn name(self) -> &'static str {
        self.texts().0
    }

    /// Returns what the rule found, as a noun phrase: "a private address (RFC 1918)".
    pub const fn what(self) -> &'static str {
        self.texts().1
    }

    const fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::ControlCharacter => ("url_control_character", "a control character"),
            Self::Space => ("url_space", "white space"),
            Self::Backslash => ("url_backslash", "a backslash"),
            Self::Scheme => ("url_scheme", "no http:// or https://"),
            Self::UserInfo => ("url_user_info", "a user name or password"),
            Self::PercentInHost => ("url_percent_in_host", "a percent sign in its host"),
            Self::Malformed => ("url_malformed", "a mistake"),
            Self::Port => ("port", "a port of another protocol"),
            Self::SingleLabel => ("name_single_label", "a name without a dot"),
            Self::LongName => ("name_too_long", "a name longer than DNS allows"),
            Self::InternalName => ("name_internal", "a name of this machine or network"),
            Self::MetadataName => ("name_metadata", "a cloud metadata service"),
            Self::Loopback => ("address_loopback", "a loopback address"),
            Self::Unspecified => ("address_unspecified", "an unspecified address (0.0.0.0/8, ::)"),
            Self::Private => ("address_private", "a private address (RFC 1918)"),
            Self::UniqueLocal => ("address_unique_local", "a unique local address (RFC 4193)"),
            Self::LinkLocal => ("address_link_local", "a link-local address"),
            Self::Metadata => ("address_metadata", "a cloud metadata address"),
            Self::OwnAddress => ("address_own", "an address of this machine"),
            Self::SharedAddress => ("address_shared", "an address of the shared space (RFC 6598)"),
            Self::ProtocolAssignment => ("address_protocol_assignment", "an address set aside for protocols"),
            Self::Documentation => ("address_documentation", "a documentation address"),
            Self::Benchmarking => ("address_benchmarking", "a benchmarking address"),
            Self::Multicast => ("address_multicast", "a multicast address"),
            Self::Reserved => ("address_reserved", "a reserved address"),
            Self::NotGlobal => ("address_not_global", "an address outside the global unicast space"),
            Self::Tunnel => ("address_tunnel", "a tunnel address that wraps an IPv4 address"),
            Self::OperatorDeny => ("operator_deny", "on the operator's deny list"),
            Self::OperatorAllow => ("operator_allow", "on the operator's allow list"),
            Self::NotListed => ("not_listed", "not on the list of destinations that may be called"),
            Self::DnsFailed => ("dns_failed", "a name that does not resolve"),
            Self::DnsEmpty => ("dns_empty", "a name without an address"),
            Self::DnsTooMany => ("dns_too_many", "a name with more than 16 addresses of a kind"),
            Self::DnsTimeout => ("dns_timeout", "a name whose look-up takes too long"),
        }
    }

    /// Returns whether only a single address on the allow list opens it, never a block or a name.
    ///
    /// These are the addresses of this machine itself and of the credentials of its cloud.
    pub(crate) const fn single_only(self) -> bool {
        matches!(self, Self::Loopback | Self::Unspecified | Self::LinkLocal | Self::Metadata | Self::OwnAddress)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
