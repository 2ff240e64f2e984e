//! Starts worker processes and reaps them.
//!
//! The kernel kills a worker when the thread that forked it ends, so one thread that lives as long as the pool starts
//! all of them. Waiting for a killed process takes a moment, so another thread does that.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::worker::ARGUMENT;

/// A process that was started, and the parent's end of its pipe.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) process: Process,
    pub(super) stream: UnixStream,
}

/// A child process that is killed and reaped when it is dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Option<Child>,
    graves: Sender<Child>,
}

impl Process {
    pub(super) fn id(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Ends the process now.
    pub(super) fn kill(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended by itself.
            drop(child.kill());
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if let Some(child) = self.child.take()
            && let Err(unsent) = self.graves.send(child)
        {
            let mut child = unsent.0;
            drop(child.wait());
        }
    }
}

/// What to do with a process once it has started.
type Then = Box<dyn FnOnce(io::Result<Started>) + Send>;

/// The two threads. They end once this and every process is dropped.
#[derive(Debug)]
pub(super) struct Starter {
    orders: Sender<Order>,
}

struct Order(Then);

impl Starter {
    /// # Errors
    /// If the operating system cannot spawn a thread.
    pub(super) fn new(program: PathBuf, room: usize) -> io::Result<Self> {
        let (orders, incoming) = channel::<Order>();
        let (graves, dead) = channel();
        thread::Builder::new()
            .name("script-starter".to_owned())
            .spawn(move || start_all(&program, room, &incoming, &graves))?;
        thread::Builder::new().name("script-reaper".to_owned()).spawn(move || reap_all(&dead))?;
        Ok(Self { orders })
    }

    /// Starts a process; `then` is called by the thread that did.
    pub(super) fn start(&self, then: impl FnOnce(io::Result<Started>) + Send + 'static) {
        if let Err(unsent) = self.orders.send(Order(Box::new(then))) {
            let Order(then) = unsent.0;
            then(Err(io::Error::other("its starter has ended")));
        }
    }
}

fn start_all(program: &PathBuf, room: usize, orders: &Receiver<Order>, graves: &Sender<Child>) {
    for Order(then) in orders {
        then(start(program, room, graves));
    }
}

fn reap_all(dead: &Receiver<Child>) {
    for mut child in dead {
        // It was killed; its exit status is of no use.
        drop(child.wait());
    }
}

/// Every other file of the server is closed on exec, as Rust opens it.
fn start(program: &PathBuf, room: usize, graves: &Sender<Child>) -> io::Result<Started> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut command = Command::new(program);
    command.arg(ARGUMENT).arg(room.to_string()).env_clear().env("TZ", "UTC0").current_dir("/");
    command.stdin(Stdio::from(OwnedFd::from(theirs))).stdout(Stdio::null()).stderr(Stdio::null());
    let child = with_small_pages(|| command.spawn())?;
    let process = Process { child: Some(child), graves: graves.clone() };
    ours.set_nonblocking(true)?;
    Ok(Started { process, stream: ours })
}

/// A worker touches little here and there: pages of 2 MiB would make it several times as large. That they are
/// not wanted is inherited, and must be set before the worker's allocator starts; for the server itself it
/// holds only for the moment.
#[cfg(target_os = "linux")]
fn with_small_pages<T>(start: impl FnOnce() -> T) -> T {
    use rustix::thread::{disable_transparent_huge_pages, transparent_huge_pages_are_disabled};
    let before = transparent_huge_pages_are_disabled().unwrap_or(true);
    disable_transparent_huge_pages(true).ok();
    let started = start();
    disable_transparent_huge_pages(before).ok();
    started
}

#[cfg(not(target_os = "linux"))]
fn with_small_pages<T>(start: impl FnOnce() -> T) -> T {
    start()
}
