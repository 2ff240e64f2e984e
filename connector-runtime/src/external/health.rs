//! The command `test` of a connector whose type has none: its service's `GET /health`.
//!
//! It implements the same trait as every executor, so that mocks, the deadline, redaction and recording are
//! those of every call.

use std::sync::{Arc, LazyLock};

use crate::context::Context;
use crate::dispatch::Executor;
use crate::outcome::{BoxFuture, Fail, Failure, Reply};
use crate::schema::{Command, ConfigSchema, Effect, FieldValues};

use super::{External, ProbeError};

/// Asks a service whether it is healthy.
#[derive(Debug)]
pub struct HealthCheck(Arc<External>);

impl HealthCheck {
    /// Asks this service.
    pub fn new(service: Arc<External>) -> Self {
        Self(service)
    }

    /// Returns the service.
    pub fn service(&self) -> &Arc<External> {
        &self.0
    }

    /// Returns the schema by which it is called: a single command `test` without params.
    pub fn schema() -> &'static ConfigSchema {
        static SCHEMA: LazyLock<ConfigSchema> = LazyLock::new(|| {
            let test = Command { effect: Some(Effect::Read), ..Command::default() };
            ConfigSchema { commands: [("test".to_owned(), test)].into_iter().collect(), ..ConfigSchema::default() }
        });
        &SCHEMA
    }

    async fn check(&self, context: &Context, command: &str, params: FieldValues<'_>) -> Result<Reply, Failure> {
        match self.0.health().await {
            Ok(()) => {
                let fits = self.0.check(context.time_left()).await;
                fits.map(|()| Reply::done()).map_err(|misfit| misfit.fail().into())
            }
            // Without a schema the service may have such a command.
            Err(error) if error.is_no_route() && self.0.is_open() => self.0.execute(context, command, params).await,
            Err(error) => Err(said(&error).into()),
        }
    }
}

impl Executor for HealthCheck {
    fn execute<'a>(
        &'a self,
        context: &'a Context,
        command: &'a str,
        params: FieldValues<'a>,
    ) -> BoxFuture<'a, Result<Reply, Failure>> {
        Box::pin(self.check(context, command, params))
    }
}

fn said(error: &ProbeError) -> Fail {
    let fail = Fail::new(format!("External service is not well: {error}"));
    match error {
        ProbeError::Status { status, .. } => fail.diagnostic("statusCode", *status),
        ProbeError::Egress(error) => fail.diagnostic("code", error.code()),
        _ => fail,
    }
}
