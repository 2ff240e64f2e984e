//! `/api/status`: how the servers, the database and the queues are.

use axum::extract::State;
use floh_client::answers::StatusView;

use super::Problem;
use crate::app::App;
use crate::auth::OpContext;
use crate::status;

const TAG: &str = "server";

/// Read how the servers, the database, the queues and the recurring work are. It answers within a second, also while the
/// database is silent: `problems` names what could not be read.
#[utoipa::path(get, path = "/api/status", tag = TAG, responses((status = 200, body = StatusView)))]
pub(super) async fn read(ctx: OpContext, State(app): State<App>) -> Result<axum::Json<StatusView>, Problem> {
    Ok(axum::Json(status::read_status(&ctx, app.services(), app.own_state()).await?))
}
