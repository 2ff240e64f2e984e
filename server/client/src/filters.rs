//! The filters of lists. The client writes them into the query, the server reads them from it.

use crate::words::ExecutionModel;

/// Which connectors a list contains; `None` means any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectorFilter {
    /// A text that name, description, category or tags contain, ignoring case.
    pub q: Option<String>,
    /// The name or id of their type.
    pub type_name: Option<String>,
    /// How their commands are served.
    pub execution_model: Option<ExecutionModel>,
    /// Their category.
    pub category: Option<String>,
    /// One of their tags.
    pub tag: Option<String>,
}

/// Which executions a list contains; `None` means any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecutionFilter {
    /// The connector's name, or its id.
    pub connector: Option<String>,
    /// The command.
    pub command: Option<String>,
    /// Whether they succeeded; executions without an outcome are in neither list.
    pub success: Option<bool>,
    /// The caller's run.
    pub run_id: Option<String>,
}
