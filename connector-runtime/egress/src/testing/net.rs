//! A network in memory: names answer what a test says, dialled addresses are recorded and lead to loopback.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use rustls::pki_types::CertificateDer;
use tokio::net::TcpStream;

use crate::connection_opener::ConnectionOpener;
use crate::dialer::Dial;
use crate::memory::MemoryBudget;
use crate::policy::Clearance;
use crate::resolver::{BoxFuture, Resolve};
use crate::{Client, Policy};

/// A public address that names lead to unless a test says otherwise.
pub const PUBLIC: &str = "93.184.215.14";

/// What a name answers to one look-up.
#[derive(Clone, Debug)]
pub enum Answer {
    Addresses(Vec<IpAddr>),
    Unknown,
    Never,
}

#[derive(Debug, Default)]
struct State {
    names: HashMap<String, VecDeque<Answer>>,
    routes: HashMap<SocketAddr, SocketAddr>,
    anywhere: Option<SocketAddr>,
    silent: HashSet<SocketAddr>,
    looked_up: Vec<String>,
    dialled: Vec<SocketAddr>,
}

/// The recording resolver and dialer.
#[derive(Clone, Debug, Default)]
pub struct Net(Arc<Mutex<State>>);

impl Net {
    /// Adds an answer to a name; the last one repeats.
    pub fn name(&self, name: &str, answer: Answer) -> &Self {
        self.0.lock().unwrap().names.entry(name.to_owned()).or_default().push_back(answer);
        self
    }

    /// Adds an answer of addresses to a name.
    pub fn host(&self, name: &str, addresses: &[&str]) -> &Self {
        self.name(name, Answer::Addresses(addresses.iter().map(|text| text.parse().unwrap()).collect()))
    }

    /// Leads a dialled address to a server on loopback.
    pub fn route(&self, dialled: &str, to: SocketAddr) -> &Self {
        self.0.lock().unwrap().routes.insert(dialled.parse().unwrap(), to);
        self
    }

    /// Leads every other dialled address to a server on loopback.
    pub fn route_all(&self, to: SocketAddr) -> &Self {
        self.0.lock().unwrap().anywhere = Some(to);
        self
    }

    /// Makes an address swallow what is sent to it.
    pub fn silent(&self, dialled: &str) -> &Self {
        self.0.lock().unwrap().silent.insert(dialled.parse().unwrap());
        self
    }

    pub fn dialled(&self) -> Vec<SocketAddr> {
        self.0.lock().unwrap().dialled.clone()
    }

    pub fn looked_up(&self) -> Vec<String> {
        self.0.lock().unwrap().looked_up.clone()
    }

    pub fn client(&self, policy: Policy) -> Client {
        self.build(policy, Vec::new(), MemoryBudget::unlimited())
    }

    /// Returns a client that trusts an authority besides the system's.
    pub fn client_trusting(&self, policy: Policy, root: &CertificateDer<'static>) -> Client {
        self.build(policy, vec![root.clone()], MemoryBudget::unlimited())
    }

    /// Returns a client whose answers count against a budget.
    pub fn client_with_memory(&self, policy: Policy, memory: MemoryBudget) -> Client {
        self.build(policy, Vec::new(), memory)
    }

    fn build(&self, policy: Policy, roots: Vec<CertificateDer<'static>>, memory: MemoryBudget) -> Client {
        let (resolver, dialer) = (Arc::new(self.clone()), Arc::new(self.clone()));
        Client::over(ConnectionOpener::new(policy, resolver, dialer, roots), memory)
    }
}

impl Resolve for Net {
    fn resolve<'a>(&'a self, name: &'a str, _: Clearance) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        let answer = {
            let mut state = self.0.lock().unwrap();
            state.looked_up.push(name.to_owned());
            match state.names.get_mut(name) {
                Some(answers) if answers.len() > 1 => answers.pop_front(),
                Some(answers) => answers.front().cloned(),
                None => None,
            }
        };
        Box::pin(async move {
            match answer {
                Some(Answer::Addresses(addresses)) => Ok(addresses),
                Some(Answer::Never) => std::future::pending().await,
                Some(Answer::Unknown) | None => Err(io::Error::other("no such name")),
            }
        })
    }
}

impl Dial for Net {
    fn dial(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<TcpStream>> {
        let mut state = self.0.lock().unwrap();
        state.dialled.push(address);
        let silent = state.silent.contains(&address);
        let to = state.routes.get(&address).copied().or(state.anywhere);
        Box::pin(async move {
            match to {
                _ if silent => std::future::pending().await,
                Some(to) => TcpStream::connect(to).await,
                None => Err(io::ErrorKind::ConnectionRefused.into()),
            }
        })
    }
}
