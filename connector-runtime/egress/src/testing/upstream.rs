//! Servers on loopback that answer what a test says, byte by byte.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The requests that a server got.
pub type Log = Mutex<Vec<Received>>;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    pub head: String,
    pub body: Vec<u8>,
}

impl Received {
    pub fn line(&self) -> &str {
        self.head.lines().next().unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// A server.
#[derive(Clone, Debug)]
pub struct Upstream {
    pub address: SocketAddr,
    received: Arc<Log>,
}

impl Upstream {
    /// Starts a plain HTTP/1.1 server that keeps its connections.
    pub async fn start(answer: impl Fn(&Received) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let answer = Arc::new(answer);
        Self::raw(move |stream, received| {
            let answer = Arc::clone(&answer);
            async move { serve(stream, &*answer, &received).await }
        })
        .await
    }

    /// Starts a server that reads one request per connection, writes these bytes and closes.
    pub async fn once(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = Arc::new(bytes.into());
        Self::raw(move |mut stream, received| {
            let bytes = Arc::clone(&bytes);
            async move {
                let Some(request) = receive(&mut stream).await else {
                    return;
                };
                received.lock().unwrap().push(request);
                // The client may hang up before the end: that is what some tests are about.
                if stream.write_all(&bytes).await.is_ok() {
                    drop(stream.shutdown().await);
                }
            }
        })
        .await
    }

    /// Starts a server whose connections a test plays itself.
    pub async fn raw<F>(play: impl Fn(TcpStream, Arc<Log>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::default();
        let log = Arc::clone(&received);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(play(stream, Arc::clone(&log)));
            }
        });
        Self { address, received }
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Returns the request lines.
    pub fn lines(&self) -> Vec<String> {
        self.received().iter().map(|request| request.line().to_owned()).collect()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// Answers the requests of a connection until it ends.
pub async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: &(impl Fn(&Received) -> Vec<u8> + Sync),
    received: &Log,
) {
    while let Some(request) = receive(&mut stream).await {
        let bytes = answer(&request);
        received.lock().unwrap().push(request);
        if stream.write_all(&bytes).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}

/// Reads one request; `None` at the end of the connection.
pub async fn receive(stream: &mut (impl AsyncRead + Unpin)) -> Option<Received> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let mut received = Received { head: String::from_utf8(head).unwrap(), body: Vec::new() };
    let length = received.header("content-length").map_or(0, |text| text.parse().unwrap());
    received.body = vec![0; length];
    stream.read_exact(&mut received.body).await.ok()?;
    Some(received)
}

/// Writes an answer with a length.
pub fn answer(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// Writes a redirect.
pub fn redirect(status: u16, location: &str) -> Vec<u8> {
    answer(&format!("{status} Moved"), &format!("location: {location}\r\n"), "")
}
