//! Tests a connection, and says at which step it failed.

use connector_runtime::prelude::*;

use super::capabilities::whole;
use super::failure::{Problem, Result};
use super::payloads::ServiceCapabilities;
use super::resource::member;
use super::session::Session;

/// Returns the step at which a request failed.
fn step(problem: &Problem) -> &'static str {
    let cause = problem.0.diagnostics.get("cause").and_then(Value::as_str);
    match (cause, problem.status(), problem.code()) {
        (Some("tls" | "certificate"), ..) => "tls",
        (Some("policy" | "scope"), ..) => "policy",
        (Some(_), None, _) => "dial",
        (_, _, "unauthenticated") => "signIn",
        (_, _, "denied") => "permission",
        (_, Some(404), _) => "baseUrl",
        // Of the request for a token.
        (None, None, "invalid") => "signIn",
        (None, None, "unavailable" | "timeout" | "policy" | "rateLimited")
            if problem.0.error.contains("access token") =>
        {
            "signIn"
        }
        _ => "answer",
    }
}

impl Session<'_> {
    /// Tests the connection.
    pub(super) async fn check(&self) -> Result<ServiceCapabilities> {
        let told = |problem: Problem| {
            let step = step(&problem);
            problem.with("step", step)
        };
        let capabilities = self.ask_capabilities().await.map_err(told)?;
        let types = self.resource_types().await.map_err(told)?;
        let query = [("count", "1".to_owned())];
        let response = self.get(&["Users"], &query).await.map_err(told)?;
        let response = self.accepted(response, "read the users").map_err(told)?;
        let body: Value = response.json().map_err(Problem::from).map_err(told)?;
        let users = member(&body, "totalResults").and_then(whole);
        if users.is_none() && member(&body, "Resources").is_none() {
            let why = "The answer is not a list of SCIM; check that baseUrl leads to the SCIM service";
            return Err(Problem::new(Code::Unavailable, why).with("step", "answer"));
        }
        Ok(ServiceCapabilities {
            announced: capabilities.announced,
            patch: capabilities.patch,
            bulk: capabilities.bulk.is_some(),
            max_operations: capabilities.bulk.map(|bulk| bulk.operations),
            filter: capabilities.filter,
            max_results: capabilities.max_results,
            sort: capabilities.sort,
            etag: capabilities.etag,
            cursor: capabilities.cursor,
            resource_types: types.into_iter().map(|kind| kind.name).collect(),
            users,
        })
    }
}
