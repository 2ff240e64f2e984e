//! The memory of the server, in MB: that of its own (`RssAnon`), with the pages of its program (`VmRSS`), and of a worker that waits
//! for a script.

use crate::Ratio;
use crate::process::Process;

/// What it holds when it has started.
pub(crate) fn at_start(floh: &Process) -> Vec<Ratio> {
    let mut ratios =
        vec![told("memory_at_start_mb", floh.kb("RssAnon")), told("memory_with_program_mb", floh.kb("VmRSS"))];
    ratios.extend(floh.own_kb_of_children().into_iter().reduce(f64::max).map(|kb| told("spare_worker_mb", kb)));
    ratios
}

/// What it holds after the calls.
pub(crate) fn after_calls(floh: &Process) -> Vec<Ratio> {
    vec![told("memory_after_calls_mb", floh.kb("RssAnon"))]
}

fn told(name: &str, kb: f64) -> Ratio {
    println!("{name:<28} {:>8.1}", kb / 1e3);
    Ratio::new(name, kb / 1e3)
}
