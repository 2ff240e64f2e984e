//! What a token may do.

use std::fmt;
use std::str::FromStr;

/// One right. Every route names the one that it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Read connectors.
    ConnectorsRead,
    /// Make, change and delete connectors.
    ConnectorsWrite,
    /// Execute and test connectors.
    ConnectorsExecute,
    /// Read connector types.
    TypesRead,
    /// Change and delete connector types.
    TypesWrite,
    /// Read runs.
    RunsRead,
    /// Start runs.
    RunsWrite,
    /// Read tokens.
    TokensRead,
    /// Make and revoke tokens.
    TokensWrite,
    /// Connect as an agent.
    AgentsConnect,
    /// Read executions and metrics.
    AuditRead,
    /// Everything.
    Admin,
}

impl Scope {
    /// Every scope, with its name.
    pub const ALL: [(&'static str, Self); 12] = [
        ("connectors:read", Self::ConnectorsRead),
        ("connectors:write", Self::ConnectorsWrite),
        ("connectors:execute", Self::ConnectorsExecute),
        ("types:read", Self::TypesRead),
        ("types:write", Self::TypesWrite),
        ("runs:read", Self::RunsRead),
        ("runs:write", Self::RunsWrite),
        ("tokens:read", Self::TokensRead),
        ("tokens:write", Self::TokensWrite),
        ("agents:connect", Self::AgentsConnect),
        ("audit:read", Self::AuditRead),
        ("admin", Self::Admin),
    ];

    /// Returns the scope's name.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, scope)| *scope == self).map_or("", |(name, _)| name)
    }

    /// Reads scopes; `runs:*` stands for every scope that begins with `runs:`.
    ///
    /// # Errors
    /// Names the first one that is unknown.
    pub fn parse_all(names: &[String]) -> Result<Vec<Self>, UnknownScope> {
        let mut scopes = Vec::new();
        for name in names {
            match name.strip_suffix('*').filter(|prefix| prefix.ends_with(':')) {
                Some(prefix) => {
                    let before = scopes.len();
                    scopes.extend(
                        Self::ALL.iter().filter(|(known, _)| known.starts_with(prefix)).map(|(_, scope)| *scope),
                    );
                    if scopes.len() == before {
                        return Err(UnknownScope(name.clone()));
                    }
                }
                None => scopes.push(name.parse()?),
            }
        }
        scopes.sort_unstable();
        scopes.dedup();
        Ok(scopes)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(name: &str) -> Result<Self, UnknownScope> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, scope)| *scope).ok_or_else(|| UnknownScope(name.to_owned()))
    }
}

/// A text that is no scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownScope(pub String);

impl fmt::Display for UnknownScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<&str> = Scope::ALL.iter().map(|(name, _)| *name).collect();
        write!(f, "unknown scope {:?}; known are {}", self.0, known.join(", "))
    }
}

impl std::error::Error for UnknownScope {}
