//! Reads and changes a PostgreSQL database.
//!
//! Values are bound as texts of their parameters' types, and results are read as texts, so a value keeps every digit that
//! it has. A query runs in a transaction that the server holds to reading; what changes rows runs in one that is committed
//! last, so that a connection that is lost before leaves nothing behind.

mod bind;
mod changes;
mod forms;
mod mocks;
mod open;
mod placeholders;
mod pool;
mod read;
mod routine;
mod rows;
mod run;
mod session;
mod sql;
mod stream;
#[cfg(test)]
mod tests;
mod trouble;
mod types;

use connector_runtime::prelude::*;

pub use self::forms::{
    Affected, Changed, Column, Executed, Inserted, Isolation, Met, OnConflict, Queried, RoutineKind, SslMode,
    Statement, Transacted,
};

/// Read and change a PostgreSQL database.
#[connector(name = "postgresql", version = "1.0.0", category = "data", tags("postgres", "sql", "database"))]
#[derive(Debug)]
pub struct Postgresql {
    /// Host name or address of the server. The connection goes there and nowhere else.
    #[config(destination, min_length = 1, example = "db.example.com")]
    host: String,
    /// Port of the server. The operator of Floh must allow any other than 5432.
    #[config(default = 5432, min = 1, max = 65_535)]
    port: u16,
    /// Name of the database.
    #[config(min_length = 1, max_length = 63, example = "hr")]
    database: String,
    /// Role to sign in with. Give it the rights that the flows need, and no more.
    #[config(min_length = 1, max_length = 63, example = "floh")]
    user: String,
    /// Password of the role.
    password: Secret,
    /// Whether the connection is encrypted and the server's certificate checked.
    #[config(default = "verify-full", label = "TLS")]
    ssl_mode: SslMode,
    /// Certificate of the authority that signed the server's (PEM). Left out: the authorities of the machine that Floh runs on.
    #[config(label = "CA certificate")]
    ca_certificate: Option<String>,
    /// Seconds that a call may take, unless it says otherwise with timeoutMs.
    #[config(default = 30, min = 1, max = 290, label = "Timeout (s)")]
    timeout_secs: u32,
    /// Time zone in which the server shows times that have one.
    #[config(default = "UTC", pattern = "^[A-Za-z0-9_+/:-]{1,63}$", example = "Europe/Berlin")]
    time_zone: String,
}

#[connector]
impl Postgresql {
    /// Check that the server is reached, its certificate is good, and it takes user and password.
    #[command(effect = read, idempotent, mock(default = mocks::met, denied = mocks::sign_in_refused))]
    async fn test(&self, cx: &Context) -> Outcome<Met> {
        succeed(self.meet(cx).await?)
    }

    /// Run a statement that reads, and return its rows. The server refuses whatever would change something.
    #[command(
        effect = read,
        idempotent,
        timeout = 300_000,
        mock(default = mocks::queried, empty = mocks::queried_nothing, notFound = mocks::no_table)
    )]
    async fn query(
        &self,
        cx: &Context,
        /// The statement. Write values as $1, $2, ... or as {name}; they are bound, never pasted in.
        #[param(label = "SQL", min_length = 1, example = "SELECT id, email FROM people WHERE team = $1 ORDER BY id")]
        sql: String,
        /// The values: a list for $1, $2, ..., or an object for {name}.
        #[param(example = json!(["sales"]))]
        values: Option<Value>,
        /// Most rows to return. The server does not compute the others.
        #[param(default = 1000, min = 1, max = 10_000)]
        limit: u32,
        /// Milliseconds that the call may take; left out, what the connection says.
        #[param(min = 1, max = 290_000, label = "Timeout (ms)")]
        timeout_ms: Option<u32>,
    ) -> Outcome<Queried> {
        succeed(self.read(cx, &sql, values.as_ref(), limit, timeout_ms).await?)
    }

    /// Run any one statement. It takes effect at once, and is never sent twice.
    #[command(timeout = 300_000, mock(default = mocks::executed, exists = mocks::duplicate, denied = mocks::denied))]
    async fn execute(
        &self,
        cx: &Context,
        /// The statement. Write values as $1, $2, ... or as {name}; they are bound, never pasted in.
        #[param(
            label = "SQL",
            min_length = 1,
            example = "UPDATE people SET team = {team} WHERE id = {id} RETURNING id"
        )]
        sql: String,
        /// The values: a list for $1, $2, ..., or an object for {name}.
        #[param(example = json!({ "team": "sales", "id": 7 }))]
        values: Option<Value>,
        /// Most rows to return. The statement runs to its end whatever the limit.
        #[param(default = 1000, min = 1, max = 10_000)]
        limit: u32,
        /// Milliseconds that the call may take; left out, what the connection says.
        #[param(min = 1, max = 290_000, label = "Timeout (ms)")]
        timeout_ms: Option<u32>,
    ) -> Outcome<Executed> {
        succeed(self.run_alone(cx, &sql, values.as_ref(), limit, timeout_ms).await?)
    }

    /// Insert rows into a table: all of them or none.
    #[command(
        effect = create,
        timeout = 300_000,
        mock(default = mocks::inserted, exists = mocks::duplicate_row, denied = mocks::insert_denied)
    )]
    async fn insert(
        &self,
        cx: &Context,
        /// Name of the table, as it is written in the catalogue.
        #[param(min_length = 1, max_length = 63, example = "people")]
        table: String,
        /// Schema of the table; left out, it is found on the role's search path.
        #[param(min_length = 1, max_length = 63, example = "public")]
        schema: Option<String>,
        /// The rows: values by column. A column that a row leaves out gets its default.
        #[param(example = json!([{ "email": "ada@example.com", "team": "sales" }]))]
        rows: Vec<Map<String, Value>>,
        /// What to do with a row that is there already.
        #[param(default = "fail")]
        on_conflict: OnConflict,
        /// The columns of the unique constraint by which a row is known; needed for update.
        #[param(default = [])]
        keys: Vec<String>,
        /// Columns of the inserted rows to return; * for all.
        #[param(default = [])]
        returning: Vec<String>,
        /// Milliseconds that the call may take; left out, what the connection says.
        #[param(min = 1, max = 290_000, label = "Timeout (ms)")]
        timeout_ms: Option<u32>,
    ) -> Outcome<Inserted> {
        let table = changes::Table { schema: schema.as_deref(), name: &table };
        let new = changes::NewRows { rows: &rows, on_conflict, keys: &keys, returning: &returning };
        succeed(self.insert_rows(cx, table, new, timeout_ms).await?)
    }

    /// Set columns of the rows that match.
    #[command(
        effect = update,
        idempotent,
        timeout = 300_000,
        mock(default = mocks::changed, empty = mocks::unchanged, denied = mocks::change_denied)
    )]
    async fn update(
        &self,
        cx: &Context,
        /// Name of the table, as it is written in the catalogue.
        #[param(min_length = 1, max_length = 63, example = "people")]
        table: String,
        /// Schema of the table; left out, it is found on the role's search path.
        #[param(min_length = 1, max_length = 63, example = "public")]
        schema: Option<String>,
        /// The columns to set, and their values.
        #[param(example = json!({ "team": "support" }))]
        set: Map<String, Value>,
        /// Which rows: values by column, all of which must be equal. A list is one of its values, null is a column without
        /// a value.
        #[param(name = "where", default = json!({}), example = json!({ "id": 7 }))]
        matching: Map<String, Value>,
        /// Whether all rows of the table are meant; where must then be empty.
        #[param(default = false)]
        all: bool,
        /// Most rows that may be changed: if more match, none is changed and the call fails.
        #[param(min = 0)]
        max_rows: Option<u32>,
        /// Columns of the changed rows to return; * for all.
        #[param(default = [])]
        returning: Vec<String>,
        /// Milliseconds that the call may take; left out, what the connection says.
        #[param(min = 1, max = 290_000, label = "Timeout (ms)")]
        timeout_ms: Option<u32>,
    ) -> Outcome<Changed> {
        let table = changes::Table { schema: schema.as_deref(), name: &table };
        let which = changes::Which { columns: &matching, all, max_rows, returning: &returning };
        succeed(self.change(cx, table, Some(&set), which, timeout_ms).await?)
    }

    /// Delete the rows that match.
    #[command(
        effect = delete,
        idempotent,
        timeout = 300_000,
        mock(default = mocks::changed, empty = mocks::unchanged, conflict = mocks::referenced)
    )]
    async fn delete(
        &self,
        cx: &Context,
        /// Name of the table, as it is written in the catalogue.
        #[param(min_length = 1, max_length = 63, example = "people")]
        table: String,
        /// Schema of the table; left out, it is found on the role's search path.
        #[param(min_length = 1, max_length = 63, example = "public")]
        schema: Option<String>,
        /// Which rows: values by column, all of which must be equal. A list is one of its values, null is a column without
        /// a value.
        #[param(name = "where", default = json!({}), example = json!({ "id": 7 }))]
        matching: Map<String, Value>,
        /// Whether all rows of the table are meant; where must then be empty.
        #[param(default = false)]
        all: bool,
        /// Most rows that may be deleted: if more match, none is deleted and the call fails.
        #[param(min = 0)]
        max_rows: Option<u32>,
        /// Columns of the deleted rows to return; * for all.
        #[param(default = [])]
        returning: Vec<String>,
        /// Milliseconds that the call may take; left out, what the connection says.
        #[param(min = 1, max = 290_000, label = "Timeout (ms)")]
        timeout_ms: Option<u32>,
    ) -> Outcome<Changed> {
        let table = changes::Table { schema: schema.as_deref(), name: &table };
        let which = changes::Which { columns: &matching, all, max_rows, returning: &returning };
        succeed(self.change(cx, table, None, which, timeout_ms).await?)
    }

    /// Run several statements in one transaction: all of them take effect, or none does.
    #[command(
        timeout = 300_000,
        mock(default = mocks::transacted, conflict = mocks::serialization, denied = mocks::transaction_denied)
    )]
    async fn transaction(
        &self,
        cx: &Context,
        /// The statements, in their order.
        statements: Vec<Statement>,
        /// How much the transaction sees of others.
        #[param(default = "read_committed")]
        isolation: Isolation,
        /// Milliseconds that the call may take; left out, what the connection says.
        #[param(min = 1, max = 290_000, label = "Timeout (ms)")]
        timeout_ms: Option<u32>,
    ) -> Outcome<Transacted> {
        succeed(self.transact(cx, &statements, isolation, timeout_ms).await?)
    }

    /// Call a function or a procedure of the database.
    #[command(timeout = 300_000, mock(default = mocks::executed, notFound = mocks::no_routine, denied = mocks::denied))]
    async fn call(
        &self,
        cx: &Context,
        /// Name of the function or procedure, as it is written in the catalogue.
        #[param(min_length = 1, max_length = 63, example = "close_month")]
        name: String,
        /// Schema of it; left out, it is found on the role's search path.
        #[param(min_length = 1, max_length = 63, example = "public")]
        schema: Option<String>,
        /// Its arguments in their order. A procedure has one for each OUT parameter too: null.
        #[param(default = [], example = json!(["2026-01"]))]
        args: Vec<Value>,
        /// Arguments by name, after those that are given in order.
        #[param(default = json!({}))]
        named_args: Map<String, Value>,
        /// What it is; auto looks in the catalogue.
        #[param(default = "auto")]
        kind: RoutineKind,
        /// Most rows to return. The routine runs to its end whatever the limit.
        #[param(default = 1000, min = 1, max = 10_000)]
        limit: u32,
        /// Milliseconds that the call may take; left out, what the connection says.
        #[param(min = 1, max = 290_000, label = "Timeout (ms)")]
        timeout_ms: Option<u32>,
    ) -> Outcome<Executed> {
        let routine =
            routine::Routine { schema: schema.as_deref(), name: &name, kind, args: &args, named: &named_args };
        succeed(self.call_routine(cx, routine, limit, timeout_ms).await?)
    }
}

impl From<trouble::Trouble> for Failure {
    fn from(trouble: trouble::Trouble) -> Self {
        trouble.into_fail().into()
    }
}
