//! The executor of external connectors: one POST for each call, sent again if the command allows it.
//!
//! The dispatcher keeps the deadline: it drops the call, and the request with it. The service gets the time
//! that is left, so that it does not work for a caller that has gone.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::Secret;
use crate::context::Context;
use crate::dispatch::Executor;
use crate::egress::{Backoff, Client, EgressError, Response};
use crate::outcome::{BoxFuture, Fail, Failure, Reply};
use crate::protocol::{self, ExecuteRequest, Metadata, SCHEMA_HEADER, SIGNATURE_HEADER};
use crate::redact::Redactor;
use crate::schema::{ConfigSchema, Effect, FieldValues};
use serde_json::{Map, Value};
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;

use super::{
    CircuitState, Expected, ExternalState, ProbeError, SchemaMismatch, ServiceStatus, answer, health, signature,
};

/// How often a call is sent again at most.
const MAX_REPEATS: u32 = 3;
/// The waits between attempts.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(5));
/// A request times out this much after the call's deadline, so that the text of a timeout is always the
/// dispatcher's.
const GRACE: Duration = Duration::from_secs(1);

/// The service behind a connector.
#[derive(Debug)]
pub struct Service {
    /// Its URL; `/execute` is added.
    pub endpoint: Url,
    /// What the type accepts, and which commands may be sent twice.
    pub schema: Arc<ConfigSchema>,
    /// The type as it is here; `None` if it has no schema.
    pub expected: Option<Expected>,
    /// The secret with which calls are signed.
    pub signing_secret: Option<Secret>,
    /// Knows the secrets of the connection and the signing secret.
    pub redactor: Arc<Redactor>,
    /// What is known of the service; the connector's own.
    pub status: Arc<ServiceStatus>,
}

/// Executes the commands of one connector through its service.
pub struct External {
    service: Service,
    execute: Url,
    client: Client,
}

impl External {
    /// Serves a connector through `client`, which has the operator's policy. The connection's secrets go to
    /// the endpoint's origin and nowhere else.
    ///
    /// # Errors
    /// If the endpoint is not a URL that may be called.
    pub fn new(service: Service, client: &Client) -> Result<Self, EgressError> {
        let client = client.with_own_limits().scoped([service.endpoint.as_str()])?;
        let execute = below(&service.endpoint, "execute");
        Ok(Self { service, execute, client })
    }

    /// Returns what is known of the service.
    pub fn state(&self) -> ExternalState {
        self.service.status.state(self.service.expected.as_ref().map(|expected| &expected.fingerprint))
    }

    /// Returns whether it is unknown what the service accepts.
    pub fn is_open(&self) -> bool {
        self.service.schema.open
    }

    /// Asks the service whether it is well. One that answers is there, so that its circuit closes.
    ///
    /// # Errors
    /// If there is no answer, or another status than 200 to 299.
    pub async fn health(&self) -> Result<(), ProbeError> {
        let Service { endpoint, status, .. } = &self.service;
        let outcome = health(&self.client, endpoint).await;
        if matches!(&outcome, Ok(_) | Err(ProbeError::Status { .. })) {
            self.note_reached(status.breaker.close());
        }
        status.note_health(outcome.as_ref().map(|_| ()).map_err(ToString::to_string));
        outcome.map(|header| status.fit.note(header.as_deref()))
    }

    /// Checks that the service has the schema of the type, unless that is known. A service that is known to be
    /// unreachable is not asked.
    ///
    /// # Errors
    /// If it has another schema.
    pub async fn check(&self, most: Duration) -> Result<(), SchemaMismatch> {
        let Service { endpoint, schema, expected, status, .. } = &self.service;
        match expected {
            Some(expected) if status.breaker.state(Instant::now()) == CircuitState::Closed => {
                status.fit.check(&self.client, endpoint, expected, schema, most).await
            }
            _ => Ok(()),
        }
    }

    /// Tells the log of a circuit that has just closed.
    fn note_reached(&self, has_closed: bool) {
        if has_closed {
            tracing::info!(event = "circuit_closed", endpoint = %self.service.endpoint, "an external service is reached again");
        }
    }

    /// Returns whether a command may be sent twice.
    fn is_repeatable(&self, command: &str) -> bool {
        let command = self.service.schema.commands.get(command);
        command.is_some_and(|command| command.idempotent || command.effect == Some(Effect::Read))
    }

    async fn call(&self, context: &Context, command: &str, params: FieldValues<'_>) -> Result<Reply, Failure> {
        self.check(context.time_left() / 2).await.map_err(|misfit| misfit.fail())?;
        let redactor = context.redactor_with(&self.service.redactor);
        let call = Call::new(self, context, command, params);
        let repeatable = self.is_repeatable(command);
        let mut repeats = 0;
        loop {
            let outcome = self.attempt(&call, context, repeats).await?;
            let wait = (repeatable && repeats < MAX_REPEATS).then(|| wait(&outcome, repeats)).flatten();
            let Some(wait) = wait.filter(|wait| *wait < context.time_left()) else {
                return match outcome {
                    Ok(response) => answer::read(&response, &redactor),
                    Err(error) => Err(failed(&error, repeatable).into()),
                };
            };
            repeats += 1;
            context.log().debug(format!("external service: attempt {repeats} failed; trying again"));
            drop(outcome);
            tokio::time::sleep(wait).await;
        }
    }

    /// Sends a call once. A refusal of the breaker is final.
    async fn attempt(
        &self,
        call: &Call<'_>,
        context: &Context,
        repeats: u32,
    ) -> Result<Result<Response, EgressError>, Failure> {
        let admission = self.service.status.breaker.admit(Instant::now()).map_err(|refusal| {
            let retry_in = refusal.retry_in.map(|pause| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
            let fail = Fail::new(refusal.to_string()).diagnostic("circuit", "open").diagnostic("attempts", repeats);
            match retry_in {
                Some(retry_in) => fail.diagnostic("retryInMs", retry_in),
                None => fail,
            }
        })?;
        let body = call
            .body(context.time_left())
            .map_err(|error| Fail::new(format!("The call cannot be written as JSON: {error}")))?;
        let timeout = context.time_left() + GRACE;
        let mut request = self.client.post(self.execute.clone()).timeout(timeout).no_redirects();
        if let Some(secret) = &self.service.signing_secret {
            request = request.header(SIGNATURE_HEADER, signature(secret, &self.execute, &body));
        }
        request = request.header("content-type", "application/json").body(body).sensitive_body();
        let outcome = request.send().await;
        match &outcome {
            Err(error) if never_connected(error) => {
                if admission.unreachable(Instant::now(), error.to_string()) {
                    let endpoint = &self.service.endpoint;
                    tracing::warn!(event = "circuit_opened", %endpoint, %error, "an external service cannot be reached; calls are refused until it can");
                }
            }
            // Refused before a packet left, or broken off: neither tells of the way to the service.
            Err(EgressError::Policy { .. } | EgressError::Request { .. } | EgressError::Scope { .. }) => {
                drop(admission);
            }
            Err(_) => self.note_reached(admission.reached()),
            Ok(response) => {
                self.note_reached(admission.reached());
                self.service.status.fit.note(response.header(SCHEMA_HEADER));
            }
        }
        Ok(outcome)
    }
}

impl Executor for External {
    fn execute<'a>(
        &'a self,
        context: &'a Context,
        command: &'a str,
        params: FieldValues<'a>,
    ) -> BoxFuture<'a, Result<Reply, Failure>> {
        Box::pin(self.call(context, command, params))
    }
}

impl fmt::Debug for External {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("External").field(&self.service.endpoint.as_str()).finish()
    }
}

/// The parts that are the same in every attempt of a call.
struct Call<'a> {
    command: &'a str,
    config: Map<String, Value>,
    params: Map<String, Value>,
    context: &'a Context,
    key: Cow<'a, str>,
}

impl<'a> Call<'a> {
    fn new(external: &External, context: &'a Context, command: &'a str, params: FieldValues<'_>) -> Self {
        let config = FieldValues::new(&external.service.schema.connection, context.connector_config()).with_defaults();
        let params = params.with_defaults();
        let key = context.idempotency_key().map_or_else(|| Uuid::now_v7().to_string().into(), Cow::Borrowed);
        Self { command, config, params, context, key }
    }

    fn body(&self, time_left: Duration) -> Result<Vec<u8>, serde_json::Error> {
        let timeout = time_left.as_micros().div_ceil(1000);
        serde_json::to_vec(&ExecuteRequest {
            protocol_version: protocol::VERSION.into(),
            command: Some(self.command.into()),
            config: Cow::Borrowed(&self.config),
            params: Cow::Borrowed(&self.params),
            variables: Cow::Borrowed(self.context.variables()),
            metadata: Metadata {
                step_id: self.context.step_id().map(Cow::Borrowed),
                run_id: self.context.run_id().map(Cow::Borrowed),
                timeout: Some(u64::try_from(timeout).unwrap_or(u64::MAX)),
                idempotency_key: Some(Cow::Borrowed(&self.key)),
            },
        })
    }
}

/// Returns a URL below an endpoint, whose path may end with a slash or not.
pub fn below(endpoint: &Url, name: &str) -> Url {
    let mut url = endpoint.clone();
    url.set_query(None);
    url.set_fragment(None);
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().push(name);
    }
    url
}

/// Returns whether no connection could be opened, so that nothing was sent.
fn never_connected(error: &EgressError) -> bool {
    matches!(error, EgressError::Connect { .. } | EgressError::Dns { .. } | EgressError::Tls { .. })
}

/// Returns how long to wait before the next attempt, or `None` if the outcome is final. A `Retry-After` is kept.
fn wait(outcome: &Result<Response, EgressError>, repeats: u32) -> Option<Duration> {
    let asked = match outcome {
        Ok(response) if answer::is_temporary(response) => response.retry_after().unwrap_or_default(),
        Err(error) => match error.cause() {
            EgressError::Connect { .. } | EgressError::Dns { .. } | EgressError::Protocol { .. } => Duration::ZERO,
            _ => return None,
        },
        Ok(_) => return None,
    };
    Some(asked.saturating_add(BACKOFF.wait(repeats)))
}

/// Makes the failure of a call without answer. A call that may have been sent has an unknown outcome.
fn failed(error: &EgressError, repeatable: bool) -> Fail {
    let fail = Fail::new(error.to_string()).diagnostic("code", error.code());
    if error.may_have_arrived() && !repeatable { fail.diagnostic("outcome", "unknown") } else { fail }
}
