//! The check of a connection, what has no file of its own, and raw requests.

use connector_runtime::context::Context;
use connector_runtime::prelude::*;

use super::api::{Does, id_text, scopes_of};
use super::lists::{Query, order};
use super::{Approved, Authifi, Checked, Items, Permissions};
use crate::http::Method;
use crate::shared::invalid;

/// What a raw request was answered.
#[payload]
#[derive(Debug)]
pub struct Called {
    /// Status code.
    pub status: u16,
    /// The body: JSON where it is JSON, else a text; null when there is none.
    pub body: Value,
}

impl Authifi {
    pub(super) async fn check(&self, cx: &Context) -> Result<Checked, Failure> {
        let step = |step: &'static str| move |fail: Fail| Failure::from(fail.diagnostic("step", step));
        let api = self.api(cx)?;
        let token = api.token().await.map_err(step("token"))?;
        let filter = json!({ "limit": 1, "skip": 0, "order": order(None) }).to_string();
        let request = api.request("GET", &["users"])?.query(&[("filter", filter)]);
        let response = api.send(request, Does::Read).await.map_err(step("tenant"))?;
        match response.status() {
            _ if response.is_success() => {}
            404 => return Err(step("tenant")(api.refused("tell of the tenant", &response).await)),
            _ => return Err(step("users")(api.refused("list the users", &response).await)),
        }
        Ok(Checked { tenant: self.tenant.clone(), scopes: scopes_of(token.secret()).unwrap_or_default() })
    }

    pub(super) async fn read_permissions(
        &self,
        cx: &Context,
        user: &Value,
        limit: usize,
    ) -> Result<Permissions, Failure> {
        let id = id_text("userId", user)?;
        let path = ["users", id.as_str(), "resource-server-permissions"];
        let query = Query { what: "permissions of the user", path: &path, by: Map::new(), order: order(None), limit };
        let found = self.api(cx)?.list(query).await?;
        Ok(Permissions { count: found.count(), truncated: found.truncated, permissions: found.items })
    }

    pub(super) async fn read_items(
        &self,
        cx: &Context,
        kind: &str,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
        limit: usize,
    ) -> Result<Items, Failure> {
        let by = match (from, to) {
            (None, None) => json!({}),
            (Some(from), None) => json!({ "createdAt": { "gte": from } }),
            (None, Some(to)) => json!({ "createdAt": { "lte": to } }),
            (Some(from), Some(to)) => json!({ "createdAt": { "between": [from, to] } }),
        };
        let by = by.as_object().cloned().unwrap_or_default();
        let found = self.api(cx)?.list(Query { what: kind, path: &[kind], by, order: order(None), limit }).await?;
        Ok(Items { count: found.count(), truncated: found.truncated, items: found.items })
    }

    pub(super) async fn approve(&self, cx: &Context, id: &Value) -> Result<Approved, Failure> {
        let id = id_text("id", id)?;
        let api = self.api(cx)?;
        let request = api.request("POST", &["access-requests", &id, "approve"])?;
        let response = api.done("approve the request", request, Does::Change).await?;
        Ok(Approved { request: response.json().unwrap_or_default() })
    }

    pub(super) async fn send_raw(
        &self,
        cx: &Context,
        method: Method,
        path: &str,
        query: Option<Map<String, Value>>,
        body: Option<Value>,
    ) -> Result<Called, Failure> {
        if path.contains(['?', '#']) {
            return Err(invalid("The path holds a ? or #; query parameters belong in query").into());
        }
        let api = self.api(cx)?;
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let mut request = api.request(method.as_str(), &parts)?;
        for (name, value) in query.into_iter().flatten() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            request = request.query(&[(name, text)]);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let does = if method.only_reads() { Does::Read } else { Does::Change };
        let response = api.done("do it", request, does).await?;
        let body = match response.bytes().is_empty() {
            true => Value::Null,
            false => response.json().unwrap_or_else(|_| Value::String(response.text().into_owned())),
        };
        Ok(Called { status: response.status(), body })
    }
}
