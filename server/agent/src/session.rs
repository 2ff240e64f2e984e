//! One connection from its registration to its end: a reader and a writer run concurrently, so that a large response
//! does not delay the handling of a heartbeat.

use std::time::Duration;

use connector_runtime::protocol::frames::limits::{CLOSE_TIMEOUT, MAX_AGENT_MISSES};
use connector_runtime::protocol::frames::{CloseCode, FrameError, ServerFrame};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::{sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as WebSocketCloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::sync::CancellationToken;

use super::connect::{Heard, Registered, Wire};
use super::work::{Work, failure};

/// How many frames may wait to be sent, in addition to those that tasks hold.
const WAITING: usize = 64;
/// How long running commands may take after a stop was requested.
const STOP_TIMEOUT: Duration = Duration::from_secs(25);

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum End {
    /// This process was asked to stop, and has stopped.
    #[error("the agent stopped")]
    Stopped,
    /// The server closed it and gave a reason.
    #[error("the server closed the connection: {message} [{code}]")]
    Told {
        /// A code for programs: the name of a close code, or the number of an unknown one.
        code: String,
        message: String,
    },
    /// A newer connection with this agent's id replaced it.
    #[error(
        "another connection under the same agent id took over; run one process for each id, and give the other one \
         an id and a token of its own"
    )]
    Replaced,
    /// The connection was lost.
    #[error("the connection was lost: {0}")]
    Lost(String),
}

/// Serves a connection until it ends, or until a stop is requested and running commands are done.
pub(super) async fn serve(registered: Registered, work: &Work, stop: &CancellationToken) -> End {
    let Registered { socket, heard, heartbeat, .. } = registered;
    let (sink, stream) = socket.split();
    let (line, frames) = mpsc::channel(WAITING);
    work.connect(Some(line.clone()));
    // Listed after the connection is set: commands that finish from now on are sent over it, those that finished before
    // are listed here.
    let backlog = work.clone();
    let sending_again = async move {
        for id in backlog.journal().unacknowledged() {
            backlog.resend(&id).await;
        }
        std::future::pending::<()>().await;
    };
    let hang_up = CancellationToken::new();
    let writing = write(sink, frames, hang_up.clone());
    let mut reader = Reader { stream, work, line, told: None };
    let end = tokio::select! {
        end = reader.read() => end,
        end = writing => end,
        end = silence(&heard, heartbeat * MAX_AGENT_MISSES) => end,
        () = sending_again => End::Stopped,
        () = stopped(work, stop, &hang_up) => End::Stopped,
    };
    work.connect(None);
    // Whichever side ended first, the close was ours.
    if stop.is_cancelled() { End::Stopped } else { end }
}

/// Waits until nothing has been received for `longest`.
async fn silence(heard: &Heard, longest: Duration) -> End {
    loop {
        let dead = heard.last() + longest;
        sleep_until(dead).await;
        if heard.last() + longest <= dead {
            return End::Lost(format!("the server was not heard of for {} s", longest.as_secs()));
        }
    }
}

/// Waits for a stop, then for the running commands, and closes.
async fn stopped(work: &Work, stop: &CancellationToken, hang_up: &CancellationToken) {
    stop.cancelled().await;
    drain(work).await;
    hang_up.cancel();
    // The reader ends the session when the server has sent its close frame too.
    tokio::time::sleep(CLOSE_TIMEOUT).await;
}

/// Refuses further commands and waits for the running ones.
pub(super) async fn drain(work: &Work) {
    work.stop();
    if timeout(STOP_TIMEOUT, work.finished()).await.is_err() {
        tracing::warn!(seconds = STOP_TIMEOUT.as_secs(), "commands were still running when the time was up");
    }
}

async fn write(
    mut sink: SplitSink<WebSocketStream<Wire>, Message>,
    mut frames: mpsc::Receiver<String>,
    hang_up: CancellationToken,
) -> End {
    loop {
        let frame = tokio::select! {
            biased;
            Some(frame) = frames.recv() => frame,
            () = hang_up.cancelled() => break,
        };
        if let Err(error) = sink.send(Message::text(frame)).await {
            return End::Lost(error.to_string());
        }
    }
    let goodbye = CloseFrame { code: WebSocketCloseCode::Normal, reason: "the agent stops".into() };
    if let Err(error) = sink.send(Message::Close(Some(goodbye))).await {
        return End::Lost(error.to_string());
    }
    // The reader sees the server's answer.
    std::future::pending().await
}

struct Reader<'w> {
    stream: SplitStream<WebSocketStream<Wire>>,
    work: &'w Work,
    line: mpsc::Sender<String>,
    /// The reason that the server sent before it closed.
    told: Option<(String, String)>,
}

impl Reader<'_> {
    async fn read(&mut self) -> End {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => self.take(&text).await,
                Some(Ok(Message::Binary(_))) => tracing::warn!("the server sent a binary frame, which is ignored"),
                Some(Ok(Message::Close(frame))) => return self.closed(frame.as_ref()),
                Some(Ok(_)) => {}
                Some(Err(Error::Capacity(error))) => return End::Lost(format!("a frame is too large: {error}")),
                Some(Err(error)) => return self.closed_or(End::Lost(error.to_string())),
                None => return self.closed_or(End::Lost("it ended".to_owned())),
            }
        }
    }

    async fn take(&mut self, text: &str) {
        match ServerFrame::parse(text) {
            Ok(ServerFrame::Command(command)) => self.work.take(*command).await,
            Ok(ServerFrame::Ack { command_id }) => self.work.journal().acknowledge(&command_id),
            Ok(ServerFrame::Describe { connector_names }) => {
                drop(self.line.send(self.work.served().describe(&connector_names)).await);
            }
            Ok(ServerFrame::Error { code, message }) => self.told = Some((code, message)),
            Ok(ServerFrame::Registered { .. }) => tracing::debug!("the server registered the agent once more"),
            Err(FrameError::UnknownType(name)) => tracing::debug!(name, "a frame of an unknown type was ignored"),
            Err(error) => self.malformed(text, &error).await,
        }
    }

    /// Answers a command that cannot be parsed, if its id can be, so that no caller waits for it.
    async fn malformed(&self, text: &str, error: &FrameError) {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Named {
            command_id: String,
        }
        tracing::warn!(%error, "the server sent a frame that cannot be read");
        if let Ok(Named { command_id }) = serde_json::from_str(text) {
            let text = format!("The agent cannot read the command: {error}. Nothing was executed");
            self.work.respond(&command_id, &failure(&text, None)).await;
        }
    }

    fn closed(&mut self, frame: Option<&CloseFrame>) -> End {
        let Some(frame) = frame else { return self.closed_or(End::Lost("the server closed it".to_owned())) };
        let number = u16::from(frame.code);
        let code = CloseCode::from_number(number);
        if code == Some(CloseCode::Replaced) {
            return End::Replaced;
        }
        let code = code.map_or_else(|| number.to_string(), |code| code.name().to_owned());
        let reason: String = frame.reason.chars().filter(|c| !c.is_control()).collect();
        self.closed_or(End::Told { code, message: reason })
    }

    /// An `error` frame of the server gives a better reason than the end of the connection.
    fn closed_or(&mut self, other: End) -> End {
        match self.told.take() {
            Some((code, _)) if code == CloseCode::Replaced.name() => End::Replaced,
            Some((code, message)) => End::Told { code, message },
            None => other,
        }
    }
}
