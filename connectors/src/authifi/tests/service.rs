//! An Authifi of a test: tokens that expire, users, groups and roles, filters as LoopBack reads them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use connector_runtime::prelude::*;
use connector_runtime::testing::{self, Answer, Seen, TestCall, Upstream};

use crate::authifi::Authifi;

#[derive(Default)]
struct State {
    users: Vec<Value>,
    groups: Vec<Value>,
    members: BTreeSet<(String, String)>,
    roles: BTreeSet<String>,
    tokens: usize,
    /// Whether the token that was issued last has expired.
    is_expired: bool,
    lists: usize,
    /// After how many lists the current token expires.
    expires_after: Option<usize>,
    refuses: Option<u16>,
}

pub(super) struct Service {
    upstream: Upstream,
    state: Arc<Mutex<State>>,
}

pub(super) fn to(upstream: &Upstream, command: &str) -> TestCall {
    testing::call::<Authifi>(command)
        .upstream("baseUrl", upstream)
        .config("baseUrl", format!("{}/_api", upstream.url()))
        .config("tenant", "prod")
        .config("tenantId", "42")
        .config("clientId", "client")
        .config("clientSecret", "canary-client-secret")
        .config("resource", "https://auth.example.com/_api")
}

pub(super) fn call(service: &Service, command: &str) -> TestCall {
    to(&service.upstream, command)
}

fn error(status: u16, name: &str, message: &str) -> Answer {
    Answer::json(json!({ "error": { "statusCode": status, "name": name, "message": message } })).status(status)
}

impl Service {
    pub(super) async fn start(users: usize) -> Self {
        let state = State {
            users: (1..=users)
                .map(|id| json!({ "id": id, "email": format!("user{id}@example.com"), "identityIssuerId": 1 }))
                .collect(),
            ..State::default()
        };
        let state = Arc::new(Mutex::new(state));
        let upstream = Upstream::start().await;
        let own = Arc::clone(&state);
        upstream.otherwise(move |seen| own.lock().unwrap().answer(seen));
        Self { upstream, state }
    }

    pub(super) fn url(&self) -> String {
        self.upstream.url()
    }

    pub(super) fn users(&self) -> usize {
        self.state.lock().unwrap().users.len()
    }

    pub(super) fn add(&self, mut user: Value) {
        let mut state = self.state.lock().unwrap();
        user["id"] = json!(state.users.len() + 1);
        state.users.push(user);
    }

    pub(super) fn token_requests(&self) -> usize {
        self.state.lock().unwrap().tokens
    }

    pub(super) fn list_requests(&self) -> usize {
        self.state.lock().unwrap().lists
    }

    pub(super) fn expire_after(&self, lists: usize) {
        self.state.lock().unwrap().expires_after = Some(lists);
    }

    pub(super) fn refuse(&self, status: u16) {
        self.state.lock().unwrap().refuses = Some(status);
    }
}

impl State {
    fn answer(&mut self, seen: &Seen) -> Answer {
        if seen.path() == "/_api/auth/prod/oidc/token" {
            return self.token(seen);
        }
        let Some(path) = seen.path().strip_prefix("/_api/auth/admin/tenants/42/") else {
            return error(404, "NotFoundError", "Endpoint not found");
        };
        if self.is_expired || seen.header("authorization") != Some(&format!("Bearer {}", token(self.tokens))) {
            return error(401, "UnauthorizedError", "The token has expired");
        }
        match self.refuses {
            Some(403) => return error(403, "ForbiddenError", "Access denied"),
            Some(status) => return error(status, "UnauthorizedError", "No"),
            None => {}
        }
        let parts: Vec<&str> = path.split('/').collect();
        match (seen.method(), parts.as_slice()) {
            ("GET", ["users", "count"]) => Answer::json(json!({ "count": self.users.len() })),
            ("GET", ["users"]) => {
                if let Some(left) = self.expires_after.take() {
                    self.expires_after = left.checked_sub(1);
                    if left == 0 {
                        self.is_expired = true;
                        return error(401, "UnauthorizedError", "The token has expired");
                    }
                }
                self.lists += 1;
                listed(&self.users, seen)
            }
            ("POST", ["users"]) => add(&mut self.users, seen.json(), &["email", "identityIssuerId"]),
            (method, ["users", id]) => one(&mut self.users, method, id, seen),
            ("GET", ["groups"]) => listed(&self.groups, seen),
            ("POST", ["groups"]) => add(&mut self.groups, seen.json(), &["name"]),
            ("GET", ["groups", id, "users"]) => {
                let is_in = |user: &&Value| self.members.contains(&((*id).to_owned(), user["id"].to_string()));
                listed(&self.users.iter().filter(is_in).cloned().collect::<Vec<_>>(), seen)
            }
            (method @ ("PUT" | "DELETE"), ["groups", id, "users", "rel", user]) => {
                let member = ((*id).to_owned(), (*user).to_owned());
                match method {
                    "PUT" if self.users.iter().all(|own| !is(own, user)) => {
                        error(404, "NotFoundError", "Entity not found: User")
                    }
                    "PUT" => {
                        self.members.insert(member);
                        Answer::empty(204)
                    }
                    _ if self.members.remove(&member) => Answer::empty(204),
                    _ => error(404, "NotFoundError", "Entity not found"),
                }
            }
            ("GET", ["groups", _, "access-roles"]) => {
                let roles = self.roles.iter().map(|id| json!({ "id": id.parse::<u64>().unwrap(), "name": "role" }));
                Answer::json(roles.collect::<Value>())
            }
            ("PUT", ["groups", _, "access-roles", "rel", role]) => {
                self.roles.insert((*role).to_owned());
                Answer::empty(204)
            }
            ("DELETE", ["groups", _, "access-roles", "rel", role]) => {
                self.roles.remove(*role);
                Answer::empty(204)
            }
            (method, ["groups", id]) => one(&mut self.groups, method, id, seen),
            ("POST", ["access-requests", id, "approve"]) => Answer::json(json!({ "id": id, "status": "approved" })),
            _ => error(404, "NotFoundError", "Endpoint not found"),
        }
    }

    fn token(&mut self, seen: &Seen) -> Answer {
        // base64("client:canary-client-secret")
        if seen.header("authorization") != Some("Basic Y2xpZW50OmNhbmFyeS1jbGllbnQtc2VjcmV0") {
            let form = seen.form();
            let said: Vec<String> = form.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let body = json!({ "error": "invalid_client", "error_description": said.join(" ") });
            return Answer::json(body).status(401);
        }
        assert!(seen.form().contains(&("resource".to_owned(), "https://auth.example.com/_api".to_owned())));
        self.tokens += 1;
        self.is_expired = false;
        Answer::json(json!({ "access_token": token(self.tokens), "expires_in": 600, "token_type": "Bearer" }))
    }
}

fn is(item: &Value, id: &str) -> bool {
    id.parse::<u64>().is_ok_and(|id| item["id"] == id)
}

/// A token that tells its scopes, as a JWT does.
fn token(number: usize) -> String {
    let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({ "scope": "users:read groups:read", "jti": number });
    format!("{}.{}.signature", part(json!({ "alg": "RS256" })), part(claims))
}

fn listed(items: &[Value], seen: &Seen) -> Answer {
    let filter: Value = serde_json::from_str(&seen.query("filter").unwrap()).unwrap();
    let number = |name: &str| usize::try_from(filter[name].as_u64().unwrap()).unwrap();
    assert!(number("limit") <= 100);
    let mut found: Vec<&Value> = items.iter().filter(|item| passes(item, &filter["where"])).collect();
    let order = filter["order"][0].as_str().unwrap();
    if let Some(field) = order.strip_suffix(" DESC") {
        found.sort_by_key(|item| std::cmp::Reverse(item[field].to_string()));
    }
    Answer::json(found.into_iter().skip(number("skip")).take(number("limit")).cloned().collect::<Value>())
}

fn passes(item: &Value, by: &Value) -> bool {
    let Some(by) = by.as_object() else { return true };
    by.iter().all(|(field, wanted)| match (field.as_str(), wanted) {
        ("and", Value::Array(all)) => all.iter().all(|by| passes(item, by)),
        ("or", Value::Array(any)) => any.iter().any(|by| passes(item, by)),
        (_, Value::Object(operator)) => match operator.iter().next().unwrap() {
            (name, Value::Array(values)) if name == "inq" => values.contains(&item[field]),
            (name, Value::String(pattern)) if name == "regexp" => {
                let text = pattern.strip_prefix('/').and_then(|rest| rest.strip_suffix("/i")).unwrap();
                // Everything that could mean something in a pattern is escaped, so that the rest is the text itself.
                let mut plain = String::new();
                let mut chars = text.chars();
                while let Some(c) = chars.next() {
                    plain.push(if c == '\\' { chars.next().unwrap() } else { c });
                    assert!(c == '\\' || c.is_alphanumeric(), "{pattern}");
                }
                item[field].as_str().is_some_and(|own| own.to_lowercase().contains(&plain.to_lowercase()))
            }
            other => panic!("no such operator: {other:?}"),
        },
        _ => item[field] == *wanted,
    })
}

fn add(items: &mut Vec<Value>, mut item: Value, unique: &[&str]) -> Answer {
    if items.iter().any(|own| unique.iter().all(|field| own[*field] == item[*field])) {
        return error(409, "ConflictError", "It already exists");
    }
    item["id"] = json!(items.len() + 1);
    items.push(item.clone());
    Answer::json(item)
}

fn one(items: &mut Vec<Value>, method: &str, id: &str, seen: &Seen) -> Answer {
    let Some(at) = items.iter().position(|item| is(item, id)) else {
        return error(404, "NotFoundError", "Entity not found");
    };
    match method {
        "GET" => Answer::json(items[at].clone()),
        "PATCH" => {
            for (name, value) in seen.json().as_object().unwrap() {
                items[at][name] = value.clone();
            }
            Answer::empty(204)
        }
        _ => {
            items.remove(at);
            Answer::empty(204)
        }
    }
}
