//! Waits for the end of a run and shows its steps meanwhile. The run goes on whatever happens here.

use std::process::ExitCode;
use std::time::Duration;

use floh_client::answers::RunView;
use floh_client::words::RunStatus;
use floh_client::{Client, ClientError};
use jiff::Timestamp;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use uuid::Uuid;

use super::lines::{Style, advice, outcome};
use super::live::Live;
use crate::cli::export::unreachable;
use crate::cli::{CliError, print, print_note};

/// How long the server may wait for the end before it answers how the run stands.
const LOOK: Duration = Duration::from_millis(250);
/// The same while the run waits for a time that is not near.
const LOOK_WAITING: Duration = Duration::from_secs(1);
/// How often the step at work is drawn.
const DRAW: Duration = Duration::from_millis(120);
/// For how long a server that does not answer is asked again: it may be restarted.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long to wait before it is asked again.
const PAUSE: Duration = Duration::from_millis(500);
/// The exit code after Ctrl-C, as shells have it.
const INTERRUPTED: u8 = 130;

/// Watches a run until it has ended: 0 if it succeeded, else 1.
pub(super) async fn watch(server: &Client, id: Uuid, json: bool) -> Result<ExitCode, CliError> {
    let mut live = (!json).then(Live::new);
    let ended = tokio::select! {
        ended = follow(server, id, &mut live) => ended,
        _ = tokio::signal::ctrl_c() => Ok(None),
    };
    if let Some(live) = &mut live {
        live.clear();
    }
    let run = match ended {
        Ok(Some(run)) => run,
        Ok(None) => {
            print_note(goes_on(id));
            return Ok(ExitCode::from(INTERRUPTED));
        }
        Err(error) => {
            if is_passing(&error) {
                print_note(goes_on(id));
            }
            return Err(unreachable(&error));
        }
    };
    if json {
        print(serde_json::to_string(&run).map_err(CliError::failed)?);
    } else {
        print(outcome(&run, Timestamp::now(), Style::of_stdout()));
        if let Some(advice) = advice(&run) {
            print_note(advice);
        }
    }
    Ok(if run.status == RunStatus::Succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn goes_on(id: Uuid) -> String {
    format!("the run goes on; look at it with `floh run get {id} --wait`, end it with `floh run cancel {id}`")
}

/// Asks until the run has ended.
async fn follow(server: &Client, id: Uuid, live: &mut Option<Live>) -> Result<Option<RunView>, ClientError> {
    let mut known: Option<RunView> = None;
    let mut silent_since: Option<Instant> = None;
    let mut ticks = interval(DRAW);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        // What is there is shown first.
        let look = known.as_ref().map_or(Duration::ZERO, |run| look(run, Timestamp::now()));
        let is_silent = silent_since.is_some();
        let asked = async {
            if is_silent {
                sleep(PAUSE).await;
            }
            server.get_run(id, Some(look)).await
        };
        tokio::pin!(asked);
        let answer = loop {
            tokio::select! {
                answer = &mut asked => break answer,
                _ = ticks.tick() => if let (Some(live), Some(run)) = (live.as_mut(), &known) { live.tick(run) },
            }
        };
        match answer {
            Ok(run) => {
                silent_since = None;
                if let Some(live) = live {
                    live.show(&run);
                }
                if run.status.is_ended() {
                    return Ok(Some(run));
                }
                known = Some(run);
            }
            Err(error) if is_passing(&error) => {
                if silent_since.is_none() {
                    if let Some(live) = live {
                        live.clear();
                    }
                    print_note("the server does not answer; the run is kept, and it is asked again");
                }
                if silent_since.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// Returns for how long the server may wait for the end of a run that goes on.
fn look(run: &RunView, now: Timestamp) -> Duration {
    match (run.status, run.due_at) {
        (RunStatus::Waiting, Some(due)) => {
            let left = due.as_millisecond().saturating_sub(now.as_millisecond());
            Duration::from_millis(u64::try_from(left).unwrap_or_default()).clamp(LOOK, LOOK_WAITING)
        }
        _ => LOOK,
    }
}

/// Returns whether the server may answer later.
fn is_passing(error: &ClientError) -> bool {
    matches!(error, ClientError::Transport { .. }) || error.problem().is_some_and(|problem| problem.status == 503)
}
