//! A connector that counts what it does and waits where a test wants it to.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use connector_runtime::connector::Connector as _;
use connector_runtime::prelude::*;
use connector_runtime::registry::Registry;
use tokio::sync::Semaphore;

/// What a test knows of the calls that carry its tag.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) count: AtomicU32,
    pub(crate) entered: Semaphore,
    pub(crate) leave: Semaphore,
}

impl Gate {
    pub(crate) fn of(tag: &str) -> Arc<Self> {
        static GATES: Mutex<Option<HashMap<String, Arc<Gate>>>> = Mutex::new(None);
        let mut gates = GATES.lock().unwrap();
        let gate = || Arc::new(Self { count: AtomicU32::new(0), entered: Semaphore::new(0), leave: Semaphore::new(0) });
        Arc::clone(gates.get_or_insert_with(HashMap::new).entry(tag.to_owned()).or_insert_with(gate))
    }

    pub(crate) fn count(&self) -> u32 {
        self.count.load(Ordering::SeqCst)
    }

    /// Waits until a call is inside.
    pub(crate) async fn entered(&self) {
        self.entered.acquire().await.unwrap().forget();
    }
}

/// The connector.
#[connector(name = "agent-fixture", version = "1.2.0", lock = false)]
#[derive(Debug)]
pub(crate) struct Fixture {
    /// Key.
    api_key: Secret,
}

#[connector]
impl Fixture {
    /// Adds.
    #[command(effect = read, outputs("sum"))]
    fn add(
        &self,
        cx: &Context,
        /// One.
        one: u32,
        /// Other.
        #[param(default = 1)]
        other: u32,
    ) -> Outcome<Value> {
        succeed(json!({ "sum": one + other, "run": cx.run_id(), "key": self.api_key.expose() }))
    }

    /// Counts.
    #[command(effect = create, outputs("count"))]
    fn write(
        &self,
        /// Whose.
        tag: String,
    ) -> Outcome<Value> {
        let gate = Gate::of(&tag);
        succeed(json!({ "count": gate.count.fetch_add(1, Ordering::SeqCst) + 1 }))
    }

    /// Counts and waits to be let go.
    #[command(effect = create, outputs("count"))]
    async fn wait(
        &self,
        /// Whose.
        tag: String,
    ) -> Outcome<Value> {
        let gate = Gate::of(&tag);
        let count = gate.count.fetch_add(1, Ordering::SeqCst) + 1;
        gate.entered.add_permits(1);
        gate.leave.acquire().await?.forget();
        succeed(json!({ "count": count }))
    }

    /// Panics.
    #[command]
    fn panic(&self) {
        panic!("key {}", self.api_key.expose());
    }

    /// Makes a large result.
    #[command(effect = read, outputs("text"))]
    fn large(
        &self,
        /// Bytes.
        bytes: u32,
    ) -> Outcome<Value> {
        succeed(json!({ "text": "x".repeat(bytes as usize) }))
    }

    /// Calls out.
    #[command]
    async fn call_out(
        &self,
        cx: &Context,
        /// Where.
        url: String,
    ) -> Outcome<Value> {
        let response = cx.http().get(url.as_str()).send().await?;
        succeed(json!(response.status()))
    }
}

pub(crate) fn registry() -> Registry {
    Registry::of([Fixture::DESCRIPTOR]).unwrap()
}
