//! Calls over HTTP of a server that nothing slows down: the CPU time of one, and the memory of the server before and after them.

use std::path::Path;
use std::time::Duration;

use measure::process::Process;

use crate::load::{Call, make_pause};
use crate::{Ratio, memory, script};

/// Calls of a round, of all connections together.
const CALLS: u32 = 12_800;
const ROUNDS: usize = 6;

/// Measures calls and memory. The CPU time of compiled commands is told alone: what is compared are their
/// [`instructions`](crate::instructions).
pub(crate) async fn measure(floh: &Path) -> Vec<Ratio> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data_dir = folder.path().join("data");
    let own = std::env::current_exe().expect("the path of this program");
    let bare = Process::start(&own, &["bare"]);
    let floh = Process::serve(floh, &data_dir, None);
    let mut ratios = memory::at_start(&floh).await;
    make_pause(floh.address).await;
    let calls = [
        (&bare, Call::bare(bare.address)),
        (&floh, Call::reading(floh.address)),
        (&floh, Call::mocked(floh.address)),
        (&floh, Call::refused(floh.address)),
    ];
    let mut least = [Duration::MAX; 4];
    for _ in 0..ROUNDS {
        for ((process, call), least) in calls.iter().zip(&mut least) {
            let before = process.cpu();
            call.make(CALLS).await;
            // None if a worker ended meanwhile: it is counted nowhere until its parent knows.
            *least = process.cpu().checked_sub(before).map_or(*least, |spent| (*least).min(spent / CALLS));
        }
    }
    for ((_, call), least) in calls.iter().zip(least) {
        println!("{:<28} {:>8.1} us of CPU", call.name, least.as_secs_f64() * 1e6);
    }
    ratios.push(script::measure(&floh).await);
    ratios.extend(memory::after_calls(&floh).await);
    ratios
}
