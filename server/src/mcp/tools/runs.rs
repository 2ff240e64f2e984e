//! Starting runs, and reading what became of them.

use std::time::Duration;

use floh_client::answers::RunView;
use rmcp::model::JsonObject;
use serde_json::{Value, json};
use uuid::Uuid;

use super::execution::bound_key;
use super::{Arguments, Outcome, ToolCall};
use crate::auth::{OpContext, Scope};
use crate::error::Error;
use crate::input;
use crate::mcp::confirmation::{Decision, Subject};
use crate::mcp::{answer, run_answer};
use crate::runs::{self, Deletion};
use crate::services::Services;

/// The longest time for which a call waits for the end of a run, in milliseconds. The schemas of the tools say it too.
const MAX_WAIT_MS: u64 = 20_000;
/// How many deleting steps a question names.
const MAX_NAMED: usize = 5;

/// Starts a run, and waits a while for its end.
pub(super) async fn start(mut call: ToolCall<'_>) -> Result<Outcome, Error> {
    let mut arguments = std::mem::take(&mut call.arguments);
    let mut named = Arguments::new(JsonObject::new());
    for name in ["idempotencyKey", "waitMs"] {
        if let Some(value) = arguments.shift_remove(name) {
            named.map.insert(name.to_owned(), value);
        }
    }
    let key = named.text("idempotencyKey");
    let wait = wait(&mut named).unwrap_or(Duration::from_millis(MAX_WAIT_MS));
    let body = super::as_body(&arguments);
    let mut run = input::new_run(&body)?;
    if let Err(error) = named.finish("") {
        run.mistakes.extend(error.mistakes().iter().cloned());
    }
    let ToolCall { ctx, app, settings, consent, key: beside, .. } = call;
    let services = app.services();
    let mut key = key.or(beside);
    let deletions = match run.mistakes.is_empty() {
        true => runs::deletions(ctx, services, &run.body).await?,
        // It is refused.
        false => Vec::new(),
    };
    if let Some(first) = deletions.first() {
        let name = subject(&deletions);
        let bound = [first.connector.as_str(), first.command.as_str()];
        let subject = Subject { name, bound, arguments: &arguments, shown: Value::Object(arguments.clone()) };
        match consent.decide(ctx, services, settings.confirm, &subject)? {
            Decision::Go => {}
            Decision::Agreed { once } => key = key.or(Some(once)),
            Decision::Refused(why) => return Ok(Outcome::Answer(answer::refusal(&why))),
            Decision::Ask(question) => return Ok(Outcome::Ask(question)),
        }
    }
    let keyed = key.map(|key| bound_key(key, &body)).transpose()?;
    let started = runs::start_run(ctx, services, run, keyed).await?.started;
    let mut shown = json!({ "runId": started.id, "status": started.status });
    // A run is on disk now. Whoever may not read it knows its id.
    if ctx.allows(Scope::RunsRead) {
        wait_for(ctx, services, started.id, wait).await?;
        let mut view = runs::get_run(ctx, services, started.id).await?;
        shown["status"] = json!(view.status);
        shown["tasks"] = json!([]);
        run_answer::leave_out_steps(&mut view)?;
        let limit = settings.result_limit;
        run_answer::write(view, limit, &mut shown, &["tasks", "failure"])?;
    }
    if !started.warnings.is_empty() {
        shown["warnings"] = json!(started.warnings);
    }
    Ok(Outcome::Answer(run_answer::of_start(shown)))
}

/// Reads a run.
pub(super) async fn get(call: ToolCall<'_>) -> Result<Outcome, Error> {
    let mut arguments = Arguments::new(call.arguments);
    let id = arguments.required("runId");
    let wait = wait(&mut arguments).unwrap_or_default();
    arguments.finish("runId, waitMs")?;
    let (ctx, services) = (call.ctx, call.app.services());
    let id = parsed(&id)?;
    wait_for(ctx, services, id, wait).await?;
    let view = runs::get_run(ctx, services, id).await?;
    Ok(Outcome::Answer(run_answer::of_run(view, call.settings.result_limit)?))
}

/// Returns a run that the caller may read.
pub(in crate::mcp) async fn record(ctx: &OpContext, services: &Services, id: &str) -> Result<RunView, Error> {
    runs::get_run(ctx, services, parsed(id)?).await
}

fn parsed(id: &str) -> Result<Uuid, Error> {
    Uuid::try_parse(id).map_err(|_| Error::not_found(format!("there is no run {id} that this token may read")))
}

fn wait(arguments: &mut Arguments) -> Option<Duration> {
    let wait = arguments.number("waitMs", 0, MAX_WAIT_MS)?;
    Some(Duration::from_millis(u64::try_from(wait).unwrap_or(MAX_WAIT_MS)))
}

/// Waits until a run has ended, the time is up, or nobody waits any more. The run goes on then.
async fn wait_for(ctx: &OpContext, services: &Services, id: Uuid, wait: Duration) -> Result<(), Error> {
    if wait.is_zero() {
        return Ok(());
    }
    let gone = async {
        match ctx.cancel() {
            Some(cancel) => cancel.cancelled().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        waited = runs::wait_for_run(ctx, services, id, wait) => waited.map(|_| ()),
        () = gone => Ok(()),
    }
}

/// Names the deleting steps of a run, in a sentence that goes on with what is asked about them.
fn subject(deletions: &[Deletion]) -> String {
    let named = deletions.iter().take(MAX_NAMED);
    let mut names: Vec<String> =
        named.map(|one| format!("step {} ({} of {})", one.step, one.command, one.connector)).collect();
    if deletions.len() > MAX_NAMED {
        names.push(format!("{} more steps", deletions.len() - MAX_NAMED));
    }
    format!("a run with {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_names_a_few_steps() {
        let one = |number: usize| Deletion {
            step: format!("s{number}"),
            connector: "crm".to_owned(),
            command: "drop".to_owned(),
        };
        assert_eq!(subject(&[one(1)]), "a run with step s1 (drop of crm)");
        let many: Vec<Deletion> = (0..MAX_NAMED + 2).map(one).collect();
        let text = subject(&many);
        assert!(text.ends_with("step s4 (drop of crm), 2 more steps"), "{text}");
    }
}
