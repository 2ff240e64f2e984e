//! The worker: the process that runs scripts.
//!
//! `main` calls [`main`] before it starts anything else of the server. The worker sets up its confinement (`jail`),
//! then takes one frame after the other from the pipe that is its standard input. Every run has a runtime
//! of its own (`engine`); what stays between runs is the compiled script. After a run that met a limit
//! the engine is not trusted any more: the worker answers and ends without cleaning up.

mod channel;
mod checking;
mod clock;
mod engine;
mod fault;
mod host;
mod jail;
mod realm;
mod run;
mod text;
mod to_json;
mod util;

use std::ffi::OsStr;
use std::process::ExitCode;
use std::rc::Rc;

use self::channel::Channel;
use self::engine::Engine;
use super::frame::{Kind, Malformed, Reader};
use super::message::Order;

/// The argument that makes this program a worker.
pub const ARGUMENT: &str = "sandbox-worker";

/// Returns whether this process was started as a worker. Asked first thing in `main`.
pub fn is_meant() -> bool {
    std::env::args_os().nth(1).as_deref() == Some(OsStr::new(ARGUMENT))
}

/// Serves the pipe on standard input until it ends.
pub fn main() -> ExitCode {
    // A panic here cannot be reported: the worker must not write to standard error.
    std::panic::set_hook(Box::new(|_| ()));
    let Ok(mut engine) = Engine::new() else { return ExitCode::FAILURE };
    let walls = jail::raise();
    let channel = Rc::new(Channel::default());
    let greeted = channel.send(Kind::Hello, |writer| writer.json(&walls).map_err(|_| Malformed));
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
