//! One worker, from the server's side: the frames sent to it, and when it is killed.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use connector_runtime::egress::memory::{MemoryBudget, Reserved};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::compute_slot::{ComputeSlot, Place};
use super::failure::{ScriptFailure, ScriptProblem};
use super::frame::{HEAD, Kind, Malformed, Reader, Writer, head};
use super::grants::Grants;
use super::host_call::{answered, asked};
use super::limits::{CHECK, DATA, GRACE, Limits};
use super::message::{Checking, Confinement, Done, Fault, Reply, level_byte, level_of, write_limits};
use super::sandbox::{HostCalls, Ran, ScriptCall};
use super::starter::{Process, Started};
use super::usage::Usage;

/// The size of the buffer for reading from a worker.
const READ: usize = 16 << 10;
/// The largest frame, in bytes, that does not count against the memory budget.
const LARGE: usize = 64 << 10;
/// How often the bytes of a frame are in memory: as it came, and as it was read.
const FRAME_COPIES: usize = 2;
/// By how much the priority of a worker that computes for long is lowered (`nice`).
const STEP_BACK: i32 = 10;

/// A worker process.
#[derive(Debug)]
pub(super) struct Worker {
    process: Process,
    stream: UnixStream,
    input: BytesMut,
    /// Whether it has its script.
    bound: bool,
    runs: u32,
    /// Whether it may serve another call.
    fit: bool,
    /// Whether its priority is lowered.
    behind: bool,
    confinement: Option<Confinement>,
    memory: MemoryBudget,
    /// The memory of the frame that came last, if it was large.
    reserved: Reserved,
    /// The bytes that the budget pays for what the run was given. Its result is made of that, and does not wait for more:
    /// runs that have used up the budget would wait for each other.
    granted: usize,
}

/// The worker has ended, or sends malformed frames.
#[derive(Debug)]
struct Gone;

impl From<io::Error> for Gone {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl From<Malformed> for Gone {
    fn from(_: Malformed) -> Self {
        Self
    }
}

impl Worker {
    /// # Errors
    /// If the runtime does not accept the pipe.
    pub(super) fn new(started: Started, memory: &MemoryBudget) -> io::Result<Self> {
        Ok(Self {
            process: started.process,
            stream: UnixStream::from_std(started.stream)?,
            input: BytesMut::new(),
            bound: false,
            runs: 0,
            fit: true,
            behind: false,
            confinement: None,
            memory: memory.clone(),
            reserved: Reserved::nothing(),
            granted: 0,
        })
    }

    /// Returns whether the worker may serve another call. One that died meanwhile may not.
    pub(super) fn is_fit(&self, most_runs: u32) -> bool {
        self.fit && self.runs < most_runs && self.is_alive()
    }

    /// Returns how it is confined, once it has said so.
    pub(super) const fn confinement(&self) -> Option<Confinement> {
        self.confinement
    }

    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Asks the operating system: the runtime learns of the pipe's end only later.
    fn is_alive(&self) -> bool {
        let mut ends = [PollFd::new(&self.stream, PollFlags::RDHUP)];
        matches!(poll(&mut ends, Some(&Timespec::default())), Ok(0))
    }

    /// Runs a command, if there is a permit by a moment. Unless this returns what the script answered, the worker cannot
    /// be used again; nor can it while it runs, so a dropped future ends it.
    pub(super) async fn run(
        &mut self,
        call: &ScriptCall<'_>,
        host: &dyn HostCalls,
        permits: &Arc<Semaphore>,
        place: &dyn Place,
        begin_by: Instant,
    ) -> Result<Ran, ScriptFailure> {
        self.fit = false;
        let timeout = || ScriptFailure::Timeout { after: call.timeout };
        let mut turn = ComputeSlot::new(permits, place, call.deadline);
        if !turn.begin_by(begin_by).await {
            // Nothing was sent, so the worker can be used again.
            self.fit = true;
            return Err(ScriptFailure::Busy);
        }
        let mut grants = Grants::new(&self.memory);
        let out = self.order(call, &mut grants)?;
        let conversing = self.converse(call, host, &mut turn, &mut grants, &out);
        let verdict = match timeout_at(call.deadline + GRACE, conversing).await {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(Gone)) if self.confinement.is_none() => {
                return Err(ScriptFailure::Unavailable { why: "it ended before it was ready".to_owned() });
            }
            // A worker that is late and ends itself behaves as it should.
            Ok(Err(Gone)) if Instant::now() >= call.deadline => return Err(timeout()),
            Ok(Err(Gone)) => return Err(ScriptFailure::Crash),
            Err(_) => {
                self.process.kill();
                return Err(timeout());
            }
        };
        drop(turn);
        self.reserved = Reserved::nothing();
        self.granted = 0;
        self.bound = true;
        self.runs += 1;
        self.fit = !verdict.spent && self.step_up();
        verdict.result.map_err(|fault| fault.into_failure(call))
    }

    /// Writes the frame that starts a run.
    fn order(&self, call: &ScriptCall<'_>, grants: &mut Grants) -> Result<Vec<u8>, ScriptFailure> {
        let mut out = Vec::with_capacity(1024);
        let source = call.script.source();
        let too_large = |what, bytes, limit| ScriptFailure::TooLarge { what, bytes, limit };
        if source.len() > call.limits.source {
            return Err(too_large("the script", source.len(), call.limits.source));
        }
        if !self.bound {
            let bound = Writer::new(&mut out, Kind::Bind).text(source).end();
            bound.map_err(|Malformed| too_large("the script", source.len(), super::limits::FRAME))?;
        }
        let before = out.len();
        let data = Data {
            config: call.config,
            params: call.params,
            variables: call.variables,
            mock_scenario: call.mock_scenario,
        };
        let budget = call.deadline.saturating_duration_since(Instant::now());
        let writer = Writer::new(&mut out, Kind::Run).number(micros(budget)).byte(level_byte(call.log_level));
        let data = serde_json::to_string(&data).map_err(|_| too_large("the call's data", 0, DATA))?;
        let limits = Limits { memory: call.limits.memory + grants.grant(&data, 0), ..*call.limits };
        let writer = write_limits(writer, &limits).text(call.command).text(call.idempotency_key.unwrap_or(""));
        let written = writer.text(&data).end();
        let bytes = out.len() - before;
        if written.is_err() || bytes > DATA {
            return Err(too_large("the call's data", bytes, DATA));
        }
        Ok(out)
    }

    async fn converse(
        &mut self,
        call: &ScriptCall<'_>,
        host: &dyn HostCalls,
        turn: &mut ComputeSlot<'_>,
        grants: &mut Grants,
        out: &[u8],
    ) -> Result<Ended, Gone> {
        self.write(out).await?;
        let mut usage = Usage::new(call.limits);
        loop {
            self.granted = grants.bytes();
            let (kind, body) = tokio::select! {
                biased;
                frame = self.receive() => frame?,
                () = sleep_until(turn.ends()), if turn.is_held() => {
                    turn.give_up();
                    self.step_back();
                    continue;
                }
            };
            match kind {
                Kind::Log => {
                    let mut reader = Reader(&body);
                    let (level, text) = (level_of(reader.byte()?)?, reader.text()?);
                    if usage.log(text.len()) {
                        host.log(level, text);
                    }
                }
                Kind::Call | Kind::Token | Kind::Operation | Kind::Sleep => {
                    turn.pause();
                    let asked = asked(kind, &body)?;
                    let allowed = if kind == Kind::Sleep { usage.sleep() } else { usage.call() };
                    let reply = match allowed {
                        Err(fault) => Reply::Fault(fault),
                        Ok(()) => tokio::select! {
                            biased;
                            reply = answered(host, asked, call.deadline, &mut usage, grants) => reply,
                            // It is waiting for the answer, so any frame now means that it has ended.
                            _ = self.receive() => return Err(Gone),
                        },
                    };
                    let mut out = Vec::with_capacity(1024);
                    reply.write(&mut out)?;
                    // The worker gets its answer even if it is late; it ends itself then.
                    turn.begin().await;
                    self.write(&out).await?;
                }
                Kind::Done => {
                    let done = Done::read(&body)?;
                    let returned = !done.json.is_empty();
                    let json = if returned { done.json } else { "null" }.to_owned();
                    let ran = Ran { json, returned, figures: done.figures };
                    if ran.json.len() > call.limits.result {
                        return Err(Gone);
                    }
                    return Ok(Ended { spent: done.spent, result: Ok(ran) });
                }
                Kind::Failed => {
                    let mut reader = Reader(&body);
                    return Ok(Ended { spent: reader.byte()? != 0, result: Err(reader.json()?) });
                }
                _ => return Err(Gone),
            }
        }
    }

    /// Checks a source. The worker cannot be used afterwards.
    pub(super) async fn check(
        &mut self,
        source: &str,
        commands: &[&str],
        limits: &Limits,
    ) -> Result<Vec<ScriptProblem>, ScriptFailure> {
        self.fit = false;
        let unavailable = |why: &str| ScriptFailure::Unavailable { why: why.to_owned() };
        let checking =
            Checking { source: source.to_owned(), commands: commands.iter().map(|&name| name.to_owned()).collect() };
        let mut out = Vec::with_capacity(source.len() + 1024);
        let writer = write_limits(Writer::new(&mut out, Kind::Check).number(micros(CHECK)), limits);
        let written = writer.json(&checking).ok().map(Writer::end);
        if !matches!(written, Some(Ok(()))) {
            return Err(ScriptFailure::TooLarge {
                what: "the script",
                bytes: source.len(),
                limit: super::limits::FRAME,
            });
        }
        let whole = |message: &str| vec![ScriptProblem { message: message.to_owned(), line: None, column: None }];
        let asking = async {
            self.write(&out).await?;
            self.receive().await
        };
        match tokio::time::timeout(CHECK + GRACE, asking).await {
            Ok(Ok((Kind::Checked, body))) => Reader(&body).json().map_err(|Malformed| unavailable("it made no sense")),
            Ok(_) if self.confinement.is_none() => Err(unavailable("it ended before it was ready")),
            Ok(_) => Ok(whole("the engine broke off while the script's top level ran")),
            Err(_) => Ok(whole(TOO_LONG)),
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        Ok(self.stream.write_all(bytes).await?)
    }

    /// Reads the next frame after the greeting. May be dropped and called again.
    async fn receive(&mut self) -> Result<(Kind, BytesMut), Gone> {
        loop {
            let (kind, body) = self.frame().await?;
            if kind != Kind::Hello {
                return Ok((kind, body));
            }
            self.confinement = Some(Reader(&body).json()?);
        }
    }

    async fn frame(&mut self) -> Result<(Kind, BytesMut), Gone> {
        loop {
            if let Some(start) = self.input.first_chunk::<HEAD>() {
                let (kind, length) = head(*start)?;
                if self.input.len() >= HEAD + length {
                    self.input.advance(HEAD);
                    return Ok((kind, self.input.split_to(length)));
                }
                if length > LARGE && self.reserved.bytes().max(self.granted) < length * FRAME_COPIES {
                    // Until there is memory the worker waits, and its run's time goes on.
                    self.reserved = Reserved::nothing();
                    self.reserved = self.memory.wait(length * FRAME_COPIES).await.map_err(|_| Gone)?;
                }
                self.input.reserve(HEAD + length - self.input.len());
            } else {
                self.input.reserve(READ);
            }
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(Gone);
            }
        }
    }

    /// Lowers the worker's priority.
    fn step_back(&mut self) {
        self.behind = self.behind || self.set_priority(STEP_BACK);
    }

    /// Restores the worker's priority. Without root that is not allowed, and the worker is replaced.
    fn step_up(&mut self) -> bool {
        if self.behind {
            self.behind = !self.set_priority(0);
        }
        !self.behind
    }

    fn set_priority(&self, nice: i32) -> bool {
        let id = i32::try_from(self.process.id()).ok().and_then(rustix::process::Pid::from_raw);
        id.is_some_and(|id| rustix::process::setpriority_process(Some(id), nice).is_ok())
    }
}

/// What the check says if the top level does not end.
pub(super) const TOO_LONG: &str = "the script's top level does not come to an end; put the work into the commands";

/// `floh.config`, `floh.params`, `floh.variables`, `floh.mockScenario`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    config: &'a Map<String, Value>,
    params: &'a Map<String, Value>,
    variables: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mock_scenario: Option<&'a str>,
}

/// How a run ended, and whether its worker ends with it.
struct Ended {
    spent: bool,
    result: Result<Ran, Fault>,
}

impl Fault {
    fn into_failure(self, call: &ScriptCall<'_>) -> ScriptFailure {
        match self {
            Self::Timeout => ScriptFailure::Timeout { after: call.timeout },
            Self::Memory => ScriptFailure::Memory { limit: call.limits.memory },
            Self::Stack(error) => ScriptFailure::Stack { error },
            Self::Syntax(problem) => ScriptFailure::Syntax(problem),
            Self::Thrown(error) => ScriptFailure::Thrown(error),
            Self::Result(why) => ScriptFailure::Result { why },
            Self::Calls(error) => ScriptFailure::HostCalls { error },
            Self::Unsettled => ScriptFailure::Unsettled,
            Self::NoCommand => ScriptFailure::NoCommand { command: call.command.to_owned() },
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
