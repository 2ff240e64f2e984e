//! Opens a connection: dial, TLS, sign-in. Each step that fails is named in `diagnostics.step`.
//!
//! TLS is asked for here and not by tokio-postgres, so that the certificate is judged by egress as for every other
//! protocol: the eight bytes of SSLRequest, one byte of answer, then the handshake. Nothing more than that byte is read in
//! the clear, so nothing that was sent before the handshake can pass for a word of the server.

use std::error::Error as _;
use std::future::Future;
use std::io;
use std::time::Duration;

use bytes::BytesMut;
use connector_runtime::egress::{Client, Protocol, Trust, Wire};
use connector_runtime::prelude::*;
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout_at};
use tokio_postgres::{CancelToken, NoTls};

use super::session::Session;
use super::stream::MessageStream;
use super::trouble::{Cause, ServerError, Trouble};
use super::{Postgresql, SslMode};

/// The most time that the server may take for the answer to SSLRequest, and for the sign-in.
const MAX_STEP: Duration = Duration::from_secs(10);
/// The most time that a cancel request may take.
const MAX_CANCEL: Duration = Duration::from_secs(5);

/// Where connections lead, and how they are secured.
#[derive(Debug, Clone)]
pub(super) struct Door {
    host: String,
    port: u16,
    /// `None` for a connection that is not encrypted.
    trust: Option<Trust>,
}

impl Door {
    pub(super) fn of(connection: &Postgresql) -> Result<Self, Trouble> {
        let trust = match (connection.ssl_mode, &connection.ca_certificate) {
            (SslMode::Disable, _) => None,
            (SslMode::VerifyFull, None) => Some(Trust::system()),
            (SslMode::VerifyFull, Some(pem)) => Some(Trust::only(pem).map_err(|error| {
                Fail::coded(Code::Invalid, format!("caCertificate cannot be used: {error}")).diagnostic("step", "tls")
            })?),
        };
        Ok(Self { host: connection.host.clone(), port: connection.port, trust })
    }

    /// Opens a stream, encrypted unless the connection says otherwise.
    async fn open(&self, http: &Client, until: Instant) -> Result<Wire, Trouble> {
        let dialled = within(until, http.connect(Protocol::Postgresql, &self.host, self.port)).await;
        let wire = dialled.map_err(|trouble| trouble.at("dial"))?.map_err(|error| unanswered(&error, "dial"))?;
        match &self.trust {
            Some(trust) => within(until, secured(wire, trust)).await.and_then(|wire| wire).map_err(|t| t.at("tls")),
            None => Ok(wire),
        }
    }

    /// Asks the server to end what runs on a connection, over a connection of its own.
    pub(super) async fn cancel(self, http: Client, token: CancelToken) {
        let until = Instant::now() + MAX_CANCEL;
        let asked = async move {
            let wire = self.open(&http, until).await?;
            let sent = within(until, token.cancel_query_raw(wire, NoTls)).await?;
            sent.map_err(|error| Trouble::lost(error.to_string()))
        };
        let asked: Result<(), Trouble> = asked.await;
        // Whether it helped shows nowhere: the server says nothing, and its own statement_timeout ends the statement.
        drop(asked);
    }
}

/// Opens a connection and signs in.
pub(super) async fn session(connection: &Postgresql, http: &Client, until: Instant) -> Result<Session, Trouble> {
    let door = Door::of(connection)?;
    let wire = door.open(http, until).await?;
    let mut stream = MessageStream::new(wire);
    let mut config = tokio_postgres::Config::new();
    config.user(&connection.user).password(connection.password.expose()).dbname(&connection.database);
    config.application_name("floh").ssl_mode(tokio_postgres::config::SslMode::Disable);
    let signing_in = within(until.min(Instant::now() + MAX_STEP), config.connect_raw(stream.sign_in(), NoTls));
    let signed_in = signing_in.await.map_err(|trouble| trouble.at("signIn"))?;
    let (token, version) = match signed_in {
        // Nothing runs on this client: it was made to sign in. What it read and wrote ends at a message's border.
        Ok((client, signed_in)) => {
            let version = signed_in.parameter("server_version").unwrap_or_default().to_owned();
            (client.cancel_token(), version)
        }
        Err(error) => return Err(refused(&error)),
    };
    Ok(Session::new(stream, door, token, version))
}

/// Asks for TLS and begins it.
async fn secured(mut wire: Wire, trust: &Trust) -> Result<Wire, Trouble> {
    let mut request = BytesMut::new();
    frontend::ssl_request(&mut request);
    wire.write_all(&request).await?;
    wire.flush().await?;
    let answer = within(Instant::now() + MAX_STEP, wire.read_u8()).await??;
    match answer {
        b'S' => wire.secure(trust).await.map_err(|error| unanswered(&error, "tls")),
        b'N' => Err(Trouble::here(Fail::coded(
            Code::Unsupported,
            "The server does not offer TLS; switch it on there (ssl = on), or set sslMode to disable if the network \
             between is trusted",
        ))),
        // What follows an E is an error text that anybody on the way may have written: it is not shown.
        b'E' => Err(Trouble::lost("the server refused the request for TLS with an error")),
        _ => Err(Trouble::unusable(Code::Unavailable, "what answers there does not speak PostgreSQL's protocol")),
    }
}

/// Describes a sign-in that failed.
fn refused(error: &tokio_postgres::Error) -> Trouble {
    if let Some(error) = error.as_db_error() {
        let error = ServerError::from(error);
        let step = if error.state == "42501" { "permission" } else { "signIn" };
        return Trouble::from(error).at(step);
    }
    let source = error.source();
    let trouble = match source.and_then(|source| source.downcast_ref::<io::Error>()) {
        Some(source) => io::Error::new(source.kind(), source.to_string()).into(),
        None if error.is_closed() => Trouble::lost("the server closed it"),
        // A method that is not supported, or a proof that is wrong: whoever it is does not know the password.
        None => Trouble::unusable(Code::Unsupported, source.map_or_else(|| error.to_string(), ToString::to_string)),
    };
    trouble.at("signIn")
}

fn unanswered(error: &EgressError, step: &str) -> Trouble {
    Trouble::here(Fail::unanswered(error, true).diagnostic("step", step))
}

async fn within<T>(until: Instant, work: impl Future<Output = T>) -> Result<T, Trouble> {
    timeout_at(until, work).await.map_err(|_| {
        Trouble::here(Fail::coded(Code::Timeout, "The server did not answer in time while the connection was opened"))
    })
}

impl Trouble {
    /// Says at which step of opening a connection it came up.
    pub(super) fn at(self, step: &str) -> Self {
        let is_here = matches!(&self.cause, Cause::Here(fail) if fail.diagnostics.contains_key("step"));
        if is_here { self } else { Self::here(self.into_fail().diagnostic("step", step)) }
    }
}
