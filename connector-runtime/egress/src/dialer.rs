//! Dials judged addresses, and checks that the socket is connected to the address that was dialled.
//!
//! Several addresses are tried one after the other with a head start of 250 ms each; the first that
//! answers is used (RFC 8305, "happy eyeballs").

use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;

use super::resolver::BoxFuture;

/// How long an address has before the next one is tried as well.
const HEAD_START: Duration = Duration::from_millis(250);

/// Opens TCP connections. A trait, so that tests can record what is dialled.
pub(super) trait Dial: Debug + Send + Sync {
    /// Connects to an address, and to nothing else.
    fn dial(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<TcpStream>>;
}

/// The system's sockets.
#[derive(Debug)]
pub(super) struct SystemDialer;

impl Dial for SystemDialer {
    fn dial(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<TcpStream>> {
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            let peer = stream.peer_addr()?;
            if (peer.ip(), peer.port()) != (address.ip(), address.port()) {
                return Err(io::Error::other("the socket is connected to another address than the one dialled"));
            }
            stream.set_nodelay(true)?;
            Ok(stream)
        })
    }
}

/// Connects to the first of some addresses that answers.
pub(super) async fn dial_first(dialer: &dyn Dial, addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut waiting = addresses.iter();
    let mut attempts = FuturesUnordered::new();
    let mut last_error = io::Error::from(io::ErrorKind::AddrNotAvailable);
    loop {
        if let Some(address) = waiting.next() {
            attempts.push(dialer.dial(*address));
        } else if attempts.is_empty() {
            return Err(last_error);
        }
        let head_start = async {
            if waiting.len() == 0 {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(HEAD_START).await;
        };
        tokio::select! {
            Some(attempt) = attempts.next() => match attempt {
                Ok(stream) => return Ok(stream),
                Err(error) => last_error = error,
            },
            () = head_start => {}
        }
    }
}
