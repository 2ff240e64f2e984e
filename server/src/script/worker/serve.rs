//! The worker's main loop: confinement first, then one frame after the other.

use std::ffi::OsStr;
use std::process::ExitCode;
use std::rc::Rc;

use super::channel::Channel;
use super::engine::Engine;
use super::{checking, jail, run};
use crate::script::frame::{Kind, Malformed, Reader};
use crate::script::limits::Limits;
use crate::script::message::Order;

/// The argument that makes this program a worker.
pub const ARGUMENT: &str = "sandbox-worker";

/// The exit code of a worker that panicked.
const PANICKED: i32 = 101;

/// Returns whether this process was started as a worker. Asked first thing in `main`.
pub fn is_worker() -> bool {
    std::env::args_os().nth(1).as_deref() == Some(OsStr::new(ARGUMENT))
}

/// Serves the pipe on standard input until it ends.
pub fn main() -> ExitCode {
    // A panic here cannot be reported: the worker must not write to standard error. It ends the worker at once: the binding would
    // keep it for a later run, as the only thing of a run that is not put back.
    std::panic::set_hook(Box::new(|_| std::process::exit(PANICKED)));
    let room = std::env::args().nth(2).and_then(|room| room.parse().ok());
    let room = room.unwrap_or(Limits::default().room() as u64);
    let Ok(mut engine) = Engine::new() else { return ExitCode::FAILURE };
    let confinement = jail::confine(room);
    let channel = Rc::new(Channel::default());
    let greeted = channel.send(Kind::Hello, |writer| writer.json(&confinement).map_err(|_| Malformed));
    if greeted.is_err() || channel.flush().is_err() {
        return ExitCode::FAILURE;
    }
    while let Ok(Some((kind, body))) = channel.next() {
        if serve(&mut engine, &channel, kind, &body).is_err() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn serve(engine: &mut Engine, channel: &Rc<Channel>, kind: Kind, body: &[u8]) -> Result<(), Malformed> {
    match kind {
        Kind::Bind => engine.bind(Reader(body).text()?),
        Kind::Run => run::run(engine, &Order::read(body)?, channel)?,
        Kind::Check => checking::check(engine, body, channel)?,
        _ => return Err(Malformed),
    }
    Ok(())
}
