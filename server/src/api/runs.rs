//! `/api/runs`: checks the steps of a run before it starts.

use axum::extract::State;
use axum::response::Response;
use floh_client::answers::CheckedRun;
use floh_client::bodies::RunCheck;

use super::json::json;
use super::{JsonBytes, Problem};
use crate::auth::OpContext;
use crate::input;
use crate::runs::{self, MAX_RUN_BYTES};
use crate::services::Services;

/// Check the steps of a run. Nothing is started and nothing is called; 200 also if there are errors.
#[utoipa::path(post, path = "/api/runs/check", tag = "runs", request_body = inline(RunCheck),
    responses((status = 200, body = CheckedRun)))]
pub(super) async fn check(
    ctx: OpContext,
    State(services): State<Services>,
    body: JsonBytes<MAX_RUN_BYTES>,
) -> Result<Response, Problem> {
    let (ctx, run) = body.parse(ctx, input::run_check).await?;
    json(runs::check_run(&ctx, &services, run).await?).await
}
