//! What counts as a problem: what somebody should look at. Servers of several releases are none, as an upgrade has them.

use floh_client::answers::{NatsStatus, QueuesStatus, RecurringTask, StatusPart, StatusProblem, StatusView};

use crate::services::Services;
use crate::store::Reading;

/// Returns what is wrong, what the server itself is in trouble with first.
pub(super) fn of(services: &Services, view: &StatusView, reading: &Reading, is_stopping: bool) -> Vec<StatusProblem> {
    let mut found = Vec::new();
    let mut add = |part, reason: String| found.push(StatusProblem { part, reason });
    if is_stopping {
        add(StatusPart::Server, "the server is stopping".to_owned());
    }
    if view.servers.iter().any(|server| server.answers && server.lease_remaining_ms == 0) {
        let reason = "its lease on the database is over: other servers take up its runs and settle its calls";
        add(StatusPart::Server, reason.to_owned());
    }
    full_queues(&view.queues).for_each(|reason| add(StatusPart::Server, reason));
    if let Err(why) = reading.servers {
        add(StatusPart::Servers, format!("the servers could not be read: {why}"));
    }
    if let Some(why) = reading.bytes.err().or(reading.migration.err()) {
        add(StatusPart::Database, format!("its size and its migration could not be read: {why}"));
    }
    if let Some(why) = services.recorder.trouble() {
        add(StatusPart::Recorder, format!("executions were not recorded: {why}"));
    } else if services.recorder.is_closed() && !is_stopping {
        add(StatusPart::Recorder, "executions are no longer recorded; restart the server".to_owned());
    }
    if services.store.idempotency().is_full() {
        let reason = "as many idempotency keys are kept as may be, so calls with new keys are refused; see --key-rows";
        add(StatusPart::Keys, reason.to_owned());
    }
    view.tasks.iter().filter_map(failure).for_each(|reason| add(StatusPart::Tasks, reason));
    if let NatsStatus::Away { reason, .. } = &view.nats {
        add(StatusPart::Nats, format!("agents at other servers are not reached: {reason}"));
    }
    found
}

fn failure(task: &RecurringTask) -> Option<String> {
    task.failure().map(|error| format!("{}: {error}", task.name))
}

fn full_queues(queues: &QueuesStatus) -> impl Iterator<Item = String> + use<> {
    let QueuesStatus { recorder, calls, runs, .. } = *queues;
    [
        (calls.at_work, calls.max, "calls are at work"),
        (recorder.waiting, recorder.max, "rows wait to be recorded"),
        (runs.unfinished, runs.max, "runs have not ended"),
    ]
    .into_iter()
    .filter(|(now, max, _)| now >= max)
    .map(|(_, max, what)| format!("{max} {what}, and more are refused"))
}
