//! The memory of the server, in MB: that of its own (`RssAnon`), with the pages of its program (`VmRSS`), and of a worker that waits
//! for a script.

use std::thread;
use std::time::{Duration, Instant};

use crate::Ratio;
use crate::process::Process;

/// How often the memory is read.
const EVERY: Duration = Duration::from_millis(250);
/// How long it must not have fallen: freed memory goes back to the system a second later.
const SETTLED: Duration = Duration::from_secs(3);
/// How long that is waited for at most.
const MAX_WAIT: Duration = Duration::from_secs(20);

/// What it holds when it has started, and has given back what the start took.
pub(crate) fn at_start(floh: &Process) -> Vec<Ratio> {
    settle(floh);
    let mut ratios =
        vec![told("memory_at_start_mb", floh.kb("RssAnon")), told("memory_with_program_mb", floh.kb("VmRSS"))];
    ratios.extend(floh.own_kb_of_children().into_iter().reduce(f64::max).map(|kb| told("spare_worker_mb", kb)));
    ratios
}

/// What it holds after the calls.
pub(crate) fn after_calls(floh: &Process) -> Vec<Ratio> {
    settle(floh);
    vec![told("memory_after_calls_mb", floh.kb("RssAnon"))]
}

fn settle(floh: &Process) {
    let begun = Instant::now();
    let (mut least, mut since) = (f64::MAX, begun);
    while since.elapsed() < SETTLED && begun.elapsed() < MAX_WAIT {
        let now = floh.kb("RssAnon");
        if now < least {
            (least, since) = (now, Instant::now());
        }
        thread::sleep(EVERY);
    }
}

fn told(name: &str, kb: f64) -> Ratio {
    println!("{name:<28} {:>8.1}", kb / 1e3);
    Ratio::new(name, kb / 1e3)
}
