//! Measures the program `floh` beside bare equivalents and compares the ratios with the committed ones (docs/performance.toml).
//!
//! `ratios FLOH RATIOS`: `FLOH` is the program, as it is released; `RATIOS` the file. A ratio that is more than 15 % above its
//! committed value is measured twice more; if it never comes below, the end is a failure. With `--write` the file is written
//! instead, with the highest of three measurements, so that what changes from one to the next is no regression.
//!
//! Programs are processes of their own, measured by their instructions and system calls as valgrind counts them, by their memory and,
//! where a sandbox keeps valgrind out, their CPU time as the system counts them. The least of the rounds counts: what else the
//! machine does only adds.

mod bare;
mod calls;
mod committed;
mod counted;
mod import;
mod instructions;
mod load;
mod memory;
mod script;

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use measure::process::cpu_of_ended_children;

use self::committed::Committed;

/// The program's allocator, for both sides.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often a ratio that is too high is measured at most.
const TRIES: usize = 3;

/// A measured ratio.
#[derive(Debug, Clone)]
pub(crate) struct Ratio {
    /// Its name in the file.
    pub(crate) name: String,
    /// What it is: times the bare equivalent, or what its name says.
    pub(crate) value: f64,
}

impl Ratio {
    pub(crate) fn new(name: &str, value: f64) -> Self {
        Self { name: name.to_owned(), value }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["bare"] => bare::serve(),
        ["parse", path] => import::parse(Path::new(path)),
        ["script", times] => script::evaluate(times.parse().expect("a number")),
        [floh, ratios] => compare(Path::new(floh), Path::new(ratios)),
        ["--write", floh, ratios] => {
            let mut highest = measure(Path::new(floh));
            for _ in 1..TRIES {
                merge(&mut highest, measure(Path::new(floh)), f64::max);
            }
            Committed::new(&highest).write(Path::new(ratios));
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("usage: ratios [--write] FLOH RATIOS");
            ExitCode::FAILURE
        }
    }
}

fn compare(floh: &Path, ratios: &Path) -> ExitCode {
    let committed = Committed::read(ratios);
    let mut least = measure(floh);
    for _ in 1..TRIES {
        if committed.regressions(&least).is_empty() {
            break;
        }
        println!("measured again, because of: {}", committed.regressions(&least).join("; "));
        merge(&mut least, measure(floh), f64::min);
    }
    committed.print(&least);
    let regressions = committed.regressions(&least);
    if regressions.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("slower or larger than committed: {}", regressions.join("; "));
    eprintln!(
        "mend it, or write down why in docs/performance.md and commit the new ratios: ratios --write FLOH RATIOS"
    );
    ExitCode::FAILURE
}

/// Keeps of each ratio one of two values.
fn merge(known: &mut [Ratio], again: Vec<Ratio>, kept: fn(f64, f64) -> f64) {
    for Ratio { name, value } in again {
        if let Some(known) = known.iter_mut().find(|known| known.name == name) {
            known.value = kept(known.value, value);
        }
    }
}

fn measure(floh: &Path) -> Vec<Ratio> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let mut measured = runtime.block_on(calls::measure(floh));
    measured.extend(runtime.block_on(instructions::measure(floh)));
    measured.extend(import::measure(floh));
    measured
}

/// Runs a program to its end, several times; returns the CPU time of each.
fn cpu_of_runs(times: u32, program: &Path, arguments: &[&str]) -> Duration {
    let before = cpu_of_ended_children(None);
    for _ in 0..times {
        let status = Command::new(program).args(arguments).stdout(Stdio::null()).status().expect("starts");
        assert!(status.success(), "{}: {status}", program.display());
    }
    (cpu_of_ended_children(None) - before) / times
}
