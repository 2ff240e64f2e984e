//! A service that answers as a test says, and calls that reach it.

use std::sync::atomic::{AtomicUsize, Ordering};

use connector_runtime::testing::{self, Answer, TestCall, Upstream};

use super::super::*;

pub(super) const CONFIG: &str = "GET /scim/ServiceProviderConfig";

/// A service with a token of its own, so that no test knows what another one's service announced.
pub(super) struct Service {
    pub(super) upstream: Upstream,
    pub(super) token: String,
}

pub(super) async fn service() -> Service {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let token = format!("t0ken-of-a-test-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    Service { upstream: Upstream::start().await, token }
}

impl Service {
    /// A service that announces what most do.
    pub(super) async fn usual() -> Self {
        let service = service().await;
        service.upstream.on(CONFIG, config(&json!({})));
        service
    }

    pub(super) fn on(&self, route: &str, answer: Answer) -> &Self {
        self.upstream.on(route, answer);
        self
    }

    pub(super) fn call(&self, command: &str) -> TestCall {
        testing::call::<Scim>(command)
            .config("baseUrl", format!("{}/scim", self.upstream.url()))
            .config("token", &self.token)
            .http(self.upstream.client())
    }

    /// Returns method and path with query of all requests but those for what the service can do.
    pub(super) fn lines(&self) -> Vec<String> {
        let seen = self.upstream.seen();
        let lines = seen.iter().map(connector_runtime::testing::Seen::line);
        lines.filter(|line| !line.contains("/ServiceProviderConfig")).collect()
    }

    /// Returns the bodies of requests of a method.
    pub(super) fn bodies(&self, method: &str) -> Vec<Value> {
        let seen = self.upstream.seen();
        seen.iter().filter(|seen| seen.method() == method).map(connector_runtime::testing::Seen::json).collect()
    }
}

/// A ServiceProviderConfig: PATCH, filters and no versions, but for what is given.
pub(super) fn config(more: &Value) -> Answer {
    let mut config = json!({ "patch": { "supported": true }, "filter": { "supported": true, "maxResults": 1000 } });
    for (name, value) in more.as_object().unwrap() {
        config[name] = value.clone();
    }
    scim(config)
}

pub(super) fn scim(body: Value) -> Answer {
    Answer::json(body).header("content-type", "application/scim+json;charset=utf-8")
}

pub(super) fn error(status: u16, scim_type: Option<&str>, detail: &str) -> Answer {
    let mut body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": status.to_string(), "detail": detail,
    });
    if let Some(scim_type) = scim_type {
        body["scimType"] = scim_type.into();
    }
    scim(body).status(status)
}

/// A page of users that are named by numbers.
pub(super) fn page(numbers: impl IntoIterator<Item = usize>, total: Option<usize>) -> Value {
    let users: Vec<Value> =
        numbers.into_iter().map(|n| json!({ "id": n.to_string(), "userName": format!("u{n}") })).collect();
    let mut body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "Resources": users });
    if let Some(total) = total {
        body["totalResults"] = total.into();
    }
    body
}

pub(super) async fn done(call: TestCall) -> Value {
    let result = call.run().await;
    assert!(result.success, "{result:?}");
    result.payload.unwrap_or_default()
}

pub(super) async fn failed(call: TestCall) -> Value {
    let result = call.run().await;
    assert!(!result.success, "{result:?}");
    let mut diagnostics = result.diagnostics.unwrap_or_default();
    diagnostics["error"] = result.error.unwrap_or_default().into();
    diagnostics
}
