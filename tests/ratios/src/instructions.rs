//! The instructions of a call beside those of the bare handler, under the same load; and the system calls of one.

use std::path::Path;

use measure::http::ready;

use crate::Ratio;
use crate::counted::Counted;
use crate::load::{Call, make_pause};

/// Calls of a round.
const CALLS: u32 = 1_280;
/// Calls before a round, so that its connections and its statements are not the first of all.
const WARM_UP: u32 = 64;
const ROUNDS: usize = 2;

/// Measures calls.
pub(crate) async fn measure(floh: &Path) -> Vec<Ratio> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data_dir = folder.path().join("data");
    let data_dir = data_dir.to_str().expect("a path in UTF-8");
    let own = std::env::current_exe().expect("the path of this program");
    let bare = Counted::start(&own, &["bare"]);
    let (floor, calls_of_bare) = each(&bare, &Call::bare(bare.process.address)).await;
    println!("{:<28} {floor:>8.0} instructions, {calls_of_bare:.2} system calls", "bare");
    drop(bare);

    let floh = Counted::start(floh, &["serve", "--listen", "127.0.0.1:0", "--log", "error", "--data-dir", data_dir]);
    let address = floh.process.address;
    ready(address).await;
    make_pause(address).await;
    let mut ratios = Vec::new();
    for call in [Call::reading(address), Call::mocked(address), Call::refused(address)] {
        let (instructions, system_calls) = each(&floh, &call).await;
        println!("{:<28} {instructions:>8.0} instructions, {system_calls:.2} system calls", call.name);
        ratios.push(Ratio::new(call.name, instructions / floor));
        ratios.push(Ratio::new(&format!("{}_system_calls", call.name), system_calls));
    }
    ratios
}

/// Returns the least instructions and system calls of a call in some rounds.
async fn each(counted: &Counted, call: &Call) -> (f64, f64) {
    let (mut instructions, mut system_calls) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        call.make(WARM_UP).await;
        let mut place = 0;
        let before = counted.count(&mut place);
        call.make(CALLS).await;
        let after = counted.count(&mut place);
        // None if a thread ended meanwhile: valgrind tells the counts of those that are there.
        if let Some(spent) = after.instructions.checked_sub(before.instructions) {
            instructions = instructions.min(spent as f64 / f64::from(CALLS));
        }
        system_calls = system_calls.min(after.system_calls as f64 / f64::from(CALLS));
    }
    (instructions, system_calls)
}
