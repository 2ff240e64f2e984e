//! What calls give and get.

use connector_runtime::prelude::*;

/// How a connection is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Select)]
pub enum SslMode {
    /// Encrypted, with a certificate of the host that a trusted authority signed.
    #[select(name = "verify-full", label = "Verify certificate and host")]
    VerifyFull,
    /// Not encrypted. For networks that nobody else can listen on.
    #[select(name = "disable", label = "No TLS")]
    Disable,
}

/// What to do with a row whose key is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Select)]
pub enum OnConflict {
    /// Fail with the code exists, and insert nothing.
    Fail,
    /// Leave the row that is there.
    Ignore,
    /// Set the columns that the call gives in the row that is there.
    Update,
}

/// How much a transaction sees of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Select)]
pub enum Isolation {
    /// Each statement sees what was committed before it.
    ReadCommitted,
    /// All statements see what was committed before the first.
    RepeatableRead,
    /// As if no other transaction ran at the same time; else it fails with the code conflict.
    Serializable,
}

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Select)]
pub enum RoutineKind {
    /// Whichever of both has the name.
    Auto,
    /// A function.
    Function,
    /// A procedure.
    Procedure,
}

/// A statement of a transaction.
#[object]
#[derive(Debug)]
pub struct Statement {
    /// The statement. Write values as $1, $2, ... or as {name}; they are bound, never pasted in.
    #[param(min_length = 1, label = "SQL")]
    pub sql: String,
    /// The values: a list for $1, $2, ..., or an object for {name}.
    pub values: Option<Value>,
    /// Most rows to return.
    #[param(default = 1000, min = 1, max = 10_000)]
    pub limit: u32,
    /// How many rows it must change; with another count the whole transaction is undone.
    pub expect_affected: Option<u64>,
}

/// A column of a result.
#[payload]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, which is its key in each row.
    pub name: String,
    /// The name of its type in the database; those of arrays end in [].
    #[output(name = "type")]
    pub kind: String,
}

impl Column {
    pub(super) fn new(name: impl Into<String>, kind: impl Into<String>) -> Self {
        Self { name: name.into(), kind: kind.into() }
    }
}

/// What a database says of itself.
#[payload]
#[derive(Debug)]
pub struct Met {
    /// Version of the server.
    pub version: String,
    /// The database.
    pub database: String,
    /// The role that signed in.
    pub user: String,
    /// Whether the connection is encrypted.
    pub encrypted: bool,
    /// Whether the server takes no changes, as a standby does.
    pub read_only: bool,
}

/// The rows that a query found.
#[payload]
#[derive(Debug)]
pub struct Queried {
    /// The rows: values by column.
    pub rows: Vec<Value>,
    /// The columns, in their order.
    pub columns: Vec<Column>,
    /// How many rows are here.
    pub count: u64,
    /// Whether there are more.
    pub truncated: bool,
    /// What left them out: limit, or size (16 MiB of memory); null if nothing did.
    pub truncated_by: Option<String>,
}

/// What became of a statement.
#[payload]
#[derive(Debug)]
pub struct Executed {
    /// What the server did, such as UPDATE.
    pub command: String,
    /// How many rows were inserted, changed or deleted; null where the server does not say.
    pub affected: Option<u64>,
    /// The rows that it returned: values by column.
    pub rows: Vec<Value>,
    /// The columns, in their order.
    pub columns: Vec<Column>,
    /// How many rows are here.
    pub count: u64,
    /// Whether it returned more.
    pub truncated: bool,
    /// What left them out: limit, or size (16 MiB of memory); null if nothing did.
    pub truncated_by: Option<String>,
}

/// What became of rows to insert.
#[payload]
#[derive(Debug)]
pub struct Inserted {
    /// How many were inserted, or updated.
    pub affected: u64,
    /// How many were left as they are, because they were there.
    pub ignored: u64,
    /// The columns that were asked for, of the rows that were inserted or updated.
    pub rows: Vec<Value>,
    /// How many rows are here.
    pub count: u64,
    /// Whether rows were left out because they take more than 16 MiB of memory.
    pub truncated: bool,
}

/// What became of rows to change or delete.
#[payload]
#[derive(Debug)]
pub struct Changed {
    /// How many rows matched, and were changed or deleted.
    pub affected: u64,
    /// Whether there was one.
    pub changed: bool,
    /// The columns that were asked for, of these rows.
    pub rows: Vec<Value>,
    /// How many rows are here.
    pub count: u64,
    /// Whether there are more than the 10,000 that are returned, or than 16 MiB of memory take.
    pub truncated: bool,
}

/// What became of a statement of a transaction.
#[payload]
#[derive(Debug)]
pub struct Affected {
    /// What the server did, such as UPDATE.
    pub command: String,
    /// How many rows were inserted, changed or deleted; null where the server does not say.
    pub affected: Option<u64>,
    /// The rows that it returned: values by column.
    pub rows: Vec<Value>,
    /// How many rows are here.
    pub count: u64,
    /// Whether it returned more.
    pub truncated: bool,
}

/// What became of a transaction that was committed.
#[payload]
#[derive(Debug)]
pub struct Transacted {
    /// One result for each statement, in their order.
    pub results: Vec<Affected>,
}
