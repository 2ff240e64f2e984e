//! Reads the messages of a server one at a time, each within a bound: a length that a server announces is judged before
//! anything is kept for it.
//!
//! While tokio-postgres signs in, it reads through [`SignIn`], which hands it one message at a time and looks at each
//! first. So nothing is read ahead, and when the sign-in is done the same stream is ours again, at a message's border.

use std::io;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use connector_runtime::egress::{Meter, Wire};
use postgres_protocol::message::backend::{self, Header, Message};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};

/// The most bytes of one row.
pub(super) const MAX_ROW_BYTES: usize = 8 * 1024 * 1024;
/// The most bytes of any other message.
const MAX_MESSAGE_BYTES: usize = 1024 * 1024;
/// The most bytes that a server may send until the sign-in is done.
const MAX_SIGN_IN_BYTES: u64 = 256 * 1024;
/// The most rounds of hashing that a server may ask for (RFC 5802): they are computed here, and the usual count is 4,096.
const MAX_SCRAM_ITERATIONS: u32 = 200_000;
/// The tags of messages that come while a connection signs in, and of all (PostgreSQL manual, 55.7).
const KNOWN_AT_SIGN_IN: &[u8] = b"REKNSZv";
const KNOWN: &[u8] = b"123ACcDdEGHIKNnRSsTtZ";
/// How much is read at once.
const CHUNK_BYTES: usize = 16 * 1024;

/// A connection on which whole messages are read.
#[derive(Debug)]
pub(super) struct MessageStream {
    wire: Wire,
    inbox: BytesMut,
    meter: Meter,
}

impl MessageStream {
    pub(super) fn new(wire: Wire) -> Self {
        let meter = wire.meter();
        Self { wire, inbox: BytesMut::new(), meter }
    }

    /// Begins to count what is read anew: what came before is not kept any more.
    pub(super) fn reset_meter(&self) {
        self.meter.reset();
    }

    /// Reads the next message.
    pub(super) async fn next(&mut self) -> io::Result<Message> {
        loop {
            if complete(&self.inbox, KNOWN)?.is_some() {
                return Message::parse(&mut self.inbox)?.ok_or_else(|| garbage("a message that ends too early"));
            }
            self.inbox.reserve(CHUNK_BYTES);
            if self.wire.read_buf(&mut self.inbox).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Sends messages.
    pub(super) async fn send(&mut self, messages: &[u8]) -> io::Result<()> {
        self.wire.write_all(messages).await?;
        self.wire.flush().await
    }

    /// Returns the stream as tokio-postgres may read it while it signs in.
    pub(super) fn sign_in(&mut self) -> SignIn<'_> {
        SignIn { stream: self, message: Bytes::new() }
    }
}

/// The stream while tokio-postgres signs in on it.
#[derive(Debug)]
pub(super) struct SignIn<'s> {
    stream: &'s mut MessageStream,
    /// What is left of the message that is being handed out.
    message: Bytes,
}

impl AsyncRead for SignIn<'_> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut TaskContext<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.message.is_empty() {
            let MessageStream { wire, inbox, meter } = &mut *this.stream;
            if meter.bytes() > MAX_SIGN_IN_BYTES {
                return Poll::Ready(Err(garbage("more than 256 KiB before the sign-in was done")));
            }
            if let Some(length) = complete(inbox, KNOWN_AT_SIGN_IN)? {
                inspect(&inbox[..length], wire.is_secure())?;
                this.message = inbox.split_to(length).freeze();
                break;
            }
            let mut chunk = [0; 1024];
            let mut chunk = ReadBuf::new(&mut chunk);
            ready!(Pin::new(wire).poll_read(cx, &mut chunk))?;
            if chunk.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            inbox.extend_from_slice(chunk.filled());
        }
        let length = this.message.len().min(buf.remaining());
        buf.put_slice(&this.message[..length]);
        this.message.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SignIn<'_> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut TaskContext<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream.wire).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream.wire).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream.wire).poll_shutdown(cx)
    }
}

/// Returns the length of the first message if all of it is there. What is not PostgreSQL is noticed by its first byte.
fn complete(inbox: &[u8], known: &[u8]) -> io::Result<Option<usize>> {
    if inbox.first().is_some_and(|tag| !known.contains(tag)) {
        return Err(garbage("what is no message of PostgreSQL's protocol"));
    }
    let Some(header) = Header::parse(inbox)? else { return Ok(None) };
    let length = usize::try_from(header.len()).map_err(|_| garbage("a negative length"))?.saturating_add(1);
    let most = if header.tag() == backend::DATA_ROW_TAG { MAX_ROW_BYTES } else { MAX_MESSAGE_BYTES };
    if length > most {
        let text = format!("the server sent a message of {length} bytes, and the limit is {most}");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok((inbox.len() >= length).then_some(length))
}

/// Looks at a message of the sign-in: what it asks for may be too much.
fn inspect(message: &[u8], is_secure: bool) -> io::Result<()> {
    let (Some(&backend::AUTHENTICATION_TAG), Some(body)) = (message.first(), message.get(5..)) else { return Ok(()) };
    let Some((kind, rest)) = body.split_first_chunk() else { return Ok(()) };
    match u32::from_be_bytes(*kind) {
        // The password itself.
        3 if !is_secure => {
            Err(unsupported("it asks for the password in the clear; use sslMode verify-full".to_owned()))
        }
        // The server's first message of SCRAM: nonce, salt and the count of rounds.
        11 => {
            let text = String::from_utf8_lossy(rest);
            let rounds = text.split(',').find_map(|part| part.strip_prefix("i="));
            match rounds.map(str::parse::<u32>) {
                Some(Ok(rounds)) if rounds > MAX_SCRAM_ITERATIONS => Err(unsupported(format!(
                    "it asks for {rounds} rounds of SCRAM, and the limit is {MAX_SCRAM_ITERATIONS}"
                ))),
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

fn unsupported(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, why)
}

fn garbage(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the server sent {what}"))
}
