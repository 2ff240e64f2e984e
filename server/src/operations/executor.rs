//! Imported operations as an executor.

use std::sync::Arc;
use std::time::Duration;

use connector_runtime::context::Context;
use connector_runtime::dispatch::Executor;
use connector_runtime::outcome::{BoxFuture, Failure, Reply};
use connector_runtime::schema::{ConfigSchema, FieldValues, shown_name};
use futures_util::FutureExt;

use super::host::OperationHost;
use super::run::Connection;
use super::table::OperationTable;
use crate::script::ScriptExecutor;

/// Serves a connector that was made of an OpenAPI document: an untouched function from the table, a changed one in the
/// sandbox.
#[derive(Debug)]
pub struct OperationExecutor {
    table: Arc<OperationTable>,
    schema: Arc<ConfigSchema>,
    scripts: ScriptExecutor,
}

impl OperationExecutor {
    /// Serves the operations of a table. `scripts` runs the functions that were changed.
    pub fn new(table: impl Into<Arc<OperationTable>>, schema: Arc<ConfigSchema>, scripts: ScriptExecutor) -> Self {
        Self { table: table.into(), schema, scripts }
    }
}

/// The maximum number of unknown params that a call notes.
const MAX_UNKNOWN: usize = 8;

/// Notes in the log of the call which params the document does not name: they go into an open body, or are refused.
fn note_unknown(context: &Context, params: FieldValues<'_>) {
    for name in params.unknown().take(MAX_UNKNOWN) {
        let name = shown_name(name);
        context
            .log()
            .debug(format_args!("the document does not name the param {name}; an open body takes it as it is"));
    }
}

impl Executor for OperationExecutor {
    fn execute<'a>(
        &'a self,
        context: &'a Context,
        command: &'a str,
        params: FieldValues<'a>,
    ) -> BoxFuture<'a, Result<Reply, Failure>> {
        let Self { table, schema, scripts } = self;
        async move {
            let host = &scripts.host(context);
            let connection = Connection { table, schema, context, host };
            if table.is_untouched(command) {
                note_unknown(context, params);
                return Ok(connection.run(command, params.given()).await.reply);
            }
            let host = OperationHost { connection, params: params.given() };
            scripts.run(context, command, params, &host).await
        }
        .boxed()
    }

    fn grace(&self) -> Duration {
        self.scripts.grace()
    }
}
