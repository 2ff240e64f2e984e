//! `/api/runs`: checks the steps of a run, starts it, and tells what became of it.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use floh_client::RunFilter;
use floh_client::answers::{CheckedRun, Page, RunSummary, RunView, StartedRun};
use floh_client::bodies::{NewRun, ResumeRun};
use floh_client::words::RunStatus;

use super::connectors::{idempotency_key, uuid};
use super::json::json;
use super::page::Query;
use super::path::PathKey;
use super::{JsonBytes, Problem};
use crate::auth::OpContext;
use crate::error::Error;
use crate::execute::{CallFingerprint, KeyedCall};
use crate::input;
use crate::runs::{self, AcceptedRun, MAX_RUN_BYTES, MAX_RUN_WAIT};
use crate::services::Services;

const TAG: &str = "runs";
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Check the steps of a run, or a definition with its inputs. Nothing is started and nothing is called; 200 also if there are errors.
#[utoipa::path(post, path = "/api/runs/check", tag = TAG, request_body = inline(NewRun),
    responses((status = 200, body = CheckedRun), (status = 404, description = "There is no such definition.")))]
pub(super) async fn check(
    ctx: OpContext,
    State(services): State<Services>,
    body: JsonBytes<MAX_RUN_BYTES>,
) -> Result<Response, Problem> {
    let (ctx, run) = body.parse(ctx, input::new_run).await?;
    json(runs::check_run(&ctx, &services, run).await?).await
}

/// Start a run. What the check refuses is 422, and nothing is called then; a run that was accepted is on disk.
#[utoipa::path(post, path = "/api/runs", tag = TAG,
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = r"^[ -~]+$")),
    request_body = inline(NewRun),
    responses((status = 202, description = "The run is accepted and on disk.", body = StartedRun, headers(("Location" = String, description = "Where the run is"), ("Idempotency-Replayed"))),
        (status = 404, description = "There is no such definition."),
        (status = 409, description = "A start under the same key is at work, or its answer is not kept any more."),
        (status = 503, description = "Too many runs have not ended, or the run could not be written.")))]
pub(super) async fn start(
    ctx: OpContext,
    State(services): State<Services>,
    headers: HeaderMap,
    body: JsonBytes<MAX_RUN_BYTES>,
) -> Result<Response, Problem> {
    let key = idempotency_key(&headers)?;
    let parse = move |text: &[u8]| {
        let keyed = key.map(|key| KeyedCall { key, fingerprint: CallFingerprint::of_json(text) });
        Ok((input::new_run(text)?, keyed))
    };
    let (ctx, (run, keyed)) = body.parse(ctx, parse).await?;
    let AcceptedRun { started, is_replayed } = runs::start_run(&ctx, &services, run, keyed).await?;
    let location = HeaderValue::from_str(&format!("/api/runs/{}", started.id)).map_err(Error::internal)?;
    let mut response = (StatusCode::ACCEPTED, [(header::LOCATION, location)], axum::Json(started)).into_response();
    if is_replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// List runs, newest first, without their steps, variables and tasks. A page may have fewer than `limit`, or none, although
/// `nextCursor` leads on: a bounded number of rows is looked at for each.
#[utoipa::path(get, path = "/api/runs", tag = TAG,
    params(("status" = Option<Vec<RunStatus>>, Query, description = "Any of these: given several times, or separated by commas"),
        ("definition" = Option<String>, Query), ("connector" = Option<String>, Query, description = "A name that a step has"),
        ("token" = Option<Uuid>, Query, description = "Id of the token that started it"),
        ("since" = Option<Timestamp>, Query), ("until" = Option<Timestamp>, Query, description = "Excluded"),
        ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<RunSummary>)))]
pub(super) async fn list(
    ctx: OpContext,
    State(services): State<Services>,
    mut query: Query,
) -> Result<axum::Json<Page<RunSummary>>, Problem> {
    let filter = RunFilter {
        status: query.list("status"),
        definition: query.text("definition"),
        connector: query.text("connector"),
        token: query.parsed("token"),
        since: query.parsed("since"),
        until: query.parsed("until"),
    };
    let page = query.page();
    query.finish()?;
    Ok(axum::Json(runs::list_runs(&ctx, &services, &filter, &page).await?))
}

/// Read a run. With `waitMs` the answer comes when the run has ended, or when the time is up.
#[utoipa::path(get, path = "/api/runs/{id}", tag = TAG,
    params(("id" = Uuid, Path), ("waitMs" = Option<u64>, Query, maximum = 60000)),
    responses((status = 200, body = RunView)))]
pub(super) async fn read(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(id): PathKey,
    mut query: Query,
) -> Result<Response, Problem> {
    let wait = query.number("waitMs", u64::try_from(MAX_RUN_WAIT.as_millis()).unwrap_or(u64::MAX));
    query.finish()?;
    let id = uuid(&id, "run")?;
    if let Some(ms) = wait.filter(|ms| *ms > 0) {
        runs::wait_for_run(&ctx, &services, id, Duration::from_millis(ms)).await?;
    }
    json(runs::get_run(&ctx, &services, id).await?).await
}

/// Cancel a run. The call at work is cut; `status` in the answer is `cancelled`, or `running` until that is done.
#[utoipa::path(post, path = "/api/runs/{id}/cancel", tag = TAG, params(("id" = Uuid, Path)),
    responses((status = 202, description = "It has ended, or its server was told.", body = StartedRun), (status = 409, description = "It has ended.")))]
pub(super) async fn cancel(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(id): PathKey,
) -> Result<Response, Problem> {
    let cancelled = runs::cancel_run(&ctx, &services, uuid(&id, "run")?).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(cancelled)).into_response())
}

/// Resume a failed or cancelled run with the step at which it ended. Its steps are checked again first.
#[utoipa::path(post, path = "/api/runs/{id}/resume", tag = TAG, params(("id" = Uuid, Path)),
    request_body = inline(ResumeRun),
    responses((status = 202, description = "It goes on.", body = StartedRun),
        (status = 409, description = "It has not ended without success, or the body does not say what to do with an unknown outcome."),
        (status = 410, description = "Its variables are no longer kept.")))]
pub(super) async fn resume(
    ctx: OpContext,
    State(services): State<Services>,
    PathKey(id): PathKey,
    body: JsonBytes,
) -> Result<Response, Problem> {
    let (ctx, resume) = body.parse(ctx, input::resume_run).await?;
    let resumed = runs::resume_run(&ctx, &services, uuid(&id, "run")?, resume).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(resumed)).into_response())
}
