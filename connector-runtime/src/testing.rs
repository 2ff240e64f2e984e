//! Runs a command of a connector in a unit test: the same path as in the server, without a server. [`Upstream`] is the
//! service that it calls.
//!
//! ```
//! use connector_runtime::prelude::*;
//! use connector_runtime::testing;
//!
//! /// Greet people.
//! #[connector(name = "greet", version = "1.0.0", lock = false)]
//! pub struct Greet {
//!     /// What to say before the name.
//!     salutation: String,
//! }
//!
//! #[connector]
//! impl Greet {
//!     /// Greet somebody.
//!     #[command(effect = read, outputs("text"))]
//!     fn greet(
//!         &self,
//!         /// Whom to greet.
//!         name: String,
//!     ) -> Outcome<Value> {
//!         succeed(json!({ "text": format!("{} {name}", self.salutation) }))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let call = testing::call::<Greet>("greet").config("salutation", "Hello").param("name", "Ada");
//! let result = call.run().await;
//! assert_eq!(result.payload, Some(json!({ "text": "Hello Ada" })));
//! # }
//! ```

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::connector::Connector;
use crate::context::{ConnectionConfig, Invocation};
use crate::descriptor::Descriptor;
use crate::dispatch::FinishedCall;
use crate::egress::Client;
use crate::log::LogLevel;
use crate::outcome::ConnectorResult;
use crate::registry::{Entry, Registry};

pub use answer::Answer;
pub use seen::Seen;
pub use upstream::Upstream;

mod answer;
mod seen;
#[cfg(test)]
mod tests;
mod upstream;

/// Begins a call of a connector's command.
pub fn call<C: Connector>(command: &str) -> TestCall {
    call_descriptor(C::DESCRIPTOR, command)
}

/// Begins a call of a command through a descriptor.
pub fn call_descriptor(descriptor: &'static Descriptor, command: &str) -> TestCall {
    let command = Some(command.to_owned());
    let invocation = Invocation { command, log_level: LogLevel::Trace, ..Invocation::default() };
    TestCall { descriptor, invocation, connection: Map::new() }
}

/// Runs a raw invocation, as the server would.
///
/// # Panics
/// If the result sets a variable that the command does not declare, although it declares its variables: the check of a
/// run goes by what is declared, and the server would warn of it.
pub async fn execute(descriptor: &'static Descriptor, invocation: Invocation) -> FinishedCall {
    let finished = Entry::new(descriptor).call(descriptor.name, invocation).await;
    let spec = finished.command.as_deref().and_then(|name| descriptor.command(name));
    if let Some((spec, declared)) = spec.and_then(|spec| Some((spec, spec.variables?))) {
        let set = finished.reply.variables.iter().flat_map(|variables| variables.keys());
        let undeclared: Vec<&str> =
            set.map(String::as_str).filter(|name| declared.iter().all(|field| field.name != *name)).collect();
        assert!(
            undeclared.is_empty(),
            "the result of `{}` sets variables that the command does not declare: {}; it declares {}\nto mend it: add \
             them to #[command(variables(..))], with their types, or do not set them",
            spec.name,
            undeclared.join(", "),
            if declared.is_empty() {
                "none".to_owned()
            } else {
                declared.iter().map(|field| field.name).collect::<Vec<_>>().join(", ")
            },
        );
    }
    finished
}

/// A call that is being built.
#[derive(Debug)]
#[must_use = "a call does nothing until it is run"]
pub struct TestCall {
    descriptor: &'static Descriptor,
    invocation: Invocation,
    connection: Map<String, Value>,
}

impl TestCall {
    /// Sets a field of the connection config.
    pub fn config(mut self, name: &str, value: impl Serialize) -> Self {
        self.connection.insert(name.to_owned(), json(value));
        self
    }

    /// Sets a param.
    pub fn param(mut self, name: &str, value: impl Serialize) -> Self {
        self.invocation.params.insert(name.to_owned(), json(value));
        self
    }

    /// Sets a variable of the run.
    pub fn variable(mut self, name: &str, value: impl Serialize) -> Self {
        self.invocation.variables.insert(name.to_owned(), json(value));
        self
    }

    /// Gives the call an idempotency key, as a caller does who may repeat it; without one the connector sees none.
    pub fn idempotency_key(mut self, key: &str) -> Self {
        self.invocation.idempotency_key = Some(key.to_owned());
        self
    }

    /// Names no command, so that the default one runs.
    pub fn without_command(mut self) -> Self {
        self.invocation.command = None;
        self
    }

    /// Answers with a mock scenario.
    pub fn mock(mut self, scenario: &str) -> Self {
        self.invocation.mock_scenario = Some(scenario.to_owned());
        self
    }

    /// Sets the deadline, in milliseconds.
    pub fn timeout_ms(mut self, timeout_ms: u64) -> Self {
        self.invocation.timeout_ms = Some(timeout_ms);
        self
    }

    /// Sets the ids of the step and the run.
    pub fn step(mut self, step_id: &str, run_id: &str) -> Self {
        self.invocation.step_id = Some(step_id.to_owned());
        self.invocation.run_id = Some(run_id.to_owned());
        self
    }

    /// Sends requests through a client of the test's own, for example one that may reach loopback.
    pub fn http(mut self, client: Client) -> Self {
        self.invocation.http = client;
        self
    }

    /// Calls a test service: a field of the connection config gets its URL, and requests reach it and nothing else.
    pub fn upstream(self, field: &str, upstream: &Upstream) -> Self {
        let client = upstream.client();
        self.config(field, upstream.url()).http(client)
    }

    /// Runs the call and returns everything that is known about it.
    pub async fn done(mut self) -> FinishedCall {
        self.invocation.connection = Arc::new(ConnectionConfig::new(self.connection));
        execute(self.descriptor, self.invocation).await
    }

    /// Runs the call and returns its result.
    pub async fn run(self) -> ConnectorResult {
        self.done().await.reply.into_result()
    }
}

/// Makes a registry of one connector.
pub fn registry_of<C: Connector>() -> Registry {
    Registry::of([C::DESCRIPTOR]).unwrap_or_default()
}

fn json(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}
