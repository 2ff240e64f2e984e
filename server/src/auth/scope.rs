//! Scopes: what a token may do.

use std::fmt;

/// One scope. Each route names the one that it requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// See connectors.
    ConnectorsRead,
    /// Make, change and delete connectors.
    ConnectorsWrite,
    /// Execute their commands.
    ConnectorsExecute,
    /// Execute those of their commands that only read.
    ConnectorsExecuteRead,
    /// See connector types.
    TypesRead,
    /// Change and delete connector types.
    TypesWrite,
    /// See runs.
    RunsRead,
    /// Start runs.
    RunsWrite,
    /// See tokens, not their text.
    TokensRead,
    /// Make and revoke tokens.
    TokensWrite,
    /// Connect as an agent.
    AgentsConnect,
    /// See what was done, and by whom.
    AuditRead,
    /// Read the metrics and the status of the servers.
    MetricsRead,
    /// Everything.
    Admin,
}

impl Scope {
    /// Every scope, in the order of the contract.
    pub const ALL: [Self; 14] = [
        Self::ConnectorsRead,
        Self::ConnectorsWrite,
        Self::ConnectorsExecute,
        Self::ConnectorsExecuteRead,
        Self::TypesRead,
        Self::TypesWrite,
        Self::RunsRead,
        Self::RunsWrite,
        Self::TokensRead,
        Self::TokensWrite,
        Self::AgentsConnect,
        Self::AuditRead,
        Self::MetricsRead,
        Self::Admin,
    ];

    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConnectorsRead => "connectors:read",
            Self::ConnectorsWrite => "connectors:write",
            Self::ConnectorsExecute => "connectors:execute",
            Self::ConnectorsExecuteRead => "connectors:execute:read",
            Self::TypesRead => "types:read",
            Self::TypesWrite => "types:write",
            Self::RunsRead => "runs:read",
            Self::RunsWrite => "runs:write",
            Self::TokensRead => "tokens:read",
            Self::TokensWrite => "tokens:write",
            Self::AgentsConnect => "agents:connect",
            Self::AuditRead => "audit:read",
            Self::MetricsRead => "metrics:read",
            Self::Admin => "admin",
        }
    }

    /// What it lets its holder do, in words.
    pub const fn what(self) -> &'static str {
        match self {
            Self::ConnectorsRead => "see connectors, without their secrets",
            Self::ConnectorsWrite => "make, change and delete connectors",
            Self::ConnectorsExecute => "run commands and tests, and see one's own executions",
            Self::ConnectorsExecuteRead => "run commands that only read, and see one's own executions",
            Self::TypesRead => "see connector types and their schemas",
            Self::TypesWrite => "change and delete connector types",
            Self::RunsRead => "see runs",
            Self::RunsWrite => "start, retry and cancel runs",
            Self::TokensRead => "see tokens, without their text",
            Self::TokensWrite => "make and revoke tokens",
            Self::AgentsConnect => "connect as an agent",
            Self::AuditRead => "see executions, their params and results, and who changed what",
            Self::MetricsRead => "read the metrics and the status of the servers",
            Self::Admin => "everything",
        }
    }

    /// Returns the scopes each of which grants this one: itself, what includes it, and [`Scope::Admin`].
    const fn granted_by(self) -> u16 {
        let wider = match self {
            Self::ConnectorsExecuteRead => Self::ConnectorsExecute.bit(),
            _ => 0,
        };
        self.bit() | wider | Self::Admin.bit()
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A name that is not a scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown scope {scope}, expected one of {}", known())]
pub struct UnknownScope {
    /// The name.
    pub scope: String,
}

fn known() -> String {
    Scope::ALL.map(Scope::as_str).join(", ")
}

/// A set of scopes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Scopes(u16);

impl Scopes {
    /// Reads one name: a scope, or a prefix such as `runs:*` for all scopes that begin with it. `connectors:execute:*` is
    /// `connectors:execute:read`, without `connectors:execute` itself.
    ///
    /// # Errors
    /// [`UnknownScope`].
    pub fn parse(name: &str) -> Result<Self, UnknownScope> {
        let prefix = name.strip_suffix('*').filter(|prefix| prefix.len() > 1 && prefix.ends_with(':'));
        let found = Scope::ALL.into_iter().filter(|scope| match prefix {
            Some(prefix) => scope.as_str().starts_with(prefix),
            None => scope.as_str() == name,
        });
        let found: Self = found.collect();
        if found.is_empty() { Err(UnknownScope { scope: name.to_owned() }) } else { Ok(found) }
    }

    /// Returns whether the set grants a scope: directly, or through [`Scope::Admin`] or, for
    /// [`Scope::ConnectorsExecuteRead`], through [`Scope::ConnectorsExecute`].
    pub const fn allows(self, scope: Scope) -> bool {
        self.0 & scope.granted_by() != 0
    }

    /// Returns whether it grants nothing.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The scopes in the set, in the order of the contract.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.0 & scope.bit() != 0)
    }

    /// Their names.
    pub fn names(self) -> Vec<String> {
        self.iter().map(|scope| scope.as_str().to_owned()).collect()
    }

    /// The scopes of both sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl From<Scope> for Scopes {
    fn from(scope: Scope) -> Self {
        Self(scope.bit())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Scope::as_str)).finish()
    }
}
