//! Streams on which a client hears that the list of tools has changed.

use std::time::Duration;

use futures_util::FutureExt as _;
use rmcp::ErrorData;
use rmcp::service::SubscriptionContext;

use super::limits::Limits;
use crate::app::App;
use crate::auth::OpContext;
use crate::changes::{Change, Subject};
use crate::events::{Event, Told};

/// How long changes are gathered before they are told: an import makes many.
const GATHERED: Duration = Duration::from_millis(250);

/// Tells a client of changes until it goes, its token ends, or the server stops.
///
/// # Errors
/// If the token has too many such streams.
pub(super) async fn listen(
    app: &App,
    ctx: &OpContext,
    limits: &Limits,
    subscription: SubscriptionContext,
) -> Result<(), ErrorData> {
    let token = ctx.token_id().unwrap_or_default();
    let Some(_open) = limits.listen(token) else {
        let most = super::limits::MAX_LISTENERS;
        return Err(ErrorData::invalid_request(
            format!("this token listens on {most} streams already; close one"),
            None,
        ));
    };
    let mut watcher = app.events.watch();
    let ended = async {
        let Some(identity) = ctx.identity() else { return std::future::pending().await };
        tokio::select! {
            () = identity.revoked().cancelled() => {}
            () = until(identity.expires_at) => {}
        }
    };
    tokio::pin!(ended);
    loop {
        let told = tokio::select! {
            told = watcher.next() => told,
            () = subscription.cancelled() => return Ok(()),
            () = app.stopping.cancelled() => return Ok(()),
            () = &mut ended => return Ok(()),
        };
        let is_of_tools = match told {
            None => return Ok(()),
            Some(Told::Lost(_)) => true,
            Some(Told::Event(event)) => match &*event {
                Event::Changed(change) => changes_tools(change),
                Event::ChangesMissed => true,
                Event::ExecutionFinished(_) | Event::RunMoved { .. } => false,
            },
        };
        if !is_of_tools {
            continue;
        }
        tokio::time::sleep(GATHERED).await;
        // What came meanwhile is told with it.
        while let Some(more) = watcher.next().now_or_never() {
            if more.is_none() {
                return Ok(());
            }
        }
        if subscription.sink().notify_tool_list_changed().await.is_err() {
            return Ok(());
        }
    }
}

fn changes_tools(change: &Change) -> bool {
    matches!(change.subject, Subject::Connector { .. } | Subject::ConnectorType { .. })
}

/// Waits until a time; for ever without one.
async fn until(time: Option<jiff::Timestamp>) {
    let Some(time) = time else { return std::future::pending().await };
    let left = time.duration_since(jiff::Timestamp::now());
    tokio::time::sleep(Duration::try_from(left).unwrap_or_default()).await;
}
