//! A script's worker beside the bare engine, which evaluates the same text in a new runtime each time, without any wall or limit. The
//! worker's sandbox keeps valgrind out, so this is CPU beside CPU, in turns so short that what else the machine does meets both.

use std::process::ExitCode;
use std::time::Duration;

use measure::process::Process;
use rquickjs::{Context, Runtime};

use crate::load::{Call, make_rows};
use crate::{Ratio, cpu_of_runs};

/// Calls of a turn.
const CALLS: u32 = 192;
const TURNS: u32 = 20;

/// A hundred rows, as an author would write them.
pub(crate) const SCRIPT: &str = "
var ROWS = [];
for (var i = 0; i < 100; i++) {
  ROWS.push({ id: 'emp-' + (1000 + i), name: 'Name ' + i, salary: 50000 + i * 125.5, active: i % 7 !== 0 });
}
function listRows() { return { success: true, payload: { rows: ROWS, total: ROWS.length } }; }
";

/// Measures both.
pub(crate) async fn measure(floh: &Process) -> Ratio {
    let own = std::env::current_exe().expect("the path of this program");
    make_rows(floh.address).await;
    let call = Call::script(floh.address);
    call.make(CALLS).await;
    let (all_before, worker_before) = (floh.cpu(), floh.cpu_of_children());
    let mut engine = Duration::ZERO;
    for _ in 0..TURNS {
        call.make(CALLS).await;
        engine += cpu_of_runs(1, &own, &["script", &CALLS.to_string()]);
    }
    let us = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(CALLS * TURNS);
    let (all, worker) = (us(floh.cpu() - all_before), us(floh.cpu_of_children() - worker_before));
    println!("{:<28} {all:>8.1} us of CPU, its worker {worker:.1}, the bare engine {:.1}", call.name, us(engine));
    Ratio::new("script_worker", worker / us(engine))
}

/// Evaluates the script a number of times, each with the answer's text.
pub(crate) fn evaluate(times: u32) -> ExitCode {
    let source = format!("{SCRIPT}JSON.stringify(listRows())");
    let lengths: usize = (0..times).map(|_| answer(&source).len()).sum();
    println!("{lengths}");
    ExitCode::SUCCESS
}

fn answer(source: &str) -> String {
    let runtime = Runtime::new().expect("a runtime");
    let context = Context::full(&runtime).expect("a context");
    context.with(|ctx| ctx.eval(source).expect("a text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_answers_a_hundred_rows() {
        let text = answer(&format!("{SCRIPT}JSON.stringify(listRows())"));
        assert!(text.starts_with(r#"{"success":true,"payload":{"rows":[{"id":"emp-1000""#), "{text}");
        assert!(text.ends_with(r#""total":100}}"#), "{text}");
    }
}
