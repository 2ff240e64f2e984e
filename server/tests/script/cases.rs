//! A larger set of hostile scripts, run where it exists: compile with `FLOH_SCRIPT_CASES` naming a file of
//! `{ id, src, expect }`. `FLOH_SCRIPT_CASES_TIMES` repeats it.

use std::time::{Duration, Instant};

use serde::Deserialize;
use server::script::{ScriptFailure, judge};

use super::support::{Call, Host, SLACK, healthy, settings, shared};

/// Names of what the engine has, not the script.
const FOREIGN: &[&str] = &["constructor", "eval", "__proto__", "toString"];

#[derive(Deserialize)]
struct Case {
    id: String,
    src: String,
    expect: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_of_the_file() {
    let Some(path) = option_env!("FLOH_SCRIPT_CASES") else {
        println!("skipped: the cases of a file, as FLOH_SCRIPT_CASES named none when this was compiled");
        return;
    };
    let times: u32 = option_env!("FLOH_SCRIPT_CASES_TIMES").map_or(1, |times| times.parse().unwrap());
    let cases: Vec<Case> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let pool = shared(settings());
    let (mut wrong, mut worst) = (Vec::new(), Duration::ZERO);
    for round in 0..times {
        for Case { id, src, expect } in &cases {
            let slow = Host { silent: id == "esc-19", ..Host::default() };
            let connector = if id.starts_with("iso") { "iso" } else { "one" };
            // Its source says which command it is about.
            let command = if id == "err-11" { FOREIGN[round as usize % FOREIGN.len()] } else { "main" };
            let call = Call::new(src).within(250).of(connector).command(command);
            let began = Instant::now();
            let ran = call.run(&pool, &slow).await;
            let took = began.elapsed();
            worst = worst.max(took.saturating_sub(call.timeout));
            let class = match &ran {
                Ok(ran) if judge(&ran.json).success => "ok",
                // A failure that the script returned itself, or a result that is refused.
                Ok(_) => "ok|protocol",
                Err(failure) => class_of(failure),
            };
            let wanted = expect.split(':').next().unwrap_or_default();
            let met = wanted.split('|').any(|one| class.split('|').any(|class| class == one.trim()));
            if !met || took > call.timeout + SLACK {
                wrong.push(format!("{round} {id}: {class} after {took:?}, expected {expect}: {ran:?}"));
            }
            healthy(&pool).await;
        }
    }
    println!("{} cases, {times} times, worst overrun {worst:?}", cases.len());
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// The words of the file for our classes.
fn class_of(failure: &ScriptFailure) -> &'static str {
    match failure {
        ScriptFailure::Thrown(error) if error.name == "HttpError" => "script_error|protocol",
        ScriptFailure::Thrown(_) | ScriptFailure::Syntax(_) => "script_error",
        ScriptFailure::Result { .. } | ScriptFailure::NoCommand { .. } => "protocol",
        other => other.class(),
    }
}
