//! A way between agent and server that ends after so many bytes, as if the wire had been cut there: what came
//! before the cut arrives whole, what comes after it never does, in either direction.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use test_support::{Listener, within_bound};

/// Which way the bytes are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    ToServer,
    ToAgent,
}

/// Where connections are cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    pub(crate) direction: Direction,
    pub(crate) after: usize,
    /// How many connections are cut there, one after another; later ones are not touched.
    pub(crate) times: usize,
    /// Whether connections after that get through.
    pub(crate) opens_again: bool,
}

/// What went over the first connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Passed {
    pub(crate) to_server: Vec<u8>,
    pub(crate) to_agent: Vec<u8>,
    /// How many connections were cut.
    pub(crate) cuts: usize,
}

/// The way. It is closed when this is dropped.
pub(crate) struct Recorder {
    pub(crate) address: SocketAddr,
    passed: Arc<watch::Sender<Passed>>,
    _listener: Listener,
}

impl Recorder {
    pub(crate) async fn open(server: SocketAddr, cut: Option<Cut>) -> Self {
        let passed = Arc::new(watch::Sender::new(Passed::default()));
        let listener = Listener::start(|listener| accept(listener, server, cut, Arc::clone(&passed))).await;
        Self { address: listener.address(), passed, _listener: listener }
    }

    pub(crate) fn passed(&self) -> Passed {
        self.passed.borrow().clone()
    }

    /// Waits until what passed is as it should be.
    pub(crate) async fn until(&self, what: &str, is: impl FnMut(&Passed) -> bool) {
        let mut passed = self.passed.subscribe();
        drop(within_bound(what, passed.wait_for(is)).await.unwrap());
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, cut: Option<Cut>, passed: Arc<watch::Sender<Passed>>) {
    let mut connections = JoinSet::new();
    for number in 0_usize.. {
        let agent = listener.accept().await.unwrap().0;
        let here = cut.filter(|cut| number < cut.times);
        if here.is_none() && cut.is_some_and(|cut| !cut.opens_again) {
            continue;
        }
        let server = TcpStream::connect(server).await.unwrap();
        connections.spawn(pass(agent, server, here, number == 0, Arc::clone(&passed)));
    }
}

async fn pass(agent: TcpStream, server: TcpStream, cut: Option<Cut>, first: bool, passed: Arc<watch::Sender<Passed>>) {
    agent.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let (mut from_agent, mut to_agent) = agent.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let left = |direction| cut.filter(|cut| cut.direction == direction).map(|cut| cut.after);
    let note = |bytes: &[u8], direction| {
        if first {
            passed.send_modify(|passed| match direction {
                Direction::ToServer => passed.to_server.extend_from_slice(bytes),
                Direction::ToAgent => passed.to_agent.extend_from_slice(bytes),
            });
        }
    };
    let was_cut = tokio::select! {
        was_cut = copy(&mut from_agent, &mut to_server, left(Direction::ToServer), |bytes| note(bytes, Direction::ToServer)) => was_cut,
        was_cut = copy(&mut from_server, &mut to_agent, left(Direction::ToAgent), |bytes| note(bytes, Direction::ToAgent)) => was_cut,
    };
    if was_cut {
        passed.send_modify(|passed| passed.cuts += 1);
    }
    // A socket that is dropped with bytes unread takes back what it has sent; so both ends are told that it is
    // over, and what they still say is read away.
    let rest = async |from: &mut (dyn AsyncRead + Send + Unpin)| {
        let mut unheard = [0; 1024];
        while from.read(&mut unheard).await.is_ok_and(|bytes| bytes > 0) {}
    };
    drop((to_agent.shutdown().await, to_server.shutdown().await));
    tokio::join!(rest(&mut from_agent), rest(&mut from_server));
}

/// Copies until one side ends, or until there is nothing left of what may pass; returns whether it is that.
async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    mut left: Option<usize>,
    note: impl Fn(&[u8]),
) -> bool {
    let mut buffer = [0; 4096];
    loop {
        let most = left.unwrap_or(buffer.len()).min(buffer.len());
        if most == 0 {
            return true;
        }
        let Ok(bytes @ 1..) = from.read(&mut buffer[..most]).await else { return false };
        // Noted before it goes: whoever sees its effect finds it noted.
        note(&buffer[..bytes]);
        if to.write_all(&buffer[..bytes]).await.is_err() {
            return false;
        }
        left = left.map(|left| left - bytes);
    }
}

/// Keeps what several tasks found, for one look at the end.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<std::collections::BTreeMap<&'static str, usize>>);

impl Tally {
    pub(crate) fn count(&self, what: &'static str) {
        *self.0.lock().unwrap().entry(what).or_default() += 1;
    }

    pub(crate) fn of(&self, what: &'static str) -> usize {
        self.0.lock().unwrap().get(what).copied().unwrap_or_default()
    }
}
