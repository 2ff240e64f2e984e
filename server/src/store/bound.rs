//! Which connectors a token reaches: all, or those of a list of names.
//!
//! A bound is by name, as tokens store it. A connector that is renamed into the list is reached from then on, one that is
//! renamed out of it no longer, and one that takes the name of a deleted one is reached as that one was.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::sql::Statement;

/// The maximum number of connectors that an api token may be bound to. Each list reads one index for each of them.
pub const MAX_BOUND_CONNECTORS: usize = 100;

/// Which connectors a token reaches. Clones are cheap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ConnectorBound {
    /// Every connector.
    #[default]
    All,
    /// The connectors that bear one of these names now.
    Only(Arc<BTreeSet<String>>),
}

impl ConnectorBound {
    /// Creates the bound to some names; without any it reaches nothing.
    pub fn only<T: Into<String>>(names: impl IntoIterator<Item = T>) -> Self {
        Self::Only(Arc::new(names.into_iter().map(Into::into).collect()))
    }

    /// Reads the bound of an api token from the names of its row, where an empty list means no bound.
    pub fn of_names(names: &[String]) -> Self {
        if names.is_empty() { Self::All } else { Self::only(names.iter().cloned()) }
    }

    /// Returns whether it reaches the connector with a name. Names are compared as they are: they have no capitals.
    pub fn reaches(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(name),
        }
    }

    /// Returns whether it reaches every connector.
    pub const fn is_all(&self) -> bool {
        matches!(self, Self::All)
    }

    /// Returns whether it reaches nothing that `other` does not reach.
    pub fn is_within(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::All) => true,
            (Self::All, Self::Only(_)) => false,
            (Self::Only(own), Self::Only(others)) => own.is_subset(others),
        }
    }

    /// Returns the names, in their order; `None` if it reaches every connector.
    pub fn names(&self) -> Option<&BTreeSet<String>> {
        match self {
            Self::All => None,
            Self::Only(names) => Some(names),
        }
    }

    /// Writes the condition that a column with the name of a connector is within the bound, after ` AND `.
    pub(super) fn push(&self, statement: &mut Statement, column: &str) {
        match self {
            Self::All => {}
            Self::Only(names) if names.is_empty() => {
                statement.push(" AND 1 = 0");
            }
            Self::Only(names) => {
                statement.push(" AND ").push(column).push(" IN (");
                statement.list(names.iter().map(String::as_str)).push(")");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_reaches_its_names_alone() {
        let all = ConnectorBound::All;
        let (one, two) = (ConnectorBound::only(["crm"]), ConnectorBound::only(["crm", "erp"]));
        let none = ConnectorBound::only(Vec::<String>::new());
        assert!(all.reaches("crm") && one.reaches("crm") && !one.reaches("erp") && !none.reaches("crm"));
        assert!(!one.reaches("CRM") && !one.reaches("crm ") && !one.reaches(""));
        assert_eq!(ConnectorBound::of_names(&[]), all);
        assert_eq!(ConnectorBound::of_names(&["crm".to_owned()]), one);
        assert!(all.is_all() && !none.is_all() && all.names().is_none());
        let ordered = [&none, &one, &two, &all];
        for (at, small) in ordered.iter().enumerate() {
            for (place, great) in ordered.iter().enumerate() {
                assert_eq!(small.is_within(great), at <= place, "{small:?} within {great:?}");
            }
        }
        assert!(!one.is_within(&ConnectorBound::only(["erp"])));
    }
}
