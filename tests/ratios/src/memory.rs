//! The memory of the server, in MB: that of its own (`RssAnon`), with the pages of its program (`VmRSS`), and of a worker that waits
//! for a script.

use std::time::{Duration, Instant};

use measure::http::ready;
use measure::process::Process;

use crate::Ratio;

/// How often the memory is read.
const EVERY: Duration = Duration::from_millis(250);
/// How long it must not have fallen: the server gives freed memory back every five seconds. It is probed meanwhile, as a server at
/// rest is.
const SETTLED: Duration = Duration::from_secs(12);
/// How long that is waited for at most.
const MAX_WAIT: Duration = Duration::from_secs(40);

/// What it holds when it has started, and has given back what the start took.
pub(crate) async fn at_start(floh: &Process) -> Vec<Ratio> {
    settle(floh).await;
    let mut ratios =
        vec![told("memory_at_start_mb", floh.kb("RssAnon")), told("memory_with_program_mb", floh.kb("VmRSS"))];
    ratios.extend(floh.own_kb_of_children().into_iter().reduce(f64::max).map(|kb| told("spare_worker_mb", kb)));
    ratios
}

/// What it holds after the calls.
pub(crate) async fn after_calls(floh: &Process) -> Vec<Ratio> {
    settle(floh).await;
    vec![told("memory_after_calls_mb", floh.kb("RssAnon"))]
}

async fn settle(floh: &Process) {
    let begun = Instant::now();
    let (mut least, mut since) = (f64::MAX, begun);
    while since.elapsed() < SETTLED && begun.elapsed() < MAX_WAIT {
        let now = floh.kb("RssAnon");
        if now < least {
            (least, since) = (now, Instant::now());
        }
        ready(floh.address).await;
        tokio::time::sleep(EVERY).await;
    }
}

fn told(name: &str, kb: f64) -> Ratio {
    println!("{name:<28} {:>8.1}", kb / 1e3);
    Ratio::new(name, kb / 1e3)
}
