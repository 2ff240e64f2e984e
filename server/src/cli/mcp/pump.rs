//! The pump: lines in, a POST for each, what answers it out. Requests run beside each other; a request that is cancelled
//! closes its connection, by which the server notices.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use floh_client::{Client, ClientError};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::{AbortHandle, Id, JoinSet};

use super::explained;
use super::lines::{Line, MAX_LINE};
use super::message::{self, About, Answer, INTERNAL, INVALID, Incoming, Refused};

/// Messages that are with the server at a time.
pub(super) const MAX_RUNNING: usize = 128;
/// Bytes of these messages.
const MAX_BYTES: usize = 64 << 20;
/// How long requests may take after the end of standard input: somewhat longer than a call without a deadline of its own.
const AFTER_END: Duration = Duration::from_secs(35);

/// The version on which the last `initialize` has settled; `None` outside while its answer is awaited.
type Negotiated = watch::Receiver<Option<Option<String>>>;

struct Pump {
    client: Client,
    output: mpsc::Sender<String>,
    tasks: JoinSet<()>,
    /// The requests that await an answer, by their id as JSON.
    running: HashMap<String, Running>,
    negotiated: Negotiated,
    bytes: Arc<Semaphore>,
}

struct Running {
    id: Value,
    listens: bool,
    task: AbortHandle,
}

/// A message on its way.
struct Message {
    /// The request's id; none in a notification.
    id: Option<Value>,
    about: About,
    bytes: Vec<u8>,
    /// Held until the message is answered.
    _room: OwnedSemaphorePermit,
}

/// Passes messages on until the input ends and what was asked is answered, or nobody reads the answers; `gone` is done
/// when nobody can.
pub(super) async fn run(
    client: Client,
    mut input: mpsc::Receiver<Line>,
    output: mpsc::Sender<String>,
    gone: impl Future<Output = ()>,
) {
    let (_, negotiated) = watch::channel(Some(None));
    let bytes = Arc::new(Semaphore::new(MAX_BYTES));
    let mut pump = Pump { client, output, tasks: JoinSet::new(), running: HashMap::new(), negotiated, bytes };
    let closed = pump.output.clone();
    loop {
        tokio::select! {
            line = input.recv() => match line {
                Some(line) => pump.line(line).await,
                None => break,
            },
            Some(ended) = pump.tasks.join_next_with_id() => pump.ended(ended).await,
            () = closed.closed() => return,
        }
    }
    let rest = tokio::time::timeout(AFTER_END, pump.finish());
    tokio::select! {
        late = rest => if late.is_err() {
            pump.give_up().await;
        },
        () = gone => {}
        () = closed.closed() => {}
    }
}

impl Pump {
    async fn line(&mut self, line: Line) {
        let Line::Whole(bytes) = line else {
            let text = format!("the line has more than {} MiB; the server takes 10 MiB", MAX_LINE >> 20);
            return self.write(message::error(&Value::Null, INVALID, &text)).await;
        };
        match message::read(&bytes) {
            Ok(Incoming::Request { id, about }) => self.request(id, about, bytes).await,
            Ok(Incoming::Notification(about)) => match self.room(&bytes) {
                Some(room) => {
                    self.start(Message { id: None, about, bytes, _room: room });
                }
                None => {
                    tracing::warn!(method = about.method, "too many messages at once; this notification is dropped");
                }
            },
            Ok(Incoming::Cancelled(id)) => {
                if let Some(running) = self.running.remove(&id.to_string()) {
                    running.task.abort();
                }
            }
            Err(Refused(code, text)) => self.write(message::error(&Value::Null, code, text)).await,
        }
    }

    async fn request(&mut self, id: Value, about: About, bytes: Vec<u8>) {
        let key = id.to_string();
        if self.running.contains_key(&key) {
            let text = format!("a request with the id {key} awaits its answer; each has an id of its own");
            return self.write(message::error(&Value::Null, INVALID, &text)).await;
        }
        let Some(room) = self.room(&bytes) else {
            let text = format!(
                "too many requests at once: {MAX_RUNNING} messages with {} MiB may await their answers; wait for one",
                MAX_BYTES >> 20
            );
            return self.write(message::error(&id, INTERNAL, &text)).await;
        };
        let listens = about.listens();
        let task = self.start(Message { id: Some(id.clone()), about, bytes, _room: room });
        self.running.insert(key, Running { id, listens, task });
    }

    /// Returns the room that a message takes, if there is any.
    fn room(&self, bytes: &[u8]) -> Option<OwnedSemaphorePermit> {
        let permits = u32::try_from(bytes.len()).ok().filter(|_| self.tasks.len() < MAX_RUNNING)?;
        Arc::clone(&self.bytes).try_acquire_many_owned(permits).ok()
    }

    fn start(&mut self, message: Message) -> AbortHandle {
        let settle = message.about.is_initialize().then(|| {
            let (settle, negotiated) = watch::channel(None);
            self.negotiated = negotiated;
            settle
        });
        let (client, output, negotiated) = (self.client.clone(), self.output.clone(), self.negotiated.clone());
        self.tasks.spawn(async move {
            let id = message.id.clone();
            let version = match &settle {
                None if message.about.version.is_none() => settled(negotiated).await,
                _ => None,
            };
            let acts = message.about.acts();
            let passed = pass(&client, message, version, &output).await;
            match passed {
                Ok(version) => {
                    if let Some(settle) = settle {
                        settle.send_replace(Some(version));
                    }
                }
                Err(error) => {
                    let why = reason(&client, &error, acts);
                    match id {
                        // If nobody reads the answers, the pump ends by itself.
                        Some(id) => drop(output.send(message::error(&id, INTERNAL, &why)).await),
                        None => tracing::warn!("a notification was not passed on: {why}"),
                    }
                }
            }
        })
    }

    async fn ended(&mut self, ended: Result<(Id, ()), tokio::task::JoinError>) {
        let task = match &ended {
            Ok((task, ())) => *task,
            Err(error) => error.id(),
        };
        let key = self.running.iter().find(|(_, running)| running.task.id() == task).map(|(key, _)| key.clone());
        let Some(running) = key.and_then(|key| self.running.remove(&key)) else { return };
        if ended.is_err() {
            self.write(message::error(&running.id, INTERNAL, "floh mcp failed; its log on standard error says more"))
                .await;
        }
    }

    /// Waits for the answers to come.
    async fn finish(&mut self) {
        for running in self.running.values().filter(|running| running.listens) {
            running.task.abort();
        }
        self.running.retain(|_, running| !running.listens);
        while let Some(ended) = self.tasks.join_next_with_id().await {
            self.ended(ended).await;
        }
    }

    /// Answers what has no answer yet.
    async fn give_up(&mut self) {
        self.tasks.abort_all();
        for (_, running) in std::mem::take(&mut self.running) {
            let text = "standard input has ended, and the answer did not come in time; look before you repeat a call";
            self.write(message::error(&running.id, INTERNAL, text)).await;
        }
    }

    async fn write(&self, message: String) {
        // If nobody reads the answers, the pump ends by itself.
        drop(self.output.send(message).await);
    }
}

/// Waits for the version on which `initialize` settles; none if it fails.
async fn settled(mut negotiated: Negotiated) -> Option<String> {
    negotiated.wait_for(Option::is_some).await.ok()?.clone().flatten()
}

/// Sends a message and passes on what answers it. Returns the version that was negotiated, if the answer has one.
///
/// # Errors
/// Why there is no answer.
async fn pass(
    client: &Client,
    message: Message,
    negotiated: Option<String>,
    output: &mpsc::Sender<String>,
) -> Result<Option<String>, ClientError> {
    let Message { id, about, bytes, _room } = message;
    let initialize = about.is_initialize();
    let mut messages = client.mcp(bytes, &about.headers(negotiated)).await?;
    let Some(id) = id else {
        // What answers a notification is an error, and nobody waits for it.
        if let Some(text) = messages.next().await? {
            tracing::warn!("the server answered a notification: {text}");
        }
        return Ok(None);
    };
    let (mut answered, mut version) = (false, None);
    while let Some(text) = messages.next().await? {
        let answer = Answer::read(&text);
        let text = match answer {
            Some(Answer { method: Some(_), .. }) => text,
            Some(answer) if answer.id.as_ref() == Some(&id) => {
                answered = true;
                if initialize {
                    version = message::negotiated(&text);
                }
                text
            }
            Some(Answer { id: None, error: Some(error), .. }) => {
                answered = true;
                message::error_for(&id, &error)
            }
            _ => {
                tracing::warn!("the server answered another request than {id}");
                continue;
            }
        };
        if output.send(text).await.is_err() {
            break;
        }
    }
    if answered || output.is_closed() {
        return Ok(version);
    }
    let reason = "the connection ended before the answer".to_owned();
    Err(ClientError::Transport { server: client.server().to_owned(), reason, sent: true })
}

/// Says why there is no answer, and of a call that it may have happened.
fn reason(client: &Client, error: &ClientError, acts: bool) -> String {
    let why = explained(client, error);
    if acts && matches!(error, ClientError::Transport { sent: true, .. }) {
        return format!("{why}; the call may have happened: look before you repeat it");
    }
    why
}
