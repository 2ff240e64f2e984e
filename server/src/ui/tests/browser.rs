//! A browser without scripts: it keeps a session, follows redirects and fills in forms.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{HeaderMap, Request, Response, header};
use serde_json::Value;
use tower::ServiceExt as _;

use super::checker;
use super::html;
use crate::auth::Visitor;
use crate::testing::TestServer;

/// The address under which the browser reaches the server.
pub(super) const HOST: &str = "localhost:8080";

/// What a page has answered.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
    /// Where the browser is now.
    pub(super) address: String,
}

impl Page {
    async fn read(path: &str, response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.into()).unwrap();
        Self { status: parts.status.as_u16(), headers: parts.headers, text, address: path.to_owned() }
    }

    #[track_caller]
    pub(super) fn ok(self) -> Self {
        self.has_status(200)
    }

    #[track_caller]
    pub(super) fn has_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.address, self.text);
        self
    }

    #[track_caller]
    pub(super) fn shows(self, text: &str) -> Self {
        assert!(html::text(&self.text).contains(text), "{text:?} in {}: {}", self.address, html::text(&self.text));
        self
    }

    #[track_caller]
    pub(super) fn hides(self, text: &str) -> Self {
        assert!(!self.text.contains(text), "{text:?} is in {}: {}", self.address, self.text);
        self
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Returns what the only form with a button of this name would send, with other values.
    #[track_caller]
    pub(super) fn form(&self, action: &str, changes: &[(&str, &str)]) -> String {
        let sent = html::submission_of(&self.text, action);
        let mut pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(&sent).map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        let mut changed: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, value) in changes {
            changed.entry(name).or_default().push(value);
        }
        pairs.retain(|(name, _)| !changed.contains_key(name.as_str()));
        for (name, values) in changed {
            pairs.extend(values.iter().map(|value| (name.to_owned(), (*value).to_owned())));
        }
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    }
}

pub(super) struct Browser<'s> {
    server: &'s TestServer,
    cookie: String,
}

impl<'s> Browser<'s> {
    pub(super) async fn signed_in(server: &'s TestServer, token: &str) -> Self {
        let opened = server.app.auth.sign_in(token, &Visitor::default()).await.unwrap();
        Self { server, cookie: format!("floh={}", opened.secret.expose()) }
    }

    /// A browser of the admin.
    pub(super) async fn admin(server: &'s TestServer) -> Self {
        Self::signed_in(server, &server.admin).await
    }

    pub(super) fn stranger(server: &'s TestServer) -> Self {
        Self { server, cookie: String::new() }
    }

    pub(super) fn keep(&mut self, cookie: &str) {
        self.cookie = cookie.split(';').next().unwrap().to_owned();
    }

    /// Sends one request; of a stream, only its head is read.
    pub(super) async fn start(&self, method: &str, path: &str) -> Page {
        let response = self.response(method, path, "", &[]).await;
        let is_stream = response.headers().get(header::CONTENT_TYPE).is_some_and(|value| value == "text/event-stream");
        if !is_stream {
            return Page::read(path, response).await;
        }
        let (parts, _) = response.into_parts();
        Page { status: parts.status.as_u16(), headers: parts.headers, text: String::new(), address: path.to_owned() }
    }

    /// Sends one request.
    pub(super) async fn send(&self, method: &str, path: &str, body: &str, headers: &[(&str, &str)]) -> Page {
        Page::read(path, self.response(method, path, body, headers).await).await
    }

    /// Sends one request and does not read the answer.
    pub(super) async fn response(
        &self,
        method: &str,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Response<Body> {
        let request = Request::builder().method(method).uri(path).header(header::COOKIE, &self.cookie);
        let has = |name: &str| headers.iter().any(|(given, _)| *given == name);
        let request = if has("host") { request } else { request.header(header::HOST, HOST) };
        let request = if has("accept") { request } else { request.header(header::ACCEPT, "text/html") };
        let request = if method == "POST" {
            let form = "application/x-www-form-urlencoded";
            let request = if has("content-type") { request } else { request.header(header::CONTENT_TYPE, form) };
            if has("sec-fetch-site") || has("origin") {
                request
            } else {
                request.header("sec-fetch-site", "same-origin")
            }
        } else {
            request
        };
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.server.router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap()
    }

    /// Sends a form with bytes of a content type.
    pub(super) async fn send_bytes(&self, path: &str, body: Vec<u8>, content_type: &str) -> Page {
        let request = Request::builder().method("POST").uri(path).header(header::COOKIE, &self.cookie);
        let request = request.header(header::HOST, HOST).header("sec-fetch-site", "same-origin");
        let request = request.header(header::CONTENT_TYPE, content_type).body(Body::from(body)).unwrap();
        Page::read(path, self.server.router.clone().oneshot(request).await.unwrap()).await
    }

    /// Goes to a page, through redirects, and checks it.
    pub(super) async fn get(&self, path: &str) -> Page {
        let mut page = self.send("GET", path, "", &[]).await;
        for _ in 0..3 {
            if !(300..400).contains(&page.status) {
                break;
            }
            let next = page.header("location").to_owned();
            page = self.send("GET", &next, "", &[]).await;
        }
        checker::check(&page);
        page
    }

    /// Sends a form, follows its redirect, and checks the page.
    pub(super) async fn post(&self, path: &str, body: &str) -> Page {
        let page = self.send("POST", path, body, &[]).await;
        match page.status {
            303 => {
                let next = page.header("location").to_owned();
                self.get(&next).await
            }
            307 => {
                let next = page.header("location").to_owned();
                let page = self.send("POST", &next, body, &[]).await;
                let next = page.header("location").to_owned();
                self.get(&next).await
            }
            _ => {
                checker::check(&page);
                page
            }
        }
    }

    /// Makes a connector over REST.
    pub(super) async fn make(&self, body: &Value) {
        self.server.post("/api/connectors", body.clone()).await.ok(201);
    }
}
