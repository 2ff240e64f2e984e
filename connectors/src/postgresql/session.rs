//! Speaks statements on a signed-in connection: parse and describe, then bind and execute, all values and results as text.
//!
//! tokio-postgres takes and gives values in each type's binary form, which it knows for the types that it has a Rust type
//! for. A flow meets every type of every database, so statements are spoken here, with the messages of tokio-postgres's own
//! protocol crate: the server reads the text of a value and writes it, as it does for psql, and no type needs code here to
//! be right. It also tells here whether a transaction is open, which decides whether a connection may be used again.

use std::fmt;

use bytes::BytesMut;
use connector_runtime::egress::Client;
use connector_runtime::prelude::*;
use postgres_protocol::IsNull;
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend::{self, BindError};
use tokio::time::{Instant, timeout_at};
use tokio_postgres::CancelToken;
use tokio_postgres::fallible_iterator::FallibleIterator as _;

use super::open::Door;
use super::rows::Rows;
use super::stream::MessageStream;
use super::trouble::{Cause, ServerError, Trouble};

/// How many rows are asked for at a time while there is a limit.
const ROWS_AT_ONCE: i32 = 500;
/// The most parameters of a statement: the protocol counts them in 16 bits.
pub(super) const MAX_PARAMETERS: usize = 65_535;

/// A signed-in connection.
pub(super) struct Session {
    stream: MessageStream,
    door: Door,
    token: CancelToken,
    version: String,
    /// `I` outside of a transaction, `T` in one, `E` in one that failed.
    status: u8,
    /// Whether every answer to what was sent was read.
    is_in_sync: bool,
    /// Whether the other end is gone, or nothing that it says can be used.
    is_lost: bool,
    until: Instant,
}

/// A statement that the server has parsed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Prepared {
    pub(super) name: &'static str,
    /// The type of each parameter.
    pub(super) parameters: Vec<u32>,
    /// Name and type of each column.
    pub(super) columns: Vec<(String, u32)>,
}

/// How far a statement runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fetch {
    /// To its end: what it changes is changed in full, and rows beyond the limit are read and dropped.
    All,
    /// Until the limit of rows is reached; the server does not compute the others.
    UpToLimit,
}

/// What a server says of a statement that ended: `INSERT 0 3`. Empty where its portal was left open.
pub(super) type Tag = String;

impl Session {
    pub(super) fn new(stream: MessageStream, door: Door, token: CancelToken, version: String) -> Self {
        Self { stream, door, token, version, status: b'I', is_in_sync: true, is_lost: false, until: Instant::now() }
    }

    /// Begins a call on the connection: it may take until then.
    pub(super) fn begin(&mut self, until: Instant) {
        self.until = until;
        self.stream.reset_meter();
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// Returns when the call that has the connection must be over.
    pub(super) const fn until(&self) -> Instant {
        self.until
    }

    /// Returns whether an answer is due: something may still run on the server.
    pub(super) const fn is_busy(&self) -> bool {
        !self.is_in_sync && !self.is_lost
    }

    /// Returns whether every answer was read, so that it can be asked something else.
    pub(super) const fn is_usable(&self) -> bool {
        self.is_in_sync && !self.is_lost
    }

    /// Returns whether a transaction is open, and good.
    pub(super) const fn is_in_transaction(&self) -> bool {
        self.status == b'T'
    }

    /// Returns whether no transaction is open.
    pub(super) const fn is_idle(&self) -> bool {
        self.is_in_sync && self.status == b'I'
    }

    /// Asks the server, over another connection, to end what runs on this one.
    pub(super) async fn cancel(self, http: Client) {
        let Self { door, token, .. } = self;
        door.cancel(http, token).await;
    }

    /// Says goodbye, so that the server does not log a lost connection.
    pub(super) async fn close(mut self) {
        let mut messages = BytesMut::new();
        frontend::terminate(&mut messages);
        // The connection ends either way.
        drop(self.send(&messages).await);
    }

    /// Runs statements of our own, without values and without a result.
    pub(super) async fn simple(&mut self, sql: &str) -> Result<Tag, Trouble> {
        let mut messages = BytesMut::new();
        frontend::query(sql, &mut messages)?;
        self.send(&messages).await?;
        let mut ended = Ended::default();
        while !self.read(&mut ended).await? {}
        let is_answer = ended.is_complete;
        self.checked(ended, is_answer)
    }

    /// Has the server parse a statement, and describe its parameters and columns.
    pub(super) async fn prepare(&mut self, name: &'static str, sql: &str) -> Result<Prepared, Trouble> {
        let mut messages = BytesMut::new();
        let encoded = frontend::close(b'S', name, &mut messages)
            .and_then(|()| frontend::parse(name, sql, [], &mut messages))
            .and_then(|()| frontend::describe(b'S', name, &mut messages));
        encoded.map_err(|_| invalid("the statement has a NUL character, which PostgreSQL does not take"))?;
        frontend::sync(&mut messages);
        self.send(&messages).await?;
        let mut ended = Ended { prepared: Prepared { name, ..Prepared::default() }, ..Ended::default() };
        while !self.read(&mut ended).await? {}
        let prepared = std::mem::take(&mut ended.prepared);
        let is_answer = ended.is_parsed && ended.is_described;
        self.checked(ended, is_answer)?;
        Ok(prepared)
    }

    /// Runs a statement with its values, and puts what it returns into `rows`.
    pub(super) async fn run(
        &mut self,
        prepared: &Prepared,
        values: &[Option<String>],
        rows: &mut Rows,
        fetch: Fetch,
    ) -> Result<Tag, Trouble> {
        let mut messages = BytesMut::new();
        let serialize = |value: &Option<String>, buf: &mut BytesMut| {
            Ok(match value {
                Some(text) => {
                    buf.extend_from_slice(text.as_bytes());
                    IsNull::No
                }
                None => IsNull::Yes,
            })
        };
        // No formats: all are text.
        let bound = frontend::bind("", prepared.name, [], values, serialize, [], &mut messages);
        bound.map_err(|error| match error {
            BindError::Conversion(error) => invalid(&error.to_string()),
            BindError::Serialization(error) => invalid(&error.to_string()),
        })?;
        let at_once = if fetch == Fetch::All { 0 } else { ROWS_AT_ONCE };
        frontend::execute("", at_once, &mut messages)?;
        match fetch {
            Fetch::All => frontend::sync(&mut messages),
            Fetch::UpToLimit => frontend::flush(&mut messages),
        }
        self.send(&messages).await?;
        let mut ended = Ended { rows: Some(rows), ..Ended::default() };
        while !self.read(&mut ended).await? {
            let is_over = ended.error.is_some() || ended.is_complete;
            let goes_on = ended.is_suspended && ended.rows.as_ref().is_some_and(|rows| !rows.is_full());
            if ended.rows.as_ref().is_some_and(|rows| rows.is_too_large()) && fetch == Fetch::UpToLimit {
                // The rest of what was asked for is on its way; the connection is closed instead of reading it.
                return Ok(String::new());
            }
            if fetch == Fetch::UpToLimit && ended.rows_at_once > ROWS_AT_ONCE {
                self.is_lost = true;
                return Err(Trouble::unusable(Code::Unavailable, "the server sent more rows than it was asked for"));
            }
            messages.clear();
            if fetch == Fetch::UpToLimit && goes_on {
                (ended.is_suspended, ended.rows_at_once) = (false, 0);
                frontend::execute("", at_once, &mut messages)?;
                frontend::flush(&mut messages);
            } else if fetch == Fetch::UpToLimit && (is_over || ended.is_suspended) && !ended.is_synced {
                ended.is_synced = true;
                frontend::sync(&mut messages);
            }
            if !messages.is_empty() {
                self.send(&messages).await?;
            } else if fetch == Fetch::All {
                self.stream.reset_meter();
            }
        }
        let is_answer = ended.is_bound && (ended.is_complete || ended.is_suspended);
        self.checked(ended, is_answer)
    }

    /// Returns what a statement brought, if what came was an answer to it and not to another.
    fn checked(&mut self, ended: Ended<'_>, is_answer: bool) -> Result<Tag, Trouble> {
        match ended.error {
            Some(error) => Err(error.into()),
            None if is_answer => Ok(ended.tag),
            None => {
                (self.is_in_sync, self.is_lost) = (false, true);
                Err(Trouble::unusable(Code::Unavailable, "the server did not answer what it was asked"))
            }
        }
    }

    async fn send(&mut self, messages: &[u8]) -> Result<(), Trouble> {
        self.is_in_sync = false;
        timeout_at(self.until, self.stream.send(messages)).await.map_err(|_| Cause::Late)??;
        Ok(())
    }

    /// Reads one message into what is known of a statement, and returns whether it was the last.
    async fn read(&mut self, ended: &mut Ended<'_>) -> Result<bool, Trouble> {
        let read = self.read_message(ended).await;
        self.is_lost |= read.as_ref().is_err_and(|trouble| !matches!(trouble.cause, Cause::Late | Cause::Here(_)));
        read
    }

    async fn read_message(&mut self, ended: &mut Ended<'_>) -> Result<bool, Trouble> {
        let message = timeout_at(self.until, self.stream.next()).await.map_err(|_| Cause::Late)??;
        match message {
            Message::ReadyForQuery(body) => {
                (self.status, self.is_in_sync) = (body.status(), true);
                return Ok(true);
            }
            Message::ErrorResponse(body) => {
                let error = ServerError::read(&body).map_err(|error| Trouble::malformed(&error))?;
                if error.is_fatal {
                    return Err(error.into());
                }
                ended.error.get_or_insert(error);
            }
            Message::DataRow(body) => {
                if let Some(rows) = &mut ended.rows {
                    ended.rows_at_once += 1;
                    rows.push(&body)?;
                }
            }
            Message::CommandComplete(body) => {
                let tag = body.tag().map_err(|error| Trouble::lost(error.to_string()))?;
                ended.tag = tag.to_owned();
                ended.is_complete = true;
            }
            Message::EmptyQueryResponse => ended.is_complete = true,
            Message::PortalSuspended => ended.is_suspended = true,
            Message::ParameterDescription(body) => {
                let parameters = body.parameters().collect();
                ended.prepared.parameters = parameters.map_err(|error| Trouble::malformed(&error))?;
            }
            Message::RowDescription(body) => {
                ended.is_described = true;
                let columns = body.fields().map(|field| Ok((field.name().to_owned(), field.type_oid())));
                ended.prepared.columns = columns.collect().map_err(|error| Trouble::malformed(&error))?;
            }
            Message::CopyInResponse(_) | Message::CopyOutResponse(_) => {
                return Err(Trouble::here(Fail::coded(
                    Code::Unsupported,
                    "COPY from or to the client is not supported; use insert and query",
                )));
            }
            Message::ParseComplete => ended.is_parsed = true,
            Message::BindComplete => ended.is_bound = true,
            Message::NoData => ended.is_described = true,
            Message::CloseComplete
            | Message::NoticeResponse(_)
            | Message::NotificationResponse(_)
            | Message::ParameterStatus(_) => {}
            _ => {
                return Err(Trouble::unusable(
                    Code::Unavailable,
                    "the server sent a message that does not belong here",
                ));
            }
        }
        Ok(false)
    }
}

/// Shows nothing that the server would take for proof of who asks.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("stream", &self.stream).field("status", &self.status).finish_non_exhaustive()
    }
}

/// What is known of a statement while its answer is read.
#[derive(Debug, Default)]
struct Ended<'r> {
    tag: Tag,
    error: Option<ServerError>,
    prepared: Prepared,
    rows: Option<&'r mut Rows>,
    /// Rows that came since they were asked for.
    rows_at_once: i32,
    is_parsed: bool,
    is_described: bool,
    is_bound: bool,
    is_complete: bool,
    is_suspended: bool,
    is_synced: bool,
}

fn invalid(why: &str) -> Trouble {
    Trouble::here(Fail::coded(Code::Invalid, format!("The statement cannot be sent: {why}")))
}
