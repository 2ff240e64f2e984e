//! A plain HTTP/1.1 server on loopback: it answers what a test says, when a test says, and keeps what it was asked.
//! It may lie, stall, flood or speak TLS: what it writes need not be an answer at all.

use std::future::{Future, ready};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::http::{header, read_head};
use crate::{BOUND, Listener, eventually};

/// The requests that a server got, in their order.
pub type Log = Mutex<Vec<Received>>;

/// The server. It stops when it is dropped.
#[derive(Debug)]
pub struct Upstream {
    listener: Listener,
    received: Arc<Log>,
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
    shown: Option<Vec<u8>>,
}

/// What the server answers.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: String,
    body: Vec<u8>,
    gate: Option<Gate>,
    whole: bool,
}

/// Holds answers back until it is opened. One that is never opened is an upstream that hangs.
#[derive(Clone, Debug)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Upstream {
    /// Starts a server that keeps its connections.
    pub async fn start(answer: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let answer = Arc::new(answer);
        Self::play(move |stream, log| {
            let answer = Arc::clone(&answer);
            async move { serve(stream, &log, &*answer).await }
        })
        .await
    }

    /// Starts a server that answers every request with the same JSON.
    pub async fn fixed(body: Value) -> Self {
        Self::start(move |_| Reply::json(200, &body)).await
    }

    /// Starts a server that speaks TLS and keeps its connections; one whose handshake fails is closed when its client has
    /// read why.
    pub async fn tls(config: ServerConfig, answer: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let (acceptor, answer) = (TlsAcceptor::from(Arc::new(config)), Arc::new(answer));
        Self::play(move |stream, log| {
            let (acceptor, answer) = (acceptor.clone(), Arc::clone(&answer));
            async move {
                match acceptor.accept(stream).into_fallible().await {
                    Ok(stream) => {
                        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
                        let shown = shown.map(|certificate| certificate.to_vec());
                        serve_to(stream, &log, &*answer, shown).await;
                    }
                    // Closed before everything was read, a connection is reset, and the alert is lost.
                    Err((_, mut stream)) => {
                        drop(stream.shutdown().await);
                        drop(tokio::time::timeout(BOUND, stream.read_to_end(&mut Vec::new())).await);
                    }
                }
            }
        })
        .await
    }

    /// Starts a server that reads one request of each connection, writes these bytes and closes.
    pub async fn once(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = Arc::new(bytes.into());
        Self::play(move |mut stream, log| {
            let bytes = Arc::clone(&bytes);
            async move {
                let Some(request) = receive(&mut stream).await else { return };
                log.lock().unwrap().push(request);
                // The client may hang up before the end: that is what some tests are about.
                if stream.write_all(&bytes).await.is_ok() {
                    drop(stream.shutdown().await);
                }
            }
        })
        .await
    }

    /// Starts a server that accepts connections and says nothing.
    pub async fn silent() -> Self {
        Self::play(|stream, _| async move {
            let _open = stream;
            std::future::pending::<()>().await;
        })
        .await
    }

    /// Starts a server whose connections a test plays itself.
    pub async fn play<F>(connection: impl Fn(TcpStream, Arc<Log>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let received = Arc::<Log>::default();
        let log = Arc::clone(&received);
        let listener = Listener::start(async move |listener| {
            // Dropped with this task, and each connection with it.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(connection(stream, Arc::clone(&log)));
                while connections.try_join_next().is_some() {}
            }
        })
        .await;
        Self { listener, received }
    }

    /// Returns the address, as `--egress-allow` takes it.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Returns a URL on this server.
    pub fn url(&self, path: &str) -> String {
        self.listener.url(path)
    }

    /// Returns everything that it was asked.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Returns everything that it was asked since this was called last, and forgets it.
    pub fn take(&self) -> Vec<Received> {
        std::mem::take(&mut *self.received.lock().unwrap())
    }

    /// Returns the one request that it was asked.
    ///
    /// # Panics
    /// When there were others, or none.
    pub fn only(&self) -> Received {
        let [request] = &self.received()[..] else { panic!("expected one request, got {:?}", self.received()) };
        request.clone()
    }

    /// Waits for the arrival of a request whose target contains a text.
    pub async fn arrival(&self, part: &str) -> Received {
        let found = || self.received().into_iter().find(|request| request.target.contains(part));
        eventually(&format!("a request for {part}"), || ready(found())).await
    }
}

impl Received {
    /// Returns method and target, as in the request line.
    pub fn line(&self) -> &str {
        let line = self.head.lines().next().unwrap_or_default();
        line.strip_suffix(" HTTP/1.1").unwrap_or(line)
    }

    /// Returns the path, without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

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

    /// Returns the certificate that the client showed, if it did.
    pub fn client_certificate(&self) -> Option<&[u8]> {
        self.shown.as_deref()
    }

    /// Returns the body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
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
        Self { status, headers: String::new(), body: body.to_owned(), gate: None, whole: false }
    }

    /// Writes these bytes in place of an answer.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { body: bytes.into(), whole: true, ..Self::bytes(0, b"") }
    }

    /// Never answers.
    pub fn never() -> Self {
        Self::raw("").behind(&Gate::shut())
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

    /// Writes the answer; to a HEAD without its body.
    pub fn into_bytes(self, to_head: bool) -> Vec<u8> {
        let Self { status, headers, body, whole, .. } = self;
        if whole {
            return body;
        }
        let head = format!("HTTP/1.1 {status} Scripted\r\n{headers}content-length: {}\r\n\r\n", body.len());
        let body: &[u8] = if to_head { b"" } else { &body };
        [head.as_bytes(), body].concat()
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

/// Answers the requests of a connection until it ends.
pub async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    log: &Log,
    answer: &(impl Fn(&Received) -> Reply + ?Sized),
) {
    serve_to(stream, log, answer, None).await;
}

/// Answers the requests of a client that showed a certificate, or none.
async fn serve_to(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    log: &Log,
    answer: &(impl Fn(&Received) -> Reply + ?Sized),
    shown: Option<Vec<u8>>,
) {
    while let Some(request) = receive(&mut stream).await {
        let request = Received { shown: shown.clone(), ..request };
        let reply = answer(&request);
        let to_head = request.method == "HEAD";
        log.lock().unwrap().push(request);
        if let Some(gate) = &reply.gate {
            gate.passed().await;
        }
        if stream.write_all(&reply.into_bytes(to_head)).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}

/// Reads one request, whose body has a length; `None` at the end of the connection.
pub async fn receive(stream: &mut (impl AsyncRead + Unpin)) -> Option<Received> {
    let head = read_head(stream).await.ok()?;
    let mut line = head.lines().next()?.split(' ');
    let (method, target) = (line.next()?.to_owned(), line.next()?.to_owned());
    let length = header(&head, "content-length").map_or(Some(0), |length| length.parse().ok())?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Received { method, target, body: String::from_utf8_lossy(&body).into_owned(), bytes: body, head, shown: None })
}
