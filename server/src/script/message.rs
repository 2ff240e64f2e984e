//! The messages in the frames, as both ends read and write them.

use std::time::Duration;

use bytes::Bytes;
use connector_runtime::Secret;
use connector_runtime::log::LogLevel;
use serde::{Deserialize, Serialize};

use super::failure::{GuestError, ScriptProblem};
use super::frame::{Kind, Malformed, Reader, Writer};
use super::limits::Limits;
use super::sandbox::{Figures, HttpAnswer, HttpFault, Left};

/// How a worker is confined, as it reports itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Confinement {
    /// The system calls are down to an allow-list (seccomp).
    pub calls: bool,
    /// The kernel denies files and network as well (landlock).
    pub files: bool,
    /// The worker runs as a user without rights. Also false if the server is not root.
    pub user: bool,
}

/// A command to run.
#[derive(Debug)]
pub(super) struct Order<'a> {
    pub(super) budget: Duration,
    pub(super) level: LogLevel,
    pub(super) limits: Limits,
    pub(super) command: &'a str,
    pub(super) idempotency_key: &'a str,
    /// JSON text of an object with `config`, `params`, `variables` and perhaps `mockScenario`.
    pub(super) data: &'a str,
}

impl<'a> Order<'a> {
    pub(super) fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(body);
        let order = Self {
            budget: Duration::from_micros(reader.number()?),
            level: level_of(reader.byte()?)?,
            limits: read_limits(&mut reader)?,
            command: reader.text()?,
            idempotency_key: reader.text()?,
            data: reader.text()?,
        };
        reader.end()?;
        Ok(order)
    }
}

pub(super) fn write_limits<'b>(writer: Writer<'b>, limits: &Limits) -> Writer<'b> {
    let Limits { memory, stack, result, depth, nodes, log, calls, body, bodies, source } = *limits;
    let sizes = [memory, stack, result, depth, nodes, log, body, bodies, source];
    sizes.into_iter().fold(writer.number(calls.into()), |writer, size| writer.number(size as u64))
}

pub(super) fn read_limits(reader: &mut Reader<'_>) -> Result<Limits, Malformed> {
    Ok(Limits {
        calls: u32::try_from(reader.number()?).map_err(|_| Malformed)?,
        memory: reader.size()?,
        stack: reader.size()?,
        result: reader.size()?,
        depth: reader.size()?,
        nodes: reader.size()?,
        log: reader.size()?,
        body: reader.size()?,
        bodies: reader.size()?,
        source: reader.size()?,
    })
}

/// A source to check.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Checking {
    pub(super) source: String,
    pub(super) commands: Vec<String>,
}

/// The server's answer to a host call.
#[derive(Debug)]
pub(super) enum Reply {
    Answer {
        answer: HttpAnswer,
        /// The bytes of memory that the engine gets to hold it.
        memory: usize,
    },
    Token(Secret),
    /// The result of an operation, as JSON text.
    Result {
        json: String,
        /// The bytes of memory that the engine gets to hold it.
        memory: usize,
    },
    /// The time has passed.
    Slept,
    Fault(HttpFault),
    /// The run's time is over.
    Late,
}

impl Reply {
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let writer = Writer::new(out, Kind::Reply);
        match self {
            Self::Answer { answer, memory } => {
                let HttpAnswer { status, headers, text, bytes, is_binary, next } = answer;
                let writer = writer.byte(0).number(*memory as u64).number((*status).into()).text(text);
                let writer = writer.byte((*is_binary).into()).byte(bytes.is_some().into());
                let writer = bytes.iter().fold(writer, |writer, bytes| writer.bytes(bytes));
                let writer = writer.text(next.as_deref().unwrap_or("")).number(headers.len() as u64);
                headers.iter().fold(writer, |writer, (name, value)| writer.text(name).text(value)).end()
            }
            Self::Fault(HttpFault { code, message, left }) => {
                let writer = writer.byte(1).text(code).text(message).byte(left.is_some().into());
                writer.number(left.and_then(|left| left.status).unwrap_or(0).into()).end()
            }
            Self::Late => writer.byte(2).end(),
            Self::Slept => writer.byte(3).end(),
            Self::Result { json, memory } => writer.byte(5).number(*memory as u64).text(json).end(),
            Self::Token(token) => writer.byte(4).text(token.expose()).end(),
        }
    }

    pub(super) fn read(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(body);
        let reply = match reader.byte()? {
            0 => {
                let memory = reader.size()?;
                let status = reader.status()?;
                let text = reader.text()?.to_owned();
                let is_binary = reader.byte()? != 0;
                let bytes = if reader.byte()? == 0 { None } else { Some(Bytes::copy_from_slice(reader.bytes()?)) };
                let next = Some(reader.text()?.to_owned()).filter(|next| !next.is_empty());
                let mut headers = Vec::new();
                for _ in 0..reader.number()? {
                    headers.push((reader.text()?.to_owned(), reader.text()?.to_owned()));
                }
                Self::Answer { answer: HttpAnswer { status, headers, text, bytes, is_binary, next }, memory }
            }
            1 => {
                let (code, message) = (reader.text()?.to_owned().into(), reader.text()?.to_owned());
                let has_left = reader.byte()? != 0;
                let status = Some(reader.status()?).filter(|status| *status != 0);
                Self::Fault(HttpFault { code, message, left: has_left.then_some(Left { status }) })
            }
            2 => Self::Late,
            3 => Self::Slept,
            5 => Self::Result { memory: reader.size()?, json: reader.text()?.to_owned() },
            4 => Self::Token(Secret::from(reader.text()?)),
            _ => return Err(Malformed),
        };
        reader.end()?;
        Ok(reply)
    }
}

/// How a run ended, for the parent. `spent` says that the worker ends itself.
#[derive(Debug)]
pub(super) struct Done<'a> {
    pub(super) spent: bool,
    pub(super) figures: Figures,
    pub(super) json: &'a str,
}

impl<'a> Done<'a> {
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let writer = Writer::new(out, Kind::Done).byte(self.spent.into());
        write_figures(writer, &self.figures).text(self.json).end()
    }

    pub(super) fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(body);
        let done = Self { spent: reader.byte()? != 0, figures: read_figures(&mut reader)?, json: reader.text()? };
        reader.end()?;
        Ok(done)
    }
}

fn write_figures<'b>(writer: Writer<'b>, figures: &Figures) -> Writer<'b> {
    writer.number(u64::try_from(figures.cpu.as_micros()).unwrap_or(u64::MAX)).number(figures.calls.into())
}

fn read_figures(reader: &mut Reader<'_>) -> Result<Figures, Malformed> {
    let cpu = Duration::from_micros(reader.number()?);
    Ok(Figures { cpu, calls: u32::try_from(reader.number()?).map_err(|_| Malformed)? })
}

/// Why a run failed, as the worker reports it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Fault {
    /// The soft interrupt ended it.
    Timeout,
    Memory,
    Stack(GuestError),
    Syntax(ScriptProblem),
    Thrown(GuestError),
    /// The result is not one that a command may return.
    Result(String),
    Calls(GuestError),
    /// A promise that nothing will settle.
    Unsettled,
    NoCommand,
}

impl Fault {
    /// Returns whether the engine must not be used again after this.
    pub(super) const fn spends(&self) -> bool {
        matches!(self, Self::Timeout | Self::Memory | Self::Stack(_))
    }
}

/// A level as a byte: its place among [`LogLevel::ALL`].
pub(super) fn level_byte(level: LogLevel) -> u8 {
    level as u8
}

pub(super) fn level_of(byte: u8) -> Result<LogLevel, Malformed> {
    LogLevel::ALL.get(usize::from(byte)).copied().ok_or(Malformed)
}
