//! A socket on loopback and the task that serves it.

use std::future::Future;
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// A free port that is served. It stops accepting when this is dropped.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    serving: AbortHandle,
}

impl Listener {
    /// Binds a free port of loopback and serves it beside the test, with what serves a socket: a router's server, a
    /// loop of the test's own.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn start<F>(serve: impl FnOnce(TcpListener) -> F) -> Self
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = serve(listener);
        let serving = tokio::spawn(async move { drop(serving.await) });
        Self { address, serving: serving.abort_handle() }
    }

    /// Returns an address that nobody listens on: its listener has just gone.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn gone() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
    }

    /// Returns the address, as `--egress-allow` takes it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns an `http` URL on it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
