//! Connector types of the tests.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use connector_runtime::prelude::*;
use tokio::sync::Semaphore;

/// A secret long enough to be searched for.
pub(crate) const CANARY: &str = "canary/secret value+1";

/// Keeps secrets and tells what it is told.
#[connector(
    name = "safe",
    version = "1.2.0",
    category = "test",
    tags("one", "two"),
    default_command = "echo",
    lock = false
)]
pub(crate) struct Safe {
    /// Where the API is.
    base_url: Url,
    /// Its key.
    api_key: Secret,
    /// Who acts.
    tenant: Option<String>,
    /// Most things at once.
    #[config(default = 30, min = 1, max = 300)]
    limit: u32,
    /// A second way in.
    login: Option<Login>,
}

/// A user.
#[object]
pub(crate) struct Login {
    /// Name.
    user: String,
    /// Where to sign in.
    sign_in: Option<Url>,
    /// Password.
    password: Secret,
}

#[connector]
impl Safe {
    /// Say what was given, in every slot of the result.
    #[command(effect = read, mock(default = echoed, polite = polite))]
    async fn echo(
        &self,
        cx: &Context,
        /// What to say.
        text: Option<String>,
        /// A secret to say.
        pin: Option<Secret>,
        /// Headers to say.
        headers: Option<Value>,
    ) -> Outcome<Value> {
        let key = self.api_key.expose();
        cx.log().info(format!("the key is {key}"));
        let pin = pin.as_ref().map(Secret::expose).unwrap_or_default();
        cx.log().debug("not kept at level info");
        let login = self.login.as_ref().map(|login| format!("{} {}", login.user, login.password.expose()));
        let about = json!({
            "text": text, "key": key, "pin": pin, "headers": headers, "login": login, "base": self.base_url.as_str(),
            "tenant": self.tenant, "limit": self.limit,
            "signIn": self.login.as_ref().and_then(|login| login.sign_in.as_ref()).map(|url| url.as_str().to_owned()),
        });
        succeed(about).variable("key", key)
    }

    /// Fail with everything that must not be told.
    #[command(effect = update)]
    async fn leak(&self) -> Outcome {
        let key = self.api_key.expose();
        fail(format!("wrong key {key}")).diagnostic("sent", json!({ "key": key }))
    }

    /// Say hello the old way.
    #[command(effect = read, deprecated = "use echo")]
    async fn hello(&self) -> Outcome<Value> {
        succeed(json!("hello"))
    }
}

fn echoed() -> Outcome<Value> {
    succeed(json!({ "mock": "default" }))
}

fn polite(params: &EchoParams) -> Outcome<Value> {
    succeed(json!({ "mock": "polite", "text": params.text }))
}

/// Does nothing well.
#[connector(name = "odd", version = "0.1.0", lock = false)]
pub(crate) struct Odd {}

#[connector]
impl Odd {
    /// Panic.
    #[command(effect = update)]
    async fn panic(&self) -> Outcome<Value> {
        let numbers: Vec<u8> = Vec::new();
        succeed(json!(numbers[numbers.len()]))
    }

    /// Say pong.
    #[command(effect = read)]
    async fn ping(&self) -> Outcome<Value> {
        succeed(json!("pong"))
    }

    /// Check that it works.
    #[command(effect = read)]
    async fn test(&self) -> Outcome<Value> {
        succeed(json!("it works"))
    }

    /// Wait behind a gate and change something.
    #[command(effect = update)]
    async fn hold(
        &self,
        /// Name of the gate.
        gate: String,
    ) -> Outcome<Value> {
        pass(&gate).await;
        succeed(json!({ "passed": gate }))
    }

    /// Wait behind a gate and change nothing.
    #[command(effect = read, timeout = 60)]
    async fn peek(
        &self,
        /// Name of the gate.
        gate: String,
    ) -> Outcome<Value> {
        pass(&gate).await;
        succeed(json!({ "passed": gate }))
    }

    /// Log a lot.
    #[command(effect = read)]
    async fn chatter(&self, cx: &Context) -> Outcome {
        for number in 0..200 {
            cx.log().info(format!("{number} {}", "x".repeat(1024)));
        }
        succeed(())
    }

    /// Log many short lines.
    #[command(effect = read)]
    async fn babble(&self, cx: &Context) -> Outcome {
        for number in 0..10_000 {
            cx.log().info(number);
        }
        succeed(())
    }
}

/// A gate that calls wait behind until a test opens it.
pub(crate) struct Gate {
    /// A permit for every call that has come.
    pub(crate) came: Semaphore,
    /// A permit for every call that may go on.
    pub(crate) open: Semaphore,
}

static GATES: LazyLock<Mutex<HashMap<String, Arc<Gate>>>> = LazyLock::new(Mutex::default);

/// Returns a gate by name.
pub(crate) fn gate(name: &str) -> Arc<Gate> {
    let mut gates = GATES.lock().unwrap();
    let gate = gates.entry(name.to_owned());
    Arc::clone(gate.or_insert_with(|| Arc::new(Gate { came: Semaphore::new(0), open: Semaphore::new(0) })))
}

async fn pass(name: &str) {
    let gate = gate(name);
    gate.came.add_permits(1);
    gate.open.acquire().await.unwrap().forget();
}
