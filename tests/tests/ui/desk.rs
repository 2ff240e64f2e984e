//! What a flow begins with: a server, a browser, and a system to connect to.

use serde_json::{Value, json};
use test_browser::{Browser, Look};
use test_support::program::floh_with_widget;
use test_support::{ADMIN_TOKEN, Floh, Received, Reply, Setup, Upstream};

/// The key that the widgets' API takes.
pub(crate) const KEY: &str = "k9-right-canary";

/// A server and a browser.
pub(crate) struct Desk {
    pub(crate) floh: Floh,
    pub(crate) page: Browser,
}

impl Desk {
    /// Starts both; `None` where there is no browser.
    pub(crate) async fn start(setup: Setup, look: Look) -> Option<Self> {
        if !Browser::is_here() {
            return None;
        }
        let floh = setup.start().await;
        let page = Browser::start(&format!("http://{}", floh.address()), look).await?;
        Some(Self { floh, page })
    }

    /// Starts both, and signs in as the admin.
    pub(crate) async fn signed_in(setup: Setup, look: Look) -> Option<Self> {
        let desk = Self::start(setup, look).await?;
        desk.page.open("/login").await;
        desk.sign_in(ADMIN_TOKEN).await;
        desk.page.await_address("/connectors").await;
        Some(desk)
    }

    /// Types a token into the page that asks for one.
    pub(crate) async fn sign_in(&self, token: &str) {
        self.page.fill("textbox", "Token", token).await;
        self.page.click("button", "Sign in").await;
    }

    /// Makes a connector over REST.
    pub(crate) async fn make(&self, name: &str, kind: &str, config: Value) {
        let body = json!({ "name": name, "type": kind, "executionModel": "built_in", "config": config });
        self.floh.admin().post("/api/connectors", &body).await.expect(201);
    }

    /// Runs a command over REST.
    pub(crate) async fn call(&self, name: &str, body: &Value) -> Value {
        self.floh.admin().post(&format!("/api/connectors/{name}/execute"), body).await.expect(200)
    }

    /// Ends both; the console of the browser has to be empty.
    pub(crate) async fn end(self) {
        self.page.end().await;
    }
}

/// A server with the widget connector, which may call these systems.
pub(crate) fn widgets<'u>(upstreams: impl IntoIterator<Item = &'u Upstream>) -> Setup {
    upstreams.into_iter().map(Upstream::address).fold(Setup::of(floh_with_widget()), Setup::allow)
}

/// The widgets' API: it knows one key, and has as many widgets as are asked for.
pub(crate) async fn widget_api() -> Upstream {
    Upstream::start(|request: &Received| {
        if request.header("authorization") != Some(&format!("Bearer {KEY}")) {
            return Reply::json(401, &json!({ "message": "who are you?" }));
        }
        if request.path() == "/health" {
            return Reply::json(200, &json!({ "ok": true }));
        }
        let limit: u64 = request.query("limit").and_then(|text| text.parse().ok()).unwrap_or(1);
        let widgets: Vec<Value> = (1..=limit)
            .map(|id| json!({ "id": id, "name": format!("Widget {id}"), "parts": { "screws": id * 2 } }))
            .collect();
        Reply::json(200, &json!({ "widgets": widgets, "total": limit }))
    })
    .await
}

/// The connection of a connector to the widgets' API.
pub(crate) fn connection(api: &Upstream, key: &str) -> Value {
    json!({ "baseUrl": api.url(""), "apiKey": key })
}

/// A server, a browser that is signed in, and a connector `shop` to the widgets' API.
pub(crate) async fn shop(look: Look, key: &str) -> Option<(Desk, Upstream)> {
    let api = widget_api().await;
    let desk = Desk::signed_in(widgets([&api]), look).await?;
    desk.make("shop", "widget", connection(&api, key)).await;
    Some((desk, api))
}
