//! Which connectors a token reaches: all, or those of a list of names.
//!
//! A bound is by name, as tokens store it. A connector that is renamed into the list is reached from then on, one that is
//! renamed out of it no longer, and one that takes the name of a deleted one is reached as that one was.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use sqlx::any::AnyRow;
use uuid::Uuid;

use super::StoreError;
use super::connectors::Connectors;
use super::sql::{Reader, Statement};

const TABLE: &str = "connector";

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

    /// Writes the condition that a column with the name of a connector is beyond the bound, after ` AND `.
    pub(super) fn push_beyond(&self, statement: &mut Statement, column: &str) {
        match self {
            Self::All => {
                statement.push(" AND 1 = 0");
            }
            Self::Only(names) if names.is_empty() => {}
            Self::Only(names) => {
                statement.push(" AND ").push(column).push(" NOT IN (");
                statement.list(names.iter().map(String::as_str)).push(")");
            }
        }
    }
}

impl Connectors<'_> {
    /// Counts the connectors within a bound.
    ///
    /// # Errors
    /// Database errors.
    pub async fn count(&self, bound: &ConnectorBound) -> Result<u64, StoreError> {
        let mut statement = Statement::new("SELECT COUNT(*) AS number FROM connector WHERE 1 = 1");
        bound.push(&mut statement, "name");
        let row = statement.query().fetch_one(&self.store.read).await?;
        let number: i64 = Reader::new(&row, TABLE).value("number")?;
        Ok(u64::try_from(number).unwrap_or_default())
    }

    /// Returns those of some ids whose connectors are within a bound. Without a bound that is all of them, also those of
    /// connectors that are gone.
    ///
    /// # Errors
    /// Database errors.
    pub async fn within(&self, bound: &ConnectorBound, ids: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
        if bound.is_all() || ids.is_empty() {
            return Ok(ids.to_vec());
        }
        let own = self.ids_within(bound).await?;
        Ok(ids.iter().copied().filter(|id| own.contains(id)).collect())
    }

    /// Returns the ids of the connectors that bear the names of a bound, at most one for each name; none without a bound.
    ///
    /// # Errors
    /// Database errors.
    pub(super) async fn ids_within(&self, bound: &ConnectorBound) -> Result<Vec<Uuid>, StoreError> {
        if bound.is_all() {
            return Ok(Vec::new());
        }
        let mut statement = Statement::new("SELECT id FROM connector WHERE 1 = 1");
        bound.push(&mut statement, "name");
        let rows = statement.query().fetch_all(&self.store.read).await?;
        rows.iter().map(|row| Reader::new(row, TABLE).id("id")).collect()
    }

    /// Counts the connectors within a bound, by the ids of their types. A type without one has no entry.
    ///
    /// # Errors
    /// Database errors.
    pub async fn count_by_type(&self, bound: &ConnectorBound) -> Result<HashMap<Uuid, u64>, StoreError> {
        let mut statement = Statement::new("SELECT type_id, COUNT(*) AS number FROM connector WHERE 1 = 1");
        bound.push(&mut statement, "name");
        statement.push(" GROUP BY type_id");
        let rows = statement.query().fetch_all(&self.store.read).await?;
        let read = |row: &AnyRow| {
            let row = Reader::new(row, TABLE);
            Ok((row.id("type_id")?, u64::try_from(row.value::<i64>("number")?).unwrap_or_default()))
        };
        rows.iter().map(read).collect()
    }

    /// Returns whether a type has connectors beyond a bound.
    ///
    /// # Errors
    /// Database errors.
    pub async fn has_beyond(&self, bound: &ConnectorBound, type_id: Uuid) -> Result<bool, StoreError> {
        let mut statement = Statement::new("SELECT 1 FROM connector WHERE type_id = ");
        statement.bind(type_id.to_string());
        bound.push_beyond(&mut statement, "name");
        statement.push(" LIMIT 1");
        Ok(statement.query().fetch_optional(&self.store.read).await?.is_some())
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
