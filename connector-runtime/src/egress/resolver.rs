//! Look-ups: one per connection, and its answer is what is judged and dialled.
//!
//! A name could answer differently a moment later (rebinding), so nothing looks it up again. One refused
//! address refuses the whole name: a mixed answer is an attack or a mistake.

use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::policy::{Cleared, NameVerdict};
use super::{Policy, Rule};

/// The longest that a look-up may take.
const LONGEST: Duration = Duration::from_secs(5);
/// The most addresses that an answer may have.
const MOST_ANSWERS: usize = 16;
/// The most look-ups at a time: each holds a thread, and a slow DNS server must not take all of them.
const MOST_AT_ONCE: usize = 64;

pub(super) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Looks names up. The seam that lets tests answer in DNS's place.
pub(super) trait Resolve: Debug + Send + Sync {
    /// Returns the A and AAAA records of a name.
    fn resolve<'a>(&'a self, name: &'a str, verdict: NameVerdict) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// A look-up without an address that may be dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LookUpError {
    /// DNS gave no usable answer.
    Failed(Rule),
    /// The answer holds an address that the policy refuses.
    Refused(Rule),
}

impl LookUpError {
    pub(super) const fn rule(self) -> Rule {
        match self {
            Self::Failed(rule) | Self::Refused(rule) => rule,
        }
    }
}

/// Looks a name up once and judges every address of the answer.
pub(super) async fn look_up(
    resolver: &dyn Resolve,
    policy: &Policy,
    name: &str,
    port: u16,
    verdict: NameVerdict,
) -> Result<Vec<Cleared>, LookUpError> {
    let answer = tokio::time::timeout(LONGEST, resolver.resolve(name, verdict)).await;
    let addresses = match answer {
        Ok(Ok(addresses)) => addresses,
        Ok(Err(_)) => return Err(LookUpError::Failed(Rule::DnsFailed)),
        Err(_) => return Err(LookUpError::Failed(Rule::DnsTimeout)),
    };
    if addresses.is_empty() {
        return Err(LookUpError::Failed(Rule::DnsEmpty));
    }
    if addresses.len() > MOST_ANSWERS {
        return Err(LookUpError::Failed(Rule::DnsTooMany));
    }
    let judge = |address| policy.judge_address(address, Some(port), verdict);
    addresses.into_iter().map(judge).collect::<Result<_, _>>().map_err(LookUpError::Refused)
}

/// The system's resolver.
#[derive(Debug)]
pub(super) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str, verdict: NameVerdict) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        static THREADS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(MOST_AT_ONCE)));
        Box::pin(async move {
            let permit = Arc::clone(&THREADS).acquire_owned().await.map_err(io::Error::other)?;
            let name = name.to_owned();
            let look_up = move || {
                let _permit = permit; // held until the system answers, even if nobody waits any more
                system_look_up(&name, verdict)
            };
            tokio::task::spawn_blocking(look_up).await.map_err(io::Error::other)?
        })
    }
}

/// Asks the hosts file, then DNS for exactly this name.
///
/// A name that DNS does not know must not be tried below the machine's search domains, where it may mean
/// something internal; a final dot says so. Names that the operator opened are looked up as they are.
fn system_look_up(name: &str, verdict: NameVerdict) -> io::Result<Vec<IpAddr>> {
    if verdict == NameVerdict::Named || !cfg!(unix) {
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
