//! The executor of compiled connectors: reads the typed connection once, then calls handlers.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::context::Context;
use crate::descriptor::{CommandSpec, Connection, Descriptor, Timeout};
use crate::dispatch::Executor;
use crate::outcome::{BoxFuture, Fail, Failure, Reply, Thrown};
use crate::schema::{ConfigSchema, FieldValues, nearest_name, shown_name};

/// The maximum number of unknown params that a call warns of.
const MAX_UNKNOWN: usize = 8;

/// Executes the commands of one instance of a compiled connector type.
///
/// The typed connection is read at the first call and kept; make a new executor when the connection
/// config changes.
pub struct BuiltIn {
    descriptor: &'static Descriptor,
    schema: Arc<ConfigSchema>,
    connection: OnceLock<Connection>,
}

impl BuiltIn {
    /// Makes the executor of a type; `schema` is the config schema that the registry made for it.
    pub fn new(descriptor: &'static Descriptor, schema: Arc<ConfigSchema>) -> Self {
        Self { descriptor, schema, connection: OnceLock::new() }
    }

    fn connection(&self, context: &Context) -> Result<&Connection, Failure> {
        if let Some(connection) = self.connection.get() {
            return Ok(connection);
        }
        let values = FieldValues::new(&self.schema.connection, context.connector_config());
        let connection = (self.descriptor.connect)(values).map_err(Failure::invalid)?;
        Ok(self.connection.get_or_init(|| connection))
    }

    fn spec(&self, command: &str) -> Option<&'static CommandSpec> {
        self.descriptor.command(command)
    }
}

/// Says in the log of the call which params its command does not know.
fn warn_of_unknown(context: &Context, params: FieldValues<'_>) {
    for name in params.unknown().take(MAX_UNKNOWN) {
        let meant = nearest_name(name, params.fields().keys().map(String::as_str));
        let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
        context
            .log()
            .warn(format_args!("the param {} is ignored: the command has none of that name{meant}", shown_name(name)));
    }
    match params.unknown().skip(MAX_UNKNOWN).count() {
        0 => {}
        more => context.log().warn(format_args!("{more} more params are ignored: the command has none of these names")),
    }
}

impl Executor for BuiltIn {
    fn execute<'a>(
        &'a self,
        context: &'a Context,
        command: &'a str,
        params: FieldValues<'a>,
    ) -> BoxFuture<'a, Result<Reply, Failure>> {
        let Some(spec) = self.spec(command) else {
            let text = format!("The compiled connector {} has no command {command}", self.descriptor.name);
            return Box::pin(async move { Err(Fail::new(text).into()) });
        };
        warn_of_unknown(context, params);
        match self.connection(context) {
            Ok(connection) => (spec.call)(&**connection, context, params),
            Err(failure) => Box::pin(async move { Err(failure) }),
        }
    }

    fn explain(&self, thrown: &Thrown<'_>) -> Option<Fail> {
        self.descriptor.errors.and_then(|explain| explain(thrown))
    }

    fn default_timeout(&self, command: &str, params: FieldValues<'_>) -> Option<u64> {
        self.spec(command)?.timeout.map(|timeout| match timeout {
            Timeout::Fixed(ms) => ms,
            Timeout::Of(derive) => derive(params),
        })
    }

    fn mock(&self, command: &str, scenario: &str, params: FieldValues<'_>) -> Option<Result<Reply, Failure>> {
        let spec = self.spec(command)?.mocks.iter().find(|mock| mock.scenario == scenario)?;
        Some((spec.run)(params))
    }

    fn mock_scenarios(&self, command: &str) -> Vec<&str> {
        self.spec(command).map(|spec| spec.mocks.iter().map(|mock| mock.scenario).collect()).unwrap_or_default()
    }
}

impl fmt::Debug for BuiltIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BuiltIn").field(&self.descriptor.name).finish()
    }
}
