//! What was typed into the steps of a form, kept on the server until the form is accepted.

use floh_client::bodies::NewConnector;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::form::Typed;
use crate::auth::OpContext;
use crate::drafts::{self, Made};
use crate::error::Error;
use crate::services::Services;

/// A draft that was not used yet.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) id: Uuid,
    revision: i64,
    /// What was typed so far.
    pub(super) typed: Typed,
}

/// What a draft is now.
#[derive(Debug)]
pub(super) enum Found {
    Draft(Draft),
    /// It was used already; this names what it made.
    Used(String),
}

/// Begins a draft of a kind.
pub(super) async fn create(ctx: &OpContext, services: &Services, kind: &str, typed: Typed) -> Result<Draft, Error> {
    let head = drafts::make_draft(ctx, services, kind, written(&typed)?).await?;
    Ok(Draft { id: head.id, revision: head.revision, typed })
}

/// Reads a draft of a kind.
pub(super) async fn read(ctx: &OpContext, services: &Services, id: Uuid, kind: &str) -> Result<Found, Error> {
    let draft = drafts::read_draft(ctx, services, id).await?;
    if draft.head.kind != kind {
        return Err(Error::not_found(format!("the draft {id} is one of another form")));
    }
    match (draft.content, draft.head.result) {
        (Some(content), _) => {
            let typed = serde_json::from_slice(&content).map_err(Error::internal)?;
            Ok(Found::Draft(Draft { id, revision: draft.head.revision, typed }))
        }
        (None, result) => Ok(Found::Used(result.unwrap_or_default())),
    }
}

/// Replaces what was typed.
pub(super) async fn save(ctx: &OpContext, services: &Services, draft: Draft, typed: Typed) -> Result<Draft, Error> {
    let revision = drafts::save_draft(ctx, services, draft.id, draft.revision, written(&typed)?).await?;
    Ok(Draft { id: draft.id, revision, typed })
}

/// Deletes a draft; one that is gone already is none to delete.
pub(super) async fn delete(ctx: &OpContext, services: &Services, id: Uuid) -> Result<(), Error> {
    match drafts::delete_draft(ctx, services, id).await {
        Err(error) if error.code() == "not_found" => Ok(()),
        other => other,
    }
}

/// Makes a connector from a draft, once. Returns what names the connector, also if an earlier request has made it.
pub(super) async fn create_connector(
    ctx: &OpContext,
    services: &Services,
    draft: &Draft,
    new: NewConnector,
) -> Result<String, Error> {
    Ok(match drafts::create_from_draft(ctx, services, draft.id, draft.revision, new).await? {
        Made::Now(view) => view.name,
        Made::Before(name) => name,
    })
}

fn written(typed: &Typed) -> Result<Zeroizing<Vec<u8>>, Error> {
    Ok(Zeroizing::new(serde_json::to_vec(typed).map_err(Error::internal)?))
}
