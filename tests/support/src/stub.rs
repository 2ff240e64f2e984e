//! A service whose answers a test gives, at a URL of its own.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use url::Url;

use crate::upstream::{Received, Reply, Upstream};

/// A service whose answers the test gives.
#[derive(Debug)]
pub struct Stub {
    upstream: Upstream,
    url: Url,
}

impl Stub {
    /// A service that answers by the number of the request.
    pub async fn start(answer: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Self {
        let count = AtomicUsize::new(0);
        Self::of(Upstream::start(move |_| answer(count.fetch_add(1, Ordering::SeqCst) + 1)).await)
    }

    /// A service that looks at method, path and body.
    pub async fn routed(answer: impl Fn(&str, &str, &Value) -> Reply + Send + Sync + 'static) -> Self {
        Self::of(Upstream::start(move |request| answer(&request.method, request.path(), &request.json())).await)
    }

    /// A service that always answers the same.
    pub async fn fixed(answer: Reply) -> Self {
        Self::of(Upstream::start(move |_| answer.clone()).await)
    }

    fn of(upstream: Upstream) -> Self {
        let url = upstream.url("").parse().unwrap();
        Self { upstream, url }
    }

    /// Returns where it is.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the requests so far.
    pub fn received(&self) -> Vec<Received> {
        self.upstream.received()
    }
}
