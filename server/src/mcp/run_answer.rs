//! What the tools of runs answer: a run as REST shows it, or as much of it as an answer holds.

use floh_client::answers::RunView;
use rmcp::model::{CallToolResult, ContentBlock, Resource};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{answer, resources};
use crate::error::Error;

/// The maximum number of characters of an error in an answer that is shortened to its last.
const MAX_ERROR: usize = 200;

/// Returns the answer to a start. A run that ended without success is a call that failed.
pub(super) fn of_start(mut shown: Value) -> CallToolResult {
    let has_ended = matches!(shown["status"].as_str(), Some("failed" | "cancelled"));
    if !has_ended {
        return answer::of_json(shown);
    }
    let step = shown["failure"]["step"].as_str().map(|step| format!(" at step {step}")).unwrap_or_default();
    let status = shown["status"].as_str().unwrap_or_default();
    let message = shown["failure"]["message"].as_str().unwrap_or_default();
    let sentence = format!("The run was accepted and then {status}{step}: {message}");
    shown["success"] = Value::Bool(false);
    shown["error"] = Value::from(sentence);
    answer::of_failure(shown)
}

/// Returns a run. Of one of more than `limit` bytes parts are left out.
///
/// # Errors
/// Internal.
pub(super) fn of_run(view: RunView, limit: usize) -> Result<CallToolResult, Error> {
    let id = view.id.to_string();
    let mut shown = json!({});
    write(view, limit, &mut shown, &[])?;
    let is_short = shown.get("truncated").is_some();
    let mut answer = answer::of_json(shown);
    answer.content.extend(is_short.then(|| {
        let described = Resource::new(resources::run(&id), format!("run {id}"));
        ContentBlock::ResourceLink(described.with_description("The whole run").with_mime_type("application/json"))
    }));
    Ok(answer)
}

/// Takes the steps and the variables out of a run.
///
/// # Errors
/// Internal.
pub(super) fn leave_out_steps(view: &mut RunView) -> Result<(), Error> {
    view.steps = RawValue::from_string("null".to_owned()).map_err(Error::internal)?;
    view.variables = None;
    Ok(())
}

/// Writes the parts of a run into an object; all of them if none is named. What makes it larger than `limit` bytes is left out, and
/// `truncated` says so. Nothing of it is made a tree before.
///
/// # Errors
/// Internal.
pub(super) fn write(mut view: RunView, limit: usize, into: &mut Value, parts: &[&str]) -> Result<(), Error> {
    let whole = size(&view)?;
    if whole > limit {
        shorten(&mut view, limit)?;
        into["truncated"] = json!({ "bytes": whole, "resource": resources::run(&view.id.to_string()) });
    }
    let Value::Object(shown) = serde_json::to_value(&view).map_err(Error::internal)? else { return Ok(()) };
    let wanted = |name: &str| parts.is_empty() || parts.contains(&name);
    for (name, value) in shown.into_iter().filter(|(name, value)| wanted(name) && !value.is_null()) {
        into[&name] = value;
    }
    Ok(())
}

/// A way to make a run smaller.
type Way = fn(&mut RunView) -> Result<(), Error>;

/// Leaves out one kind of part after the other, the least missed one first, until the rest is small enough.
fn shorten(view: &mut RunView, limit: usize) -> Result<(), Error> {
    let ways: [Way; 5] = [
        |view| {
            for task in &mut view.tasks {
                task.omitted |= task.params.take().is_some();
            }
            Ok(())
        },
        |view| {
            for task in &mut view.tasks {
                task.omitted |= task.result.take().is_some();
            }
            Ok(())
        },
        |view| {
            view.variables = None;
            Ok(())
        },
        leave_out_steps,
        |view| {
            let cut = |error: &mut Option<String>| {
                *error = error.take().map(|text| text.chars().take(MAX_ERROR).collect());
            };
            for task in &mut view.tasks {
                cut(&mut task.error);
                let last = task.attempts.pop();
                task.attempts = last
                    .into_iter()
                    .map(|mut attempt| {
                        attempt.error = None;
                        attempt
                    })
                    .collect();
            }
            Ok(())
        },
    ];
    for way in ways {
        way(view)?;
        if size(view)? <= limit {
            break;
        }
    }
    Ok(())
}

fn size(view: &RunView) -> Result<usize, Error> {
    Ok(serde_json::to_string(view).map_err(Error::internal)?.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(payload: usize) -> RunView {
        let text = "x".repeat(payload);
        serde_json::from_value(json!({
            "id": "01900000-0000-7000-8000-000000000001", "status": "succeeded", "stepCount": 1, "position": 1,
            "token": { "tokenId": null, "name": "t" }, "source": "mcp", "requestId": "r", "resumes": 0,
            "createdAt": "2026-01-01T00:00:00Z", "steps": [{ "id": "a" }], "variables": { "n": 1 },
            "tasks": [{ "stepId": "a", "status": "succeeded", "params": { "p": text }, "result": { "success": true, "payload": text },
                "attempts": [{ "executionId": "01900000-0000-7000-8000-000000000002", "status": "succeeded", "startedAt": "2026-01-01T00:00:00Z" }] }],
        }))
        .unwrap()
    }

    #[test]
    fn a_small_run_is_shown_as_it_is() {
        let answer = of_run(view(10), 64 << 10).unwrap().structured_content.unwrap();
        assert_eq!((&answer["variables"]["n"], &answer["steps"][0]["id"]), (&json!(1), &json!("a")), "{answer}");
        assert!(
            answer["tasks"][0]["result"]["payload"] == "xxxxxxxxxx" && answer.get("truncated").is_none(),
            "{answer}"
        );
    }

    #[test]
    fn of_a_large_run_the_least_missed_parts_are_left_out_first() {
        let shown = |payload, limit| of_run(view(payload), limit).unwrap();
        let answer = shown(1_000, 2_000).structured_content.unwrap();
        let task = &answer["tasks"][0];
        assert!(
            task.get("params").is_none() && task["result"]["success"] == true && task["omitted"] == true,
            "{answer}"
        );
        let answer = shown(5_000, 2_000);
        let text = answer.structured_content.clone().unwrap();
        assert!(text["tasks"][0].get("result").is_none() && text["variables"]["n"] == 1, "{text}");
        assert!(text.to_string().len() < 2_000 && text["truncated"]["bytes"].as_u64().unwrap() > 10_000, "{text}");
        assert_eq!(text["truncated"]["resource"], "floh://runs/01900000-0000-7000-8000-000000000001");
        assert!(answer.content.iter().any(|block| matches!(block, ContentBlock::ResourceLink(_))));
        let least = shown(5_000, 10).structured_content.unwrap();
        assert!(least.get("steps").is_none() && least.get("variables").is_none(), "{least}");
        assert_eq!((&least["tasks"][0]["stepId"], &least["status"]), (&json!("a"), &json!("succeeded")));
    }

    #[test]
    fn a_run_that_failed_is_a_call_that_failed() {
        let shown = json!({ "runId": "r", "status": "failed", "failure": { "step": "b", "code": "step_failed", "message": "no luck" } });
        let answer = of_start(shown);
        let result = answer.structured_content.unwrap();
        assert_eq!((answer.is_error, &result["success"]), (Some(true), &json!(false)));
        assert_eq!(result["error"], "The run was accepted and then failed at step b: no luck");
        assert_eq!(of_start(json!({ "runId": "r", "status": "running" })).is_error, Some(false));
    }
}
