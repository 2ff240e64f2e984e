//! `/api/audit`: who changed what.

use axum::extract::State;
use floh_client::AuditFilter;
use floh_client::answers::{AuditEntry, Page};
use floh_client::words::{AuditAction, AuditSubject, ExecutionSource};

use super::Problem;
use super::page::Query;
use crate::audit;
use crate::auth::OpContext;
use crate::services::Services;

const TAG: &str = "audit";

/// List changes of connectors, secrets, types, tokens, settings and agents, newest first.
#[utoipa::path(get, path = "/api/audit", tag = TAG,
    params(("subject" = Option<AuditSubject>, Query), ("connector" = Option<String>, Query, description = "Id or name"),
        ("type" = Option<String>, Query, description = "Id or name"), ("action" = Option<AuditAction>, Query),
        ("token" = Option<String>, Query, description = "Id or name of the token that made the change"),
        ("source" = Option<ExecutionSource>, Query), ("requestId" = Option<String>, Query),
        ("since" = Option<Timestamp>, Query), ("until" = Option<Timestamp>, Query, description = "Excluded"),
        ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<AuditEntry>)))]
pub(super) async fn list(
    ctx: OpContext,
    State(services): State<Services>,
    mut query: Query,
) -> Result<axum::Json<Page<AuditEntry>>, Problem> {
    let filter = AuditFilter {
        subject: query.parsed("subject"),
        connector: query.text("connector"),
        type_name: query.text("type"),
        action: query.parsed("action"),
        token: query.text("token"),
        source: query.parsed("source"),
        request_id: query.text("requestId"),
        since: query.parsed("since"),
        until: query.parsed("until"),
    };
    let page = query.page();
    query.finish()?;
    Ok(axum::Json(audit::list_audit(&ctx, &services, &filter, &page).await?))
}
