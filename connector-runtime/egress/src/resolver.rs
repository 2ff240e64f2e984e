//! Looks a name up once for each connection; the same answer is judged and dialled.
//!
//! A name could have another answer a moment later (rebinding), so it is not looked up again. One refused
//! address refuses the whole name: a mixed answer is an attack or a mistake.

use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};

use super::policy::{Clearance, Cleared};
use super::{Policy, Rule};

/// The longest that a look-up may take.
pub(super) const MAX_LENGTH: Duration = Duration::from_secs(5);
/// The most addresses of a kind that an answer may have; large clouds give 16 A records.
const MAX_ANSWERS: usize = 16;
/// The most look-ups at the same time: each holds a thread, and a slow DNS server must not take all of them.
const MAX_AT_ONCE: usize = 128;

pub(super) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Looks names up. A trait, so that tests can answer instead of DNS.
pub(super) trait Resolve: Debug + Send + Sync {
    /// Returns the A and AAAA records of a name.
    fn resolve<'a>(&'a self, name: &'a str, clearance: Clearance) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// Looks a name up once; fails with the rule that the answer breaks.
pub(super) async fn look_up(resolver: &dyn Resolve, name: &str, clearance: Clearance) -> Result<Vec<IpAddr>, Rule> {
    let answer = tokio::time::timeout(MAX_LENGTH, resolver.resolve(name, clearance)).await;
    answer.map_or(Err(Rule::DnsTimeout), judge_count)
}

/// Refuses an answer with no address or with too many.
pub(super) fn judge_count(answer: io::Result<Vec<IpAddr>>) -> Result<Vec<IpAddr>, Rule> {
    match answer {
        Ok(addresses) if addresses.is_empty() => Err(Rule::DnsEmpty),
        Ok(addresses) if too_many(&addresses) => Err(Rule::DnsTooMany),
        Ok(addresses) => Ok(addresses),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(Rule::DnsTimeout),
        Err(_) => Err(Rule::DnsFailed),
    }
}

fn too_many(addresses: &[IpAddr]) -> bool {
    let v4 = addresses.iter().filter(|address| address.is_ipv4()).count();
    v4.max(addresses.len() - v4) > MAX_ANSWERS
}

/// Judges every address of an answer; one refused address refuses all.
pub(super) fn clear(policy: &Policy, answer: &[IpAddr], port: u16, clearance: Clearance) -> Result<Vec<Cleared>, Rule> {
    let judge = |address: &IpAddr| policy.judge_address(*address, Some(port), clearance);
    answer.iter().map(judge).collect()
}

/// The system's resolver.
#[derive(Debug)]
pub(super) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str, clearance: Clearance) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        static THREADS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(MAX_AT_ONCE)));
        Box::pin(async move {
            // Whoever asked has gone when the time is over, and then nothing needs to be looked up.
            let permit = tokio::time::timeout(MAX_LENGTH, Arc::clone(&THREADS).acquire_owned()).await?;
            let permit = permit.map_err(io::Error::other)?;
            let name = name.to_owned();
            let (answer, answered) = oneshot::channel();
            // A thread of its own: the runtime's blocking threads hold up its shutdown, and a slow DNS server
            // with them. The permit is held until the system answers, even if the caller has stopped waiting.
            let look_up = move || {
                let found = system_look_up(&name, clearance);
                drop(permit);
                drop(answer.send(found));
            };
            thread::Builder::new().name("egress-dns".to_owned()).spawn(look_up)?;
            answered.await.map_err(io::Error::other)?
        })
    }
}

/// Asks the hosts file, then DNS for exactly this name.
///
/// A name that DNS does not know must not be tried below the machine's search domains, where it may mean
/// something internal; a final dot says so. Names that the operator opened are looked up as they are.
fn system_look_up(name: &str, clearance: Clearance) -> io::Result<Vec<IpAddr>> {
    if clearance == Clearance::Opened || !cfg!(unix) {
        return ask(name);
    }
    let in_hosts = hosts_file(&std::fs::read_to_string("/etc/hosts").unwrap_or_default(), name);
    if in_hosts.is_empty() { ask(&format!("{name}.")) } else { Ok(in_hosts) }
}

fn ask(name: &str) -> io::Result<Vec<IpAddr>> {
    Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
}

/// Returns the addresses that a hosts file (`man 5 hosts`) gives a name.
pub(super) fn hosts_file(text: &str, name: &str) -> Vec<IpAddr> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    lines
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let address = words.next()?.parse().ok()?;
            words.any(|word| word.eq_ignore_ascii_case(name)).then_some(address)
        })
        .collect()
}
