//! A plain HTTP/1.1 server on loopback: it answers what a test says, when a test says, and keeps what it
//! was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use crate::client::{header, read_head};
use crate::eventually;

/// The server. It stops when it is dropped.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    serving: AbortHandle,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The body as a text.
    pub body: String,
    /// The body.
    pub bytes: Vec<u8>,
    head: String,
}

/// What the server answers.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: String,
    body: Vec<u8>,
    gate: Option<Gate>,
}

/// Holds answers back until it is opened. One that is never opened is an upstream that hangs.
#[derive(Clone, Debug)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Upstream {
    /// Starts a server.
    pub async fn start(answer: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let (log, answer) = (Arc::clone(&received), Arc::new(answer));
        let serving = tokio::spawn(async move {
            // Dropped with this task, and each connection with it.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                connections.spawn(async move { serve(stream, &log, &*answer).await });
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, received, serving: serving.abort_handle() }
    }

    /// Starts a server that answers every request with the same JSON.
    pub async fn fixed(body: Value) -> Self {
        Self::start(move |_| Reply::json(200, &body)).await
    }

    /// Returns the address, as `--egress-allow` takes it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns a URL on this server.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns everything that it was asked.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Waits for the arrival of a request whose target contains a text.
    pub async fn arrival(&self, part: &str) -> Received {
        let found = || self.received().into_iter().find(|request| request.target.contains(part));
        eventually(&format!("a request for {part}"), || std::future::ready(found())).await
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Received {
    /// Returns a header's first value. The name's case does not matter.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// Returns the value of a query parameter, not decoded.
    pub fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(own, _)| *own == name).map(|(_, value)| value)
    }
}

impl Reply {
    /// Answers with JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::text(status, &body.to_string()).with_header("content-type", "application/json")
    }

    /// Answers with a body of no type.
    pub fn text(status: u16, body: &str) -> Self {
        Self::bytes(status, body.as_bytes())
    }

    /// Answers with bytes of no type.
    pub fn bytes(status: u16, body: &[u8]) -> Self {
        Self { status, headers: String::new(), body: body.to_owned(), gate: None }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    /// Holds the answer back until a gate is opened.
    #[must_use]
    pub fn behind(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }
}

impl Gate {
    /// Returns a gate that is shut.
    pub fn shut() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Lets all answers out, those to come too.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    async fn passed(&self) {
        let mut opened = self.0.subscribe();
        // It cannot close: this gate holds the sender.
        opened.wait_for(|open| *open).await.unwrap();
    }
}

async fn serve(mut stream: TcpStream, log: &Mutex<Vec<Received>>, answer: &(impl Fn(&Received) -> Reply + ?Sized)) {
    while let Some(request) = receive(&mut stream).await {
        let reply = answer(&request);
        let to_head = request.method == "HEAD";
        log.lock().unwrap().push(request);
        if let Some(gate) = &reply.gate {
            gate.passed().await;
        }
        let Reply { status, headers, body, .. } = reply;
        let head = format!("HTTP/1.1 {status} Scripted\r\n{headers}content-length: {}\r\n\r\n", body.len());
        let body: &[u8] = if to_head { b"" } else { &body };
        if stream.write_all(&[head.as_bytes(), body].concat()).await.is_err() {
            return;
        }
    }
}

async fn receive(stream: &mut TcpStream) -> Option<Received> {
    let head = read_head(stream).await.ok()?;
    let mut line = head.lines().next()?.split(' ');
    let (method, target) = (line.next()?.to_owned(), line.next()?.to_owned());
    let length = header(&head, "content-length").map_or(Some(0), |length| length.parse().ok())?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Received { method, target, body: String::from_utf8_lossy(&body).into_owned(), bytes: body, head })
}
