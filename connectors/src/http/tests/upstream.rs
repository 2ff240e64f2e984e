//! A plain HTTP/1.1 server on loopback that answers what a test says and keeps what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use connector_runtime::egress::{Client, Policy};
use connector_runtime::testing::{self, TestCall};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::http::Http;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Received {
    head: String,
    pub(super) body: String,
}

impl Received {
    /// Returns the method and the target.
    pub(super) fn line(&self) -> &str {
        self.head.lines().next().unwrap().strip_suffix(" HTTP/1.1").unwrap()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// The server.
pub(super) struct Upstream {
    pub(super) address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Upstream {
    /// Starts a server; `answer` writes whole answers, and none at all leaves the request hanging.
    pub(super) async fn start(answer: impl Fn(&Received) -> Option<String> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let (log, answer) = (Arc::clone(&received), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                tokio::spawn(async move {
                    while let Some(request) = receive(&mut stream).await {
                        let text = answer(&request);
                        log.lock().unwrap().push(request);
                        let Some(text) = text else { return std::future::pending().await };
                        if stream.write_all(text.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, received }
    }

    /// Starts a server that always answers the same.
    pub(super) async fn fixed(status: &'static str, headers: &'static str, body: &'static str) -> Self {
        Self::start(move |_| Some(answer(status, headers, body))).await
    }

    /// Starts a server that answers `{}`.
    pub(super) async fn empty_object() -> Self {
        Self::fixed("200 OK", "content-type: application/json\r\n", "{}").await
    }

    /// Returns everything that it was asked.
    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Returns the one request that it was asked.
    pub(super) fn only(&self) -> Received {
        let [request] = &self.received()[..] else { panic!("expected one request, got {:?}", self.received()) };
        request.clone()
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Begins a call that may reach this server and nothing else.
    pub(super) fn call(&self) -> TestCall {
        call_to(&[self])
    }
}

/// Begins a call that may reach some servers and nothing else.
pub(super) fn call_to(servers: &[&Upstream]) -> TestCall {
    let allowed: Vec<String> = servers.iter().map(|server| server.address.to_string()).collect();
    testing::call::<Http>("request").http(Client::new(Policy::parse(&allowed, &[]).unwrap()))
}

async fn receive(stream: &mut TcpStream) -> Option<Received> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let mut received = Received { head: String::from_utf8(head).unwrap(), body: String::new() };
    let length = received.header("content-length").map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    received.body = String::from_utf8(body).unwrap();
    Some(received)
}

/// Writes an answer with a length.
pub(super) fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}
