//! Processes commands: added, started, executed, finished; and frames that arrive twice.
//!
//! A command has its own task, which outlives the connection that it came over. Its response is sent over the
//! connection that exists when it is ready; the journal has it in any case.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use connector_runtime::protocol::MAX_BODY_BYTES;
use connector_runtime::protocol::frames::{AgentFrame, CommandFrame, ResponseFrame};
use connector_runtime::result::Reply;
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::task::TaskTracker;

use super::journal::{Begun, Entered, Journal, Room};
use super::served::Served;

/// The server's text for a failure whose effect is unknown.
const INTERRUPTED: &str = "The agent was interrupted while it executed the command; whether it took effect is \
     unknown: look there before calling again";

/// The running commands. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Work(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    agent_id: String,
    served: Served,
    journal: Journal,
    permits: Arc<Semaphore>,
    most: u32,
    /// The current connection.
    line: Mutex<Option<mpsc::Sender<String>>>,
    tasks: TaskTracker,
    stopping: AtomicBool,
}

impl Work {
    pub(super) fn new(agent_id: &str, served: Served, journal: Journal, most: u32) -> Self {
        Self(Arc::new(Inner {
            agent_id: agent_id.to_owned(),
            served,
            journal,
            permits: Arc::new(Semaphore::new(most as usize)),
            most,
            line: Mutex::default(),
            tasks: TaskTracker::new(),
            stopping: AtomicBool::new(false),
        }))
    }

    pub(super) fn served(&self) -> &Served {
        &self.0.served
    }

    pub(super) fn journal(&self) -> &Journal {
        &self.0.journal
    }

    /// Sets the connection for frames from now on; `None` if there is none.
    pub(super) fn connect(&self, line: Option<mpsc::Sender<String>>) {
        *self.0.line.lock() = line;
    }

    /// Refuses further commands.
    pub(super) fn stop(&self) {
        self.0.stopping.store(true, Ordering::Relaxed);
        self.0.tasks.close();
    }

    /// Waits until no command is running, after [`Work::stop`].
    pub(super) async fn finished(&self) {
        self.0.tasks.wait().await;
    }

    /// Accepts a command.
    pub(super) async fn take(&self, command: CommandFrame) {
        let id = command.command_id.as_str();
        if !self.0.served.has(&command.connector_name) {
            let names: Vec<_> = self.0.served.names().collect();
            let text = format!(
                "Agent {} does not serve {}; it serves {}. Nothing was executed",
                self.0.agent_id,
                command.connector_name,
                names.join(", ")
            );
            return self.respond(id, &failure(&text, None)).await;
        }
        let stopping = self.0.stopping.load(Ordering::Relaxed);
        let permit = Arc::clone(&self.0.permits).try_acquire_owned().ok().filter(|_| !stopping);
        match self.0.journal.enter(&command, permit.is_some()) {
            Entered::New => self.spawn(command, permit),
            Entered::Refused if stopping => {
                let text = format!("Agent {} is stopping; nothing was executed", self.0.agent_id);
                self.respond(id, &failure(&text, None)).await;
            }
            Entered::Refused => {
                let text = format!(
                    "Agent {} is busy with {} commands, the most it takes at a time (max-concurrent); nothing was \
                     executed",
                    self.0.agent_id, self.0.most
                );
                self.respond(id, &failure(&text, None)).await;
            }
            Entered::Running => tracing::debug!(command = id, "a running command came again"),
            Entered::Follows(leader) => {
                tracing::debug!(command = id, leader = &*leader, "a command is the same call as a running one");
                let mut begun = self.0.journal.begin(id, &command);
                let work = self.clone();
                self.0.tasks.spawn(async move {
                    if begun.on_disk().await.is_ok() {
                        work.send(ack(&command.command_id)).await;
                    }
                });
            }
            Entered::Finished => {
                tracing::debug!(command = id, "a command came again that is done; its result is sent again");
                let (work, id) = (self.clone(), command.command_id);
                self.0.tasks.spawn(async move { work.resend(&id).await });
            }
            Entered::Repeats(other) => {
                tracing::info!(
                    command = id,
                    of = &*other,
                    "a command is the same call as a finished one; nothing is executed"
                );
                let work = self.clone();
                self.0.tasks.spawn(async move { work.repeat(command, &other, permit).await });
            }
            Entered::Interrupted => self.respond(id, &interrupted()).await,
        }
    }

    /// Sends the result of a finished command again.
    pub(super) async fn resend(&self, id: &str) {
        let result = self.0.journal.result(id).await;
        self.respond(id, &result.unwrap_or_else(interrupted)).await;
    }

    fn spawn(&self, command: CommandFrame, permit: Option<OwnedSemaphorePermit>) {
        let work = self.clone();
        self.0.tasks.spawn(async move { work.run(command, permit).await });
    }

    async fn run(&self, command: CommandFrame, permit: Option<OwnedSemaphorePermit>) {
        let id = command.command_id.clone();
        let mut begun = self.0.journal.begin(&id, &command);
        let unfinished = Unfinished { work: self, id: &id, settled: false };
        let reply = if self.0.served.is_repeatable(&command.connector_name, &command.command) {
            self.run_beside(command, &mut begun).await
        } else {
            if let Err(why) = begun.on_disk().await {
                unfinished.settle();
                return self.give_back(&id, &why).await;
            }
            self.send(ack(&id)).await;
            self.0.served.execute(command).await
        };
        let result = Arc::from(text_of(reply));
        let room = self.0.journal.room(&result).await;
        unfinished.settle();
        // Released before the response is sent, because the server may send the next command as soon as it has it.
        drop(permit);
        self.finish(&id, &result, room).await;
    }

    /// Executes a command that may be executed twice without waiting for the disk. If its response is ready first, it
    /// replaces the acknowledgement.
    async fn run_beside(&self, command: CommandFrame, begun: &mut Begun) -> Reply {
        let id = command.command_id.clone();
        let mut executing = std::pin::pin!(self.0.served.execute(command));
        tokio::select! {
            biased;
            reply = &mut executing => return reply,
            on_disk = begun.on_disk() => if on_disk.is_ok() {
                self.send(ack(&id)).await;
            },
        }
        executing.await
    }

    /// Gives the result of a finished command to another command that is the same call.
    async fn repeat(&self, command: CommandFrame, other: &str, permit: Option<OwnedSemaphorePermit>) {
        let id = command.command_id.clone();
        let Some(result) = self.0.journal.result(other).await else {
            // Only the server knows whether it may be executed twice; it would not have sent it otherwise.
            return self.run(command, permit).await;
        };
        // The result follows it to the disk, so nothing waits for this.
        drop(self.0.journal.begin(&id, &command));
        let room = self.0.journal.room(&result).await;
        drop(permit);
        self.finish(&id, &result, room).await;
    }

    async fn give_back(&self, id: &str, why: &str) {
        let text = format!("The agent's journal cannot be written ({why}); nothing was executed. Check its disk");
        let failure = failure(&text, None);
        for id in self.0.journal.withdraw(id).iter().map(|id| &**id).chain([id]) {
            self.respond(id, &failure).await;
        }
    }

    async fn finish(&self, id: &str, result: &Arc<str>, room: Room) {
        for id in self.0.journal.finish(id, result, room).iter().map(|id| &**id).chain([id]) {
            self.respond(id, result).await;
        }
    }

    pub(super) async fn respond(&self, id: &str, result: &str) {
        self.send(ResponseFrame::text_of(id, result)).await;
    }

    /// Sends a frame over the current connection. Without one it is dropped, because the journal has everything
    /// important.
    async fn send(&self, frame: String) {
        let line = self.0.line.lock().clone();
        if let Some(line) = line {
            drop(line.send(frame).await);
        }
    }
}

/// A running command. If its task dies, the command must not count as running forever.
struct Unfinished<'w> {
    work: &'w Work,
    id: &'w str,
    settled: bool,
}

impl Unfinished<'_> {
    fn settle(mut self) {
        self.settled = true;
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        tracing::error!(command = self.id, "the task of a command died");
        drop(self.work.0.journal.finish(self.id, &interrupted(), None));
    }
}

pub(super) fn ack(id: &str) -> String {
    AgentFrame::Ack { command_id: id.to_owned() }.to_text()
}

pub(super) fn failure(error: &str, outcome: Option<&str>) -> String {
    let mut failure = json!({ "success": false, "error": error });
    if let Some(outcome) = outcome {
        failure["diagnostics"] = json!({ "outcome": outcome });
    }
    failure.to_string()
}

fn interrupted() -> Arc<str> {
    failure(INTERRUPTED, Some("unknown")).into()
}

/// Serializes a reply for the server; one that is too large becomes a failure that says so.
fn text_of(reply: Reply) -> String {
    let text = reply.into_json();
    if text.len() <= MAX_BODY_BYTES {
        return text;
    }
    let error = format!(
        "The result has {} bytes; an agent can send {MAX_BODY_BYTES}. The command was executed; ask for less at a time",
        text.len()
    );
    failure(&error, None)
}
