//! A proxy on loopback that adds a token, or names another host: what stands before the server where a client cannot
//! send a token of its own, and what a reverse proxy does.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use test_support::Listener;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// The proxy. It stops when it is dropped.
#[derive(Debug)]
pub(crate) struct Bridge {
    listener: Listener,
    to: Arc<OnceLock<SocketAddr>>,
}

/// What it changes in the head of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    /// The token that every request gets.
    pub(crate) token: Option<String>,
    /// The host that every request names; its own if there is none here.
    pub(crate) host: Option<String>,
}

impl Bridge {
    /// Starts it, before the server that it leads to: that one may have to know its address.
    pub(crate) async fn start(changes: Changes) -> Self {
        let to = Arc::new(OnceLock::new());
        let known = Arc::clone(&to);
        let listener = Listener::start(async move |listener: TcpListener| {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let server = *known.get().expect("the bridge leads somewhere before it is used");
                connections.spawn(pass(stream, server, changes.clone()));
                while connections.try_join_next().is_some() {}
            }
        })
        .await;
        Self { listener, to }
    }

    /// Says where it leads to.
    pub(crate) fn lead_to(&self, server: SocketAddr) {
        self.to.set(server).unwrap();
    }

    /// Returns a URL on it.
    pub(crate) fn url(&self, path: &str) -> String {
        self.listener.url(path)
    }
}

/// Passes a connection on. Where one side ends, the other does too.
async fn pass(client: TcpStream, server: SocketAddr, changes: Changes) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let (mut asks, mut hears) = client.into_split();
    let (mut answers, mut told) = server.into_split();
    tokio::select! {
        () = requests(&mut asks, &mut told, &changes) => {}
        _ = copy(&mut answers, &mut hears) => {}
    }
}

/// Passes requests on, whose bodies have a length or none.
async fn requests(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf, changes: &Changes) {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let Ok(byte) = from.read_u8().await else { return };
            head.push(byte);
        }
        let head = String::from_utf8(head).unwrap();
        assert!(!head.to_ascii_lowercase().contains("\r\ntransfer-encoding:"), "the bridge wants lengths: {head}");
        let mut length = 0;
        let mut changed = String::new();
        for line in head.trim_end().split("\r\n") {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let own = match name.to_ascii_lowercase().as_str() {
                "content-length" => {
                    length = value.trim().parse().unwrap();
                    None
                }
                "host" => changes.host.as_ref().map(|host| format!("host: {host}\r\n")),
                _ => None,
            };
            changed.push_str(&own.unwrap_or_else(|| format!("{line}\r\n")));
        }
        if let Some(token) = &changes.token {
            changed.push_str(&format!("authorization: Bearer {token}\r\n"));
        }
        changed.push_str("\r\n");
        let mut body = from.take(length);
        if to.write_all(changed.as_bytes()).await.is_err() || copy(&mut body, to).await.is_err() {
            return;
        }
    }
}
