//! The hosts that a connection's fields name, for connections on which another protocol than HTTP is spoken.
//!
//! What is sent on such a connection cannot be looked at for secrets, so the whole connection goes only where a field
//! says. A param that could name a host would make every flow a way to anywhere.

use std::sync::Arc;

use connector_schema::destination::{is_destination, resolved_text};
use connector_schema::{ConfigSchema, FieldKind};
use serde_json::{Map, Value};
use url::Url;

use super::protocol::{self, Place, Protocol, WirePlace, read_host};
use super::url::{Target, TargetHost};
use super::{Client, EgressError, IntoUrl as _};

/// A host that a field names.
#[derive(Clone, Debug, PartialEq, Eq)]
struct NamedHost {
    field: String,
    host: TargetHost,
    /// `None` where the field holds a host alone.
    port: Option<u16>,
}

/// The hosts that the fields of a connection name, and the fields that may name one.
#[derive(Clone, Debug, Default)]
pub(super) struct NamedHosts {
    hosts: Vec<NamedHost>,
    fields: Vec<String>,
}

impl NamedHosts {
    /// Finds them in the values of a connection. Defaults count.
    pub(super) fn of(schema: &ConfigSchema, values: &Map<String, Value>) -> Self {
        let mut found = Self::default();
        for (name, field) in &schema.connection {
            if !is_destination(name, field) || !matches!(field.kind, FieldKind::String | FieldKind::Select) {
                continue;
            }
            found.fields.push(name.clone());
            let host = resolved_text(&schema.connection, values, name).and_then(|text| NamedHost::of(name, &text));
            found.hosts.extend(host);
        }
        found
    }

    /// Returns whether a field names the host and port of a URL.
    fn name(&self, url: &Url) -> bool {
        let Ok(target) = Target::of(url) else { return false };
        let is_it = |named: &NamedHost| named.host == target.host && named.port == Some(target.port);
        self.hosts.iter().any(is_it)
    }

    fn contain(&self, place: &WirePlace) -> bool {
        let is_it = |named: &NamedHost| {
            named.host == place.target.host && named.port.is_none_or(|port| port == place.target.port)
        };
        self.hosts.iter().any(is_it)
    }
}

impl NamedHost {
    fn of(field: &str, text: &str) -> Option<Self> {
        let named = |host: &str, port| Some(Self { field: field.to_owned(), host: host.parse().ok()?, port });
        if let Some((scheme, _)) = text.split_once("://") {
            let (host, port) = protocol::authority(text).ok()?;
            let usual = || match scheme.to_ascii_lowercase().as_str() {
                "https" => Some(443),
                "http" => Some(80),
                scheme => Protocol::of_scheme(scheme).map(|(_, port)| port),
            };
            return named(&host, port.or_else(usual));
        }
        match text.rsplit_once(':') {
            Some((host, port)) if read_host(text).is_err() => named(host, Some(port.parse().ok()?)),
            _ => named(text, None),
        }
    }
}

impl Client {
    /// Remembers which hosts the fields of a connection name.
    pub(super) fn naming(&self, schema: &ConfigSchema, values: &Map<String, Value>) -> Self {
        let mut client = self.clone();
        client.named_hosts = Some(Arc::new(NamedHosts::of(schema, values)));
        client
    }

    /// Returns a client for the request of an access token: where a field of the connection says that tokens are fetched, the
    /// client's credentials may go, and with them nothing else of the connection.
    pub(super) fn for_tokens(&self, token_url: &str) -> Result<Self, EgressError> {
        let url = token_url.into_url()?;
        let is_named = self.named_hosts.as_ref().is_some_and(|named| named.name(&url));
        if is_named { self.scoped([url]) } else { Ok(self.clone()) }
    }

    /// Refuses a place that no field of the connection names; a client of no connection has no fields.
    pub(super) fn check_named(&self, place: &WirePlace) -> Result<(), EgressError> {
        let Some(named) = &self.named_hosts else { return Ok(()) };
        if named.contain(place) {
            return Ok(());
        }
        let fields = named.fields.join(" or ");
        let (allowed, mend) = if fields.is_empty() {
            (
                "the type has no connection field that names a host".to_owned(),
                "its author adds one: a URL, or a text whose name ends in host".to_owned(),
            )
        } else {
            (
                format!("this connection may only be opened to the host and port of {fields}"),
                format!("set {fields} to the service that is meant; a param cannot name it"),
            )
        };
        Err(EgressError::Scope { target: Place::Wire(place).shown(), allowed, mend })
    }
}
