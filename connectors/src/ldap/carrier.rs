//! Carries messages between an open connection and the socket that the client library reads.

use std::collections::VecDeque;
use std::io;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::{Arc, Mutex, OnceLock};

use connector_runtime::egress::Wire;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use super::ber::{self, Answers, Broken};

/// The most bytes of entries that wait for whoever reads a search: what comes beyond waits at the directory.
const MAX_WAITING_BYTES: u32 = 8 * 1024 * 1024;

/// The bytes that are read at once: messages are short, and each is read part by part.
const BUFFER_BYTES: usize = 64 * 1024;

/// Carries messages until it is dropped.
#[derive(Debug)]
pub(super) struct Carrier {
    state: Arc<State>,
    carrying: AbortHandle,
}

#[derive(Debug)]
struct State {
    expected: Mutex<Answers>,
    broken: OnceLock<Broken>,
    /// The bytes that may still wait.
    room: Semaphore,
    /// The bytes of each entry that waits.
    waiting: Mutex<VecDeque<u32>>,
}

impl Carrier {
    /// Begins to carry, and returns the socket for the library.
    pub(super) fn begin(wire: Wire) -> io::Result<(StdUnixStream, Self)> {
        let (ours, theirs) = UnixStream::pair()?;
        let state = State {
            expected: Mutex::new(Answers(&[])),
            broken: OnceLock::new(),
            room: Semaphore::new(MAX_WAITING_BYTES as usize),
            waiting: Mutex::default(),
        };
        let state = Arc::new(state);
        let carrying = tokio::spawn(carry(wire, ours, Arc::clone(&state))).abort_handle();
        Ok((theirs.into_std()?, Self { state, carrying }))
    }

    /// Says what may be answered from now on.
    pub(super) fn expect(&self, answers: Answers) {
        *lock(&self.state.expected) = answers;
    }

    /// Notes that an entry was read, so that the next one may come.
    pub(super) fn took_entry(&self) {
        if let Some(bytes) = lock(&self.state.waiting).pop_front() {
            self.state.room.add_permits(bytes as usize);
        }
    }

    /// Returns why the connection was closed from here, or what the directory said when it closed it.
    pub(super) fn broken(&self) -> Option<&Broken> {
        self.state.broken.get()
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

async fn carry(wire: Wire, library: UnixStream, state: Arc<State>) {
    let meter = wire.meter();
    let (incoming, mut outgoing) = tokio::io::split(wire);
    let mut incoming = BufReader::with_capacity(BUFFER_BYTES, incoming);
    let (mut sent, mut received) = tokio::io::split(library);
    let ended = tokio::select! {
        // The library has closed its side: there is nobody to answer.
        _ = tokio::io::copy(&mut sent, &mut outgoing) => None,
        broken = pass_answers(&mut incoming, &mut received, &state) => Some(broken),
    };
    if let Some(broken) = ended {
        state.broken.get_or_init(|| if meter.is_over() { Broken::TooLarge } else { broken });
    }
    // However the other end takes it: nothing more is said.
    drop(outgoing.shutdown().await);
}

/// Passes answers on until one is broken, or none come any more.
async fn pass_answers(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    state: &State,
) -> Broken {
    loop {
        let message = match ber::read_message(from).await {
            Ok(Some(message)) => message,
            Ok(None) => return Broken::Ended(String::new()),
            Err(broken) => return broken,
        };
        let expected = *lock(&state.expected);
        match ber::check(&message, expected) {
            Ok(ber::ENTRY) => {
                let bytes = u32::try_from(message.len()).unwrap_or(u32::MAX).min(MAX_WAITING_BYTES);
                let Ok(room) = state.room.acquire_many(bytes).await else { return Broken::Malformed };
                room.forget();
                lock(&state.waiting).push_back(bytes);
            }
            Ok(_) => {}
            Err(broken) => return broken,
        }
        if to.write_all(&message).await.is_err() {
            return Broken::Ended(String::new());
        }
    }
}
