//! What was typed into the steps of a form, kept on the server until the form is accepted.

use std::sync::Arc;

use floh_client::bodies::NewConnector;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::form::Typed;
use crate::api::Problem;
use crate::auth::OpContext;
use crate::drafts::{self, Made};
use crate::error::Error;
use crate::services::Services;
use crate::store::DraftHead;

/// A draft that was not used yet.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) id: Uuid,
    revision: i64,
    /// What was typed so far.
    pub(super) typed: Typed,
    /// The document that belongs to it; empty if none does.
    pub(super) document: Arc<Vec<u8>>,
}

impl Draft {
    /// A draft that is not kept yet.
    pub(super) fn unsaved(typed: Typed, document: Vec<u8>) -> Self {
        Self { id: Uuid::nil(), revision: 0, typed, document: Arc::new(document) }
    }
}

/// What a draft is now.
#[derive(Debug)]
pub(super) enum Found {
    Draft(Draft),
    /// It was used already; this names what it made.
    Used(String),
}

/// A draft that was begun and not finished, for a list.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) head: DraftHead,
    /// What it is to become, if that was typed and can be told cheaply.
    pub(super) name: Option<String>,
}

/// The input of a draft with a name for it, as long as nobody has typed one.
pub(super) const TITLE: &str = "title";
/// The maximum number of bytes of a draft that is opened to name it in a list.
const MAX_NAMED_BYTES: u64 = 1 << 20;

/// Lists the drafts of a kind that were not used, the last saved first.
pub(super) async fn begun(ctx: &OpContext, services: &Services, kind: &str) -> Result<Vec<Begun>, Error> {
    let heads = drafts::list_drafts(ctx, services).await?;
    let mut begun = Vec::new();
    for head in heads.into_iter().filter(|head| head.kind == kind) {
        let name = if head.bytes <= MAX_NAMED_BYTES { name_of(ctx, services, head.id, kind).await? } else { None };
        begun.push(Begun { head, name });
    }
    Ok(begun)
}

/// Returns what a draft is to become: the name that was typed, or what it says of itself.
async fn name_of(ctx: &OpContext, services: &Services, id: Uuid, kind: &str) -> Result<Option<String>, Error> {
    let typed = match read(ctx, services, id, kind).await {
        Ok(Found::Draft(draft)) => draft.typed,
        Ok(Found::Used(_)) => return Ok(None),
        Err(error) if error.code() == "not_found" => return Ok(None),
        Err(error) => return Err(error),
    };
    let named = ["/name", TITLE].map(|place| typed.text(place).trim());
    Ok(named.into_iter().find(|name| !name.is_empty()).map(str::to_owned))
}

/// Reads the draft that a page is of. What is said of one that is gone names the way to begin again.
pub(super) async fn open(
    ctx: &OpContext,
    services: &Services,
    id: &str,
    kind: &str,
    way: &str,
) -> Result<Found, Problem> {
    let id = crate::api::uuid(id, "draft")?;
    let gone = || format!("this draft is gone: it was dropped, or 24 hours have passed. Begin again with {way}");
    let found = read(ctx, services, id, kind).await;
    Ok(found.map_err(|error| if error.code() == "not_found" { Error::not_found(gone()) } else { error })?)
}

/// Begins a draft of a kind.
pub(super) async fn create(ctx: &OpContext, services: &Services, kind: &str, typed: Typed) -> Result<Draft, Error> {
    create_with(ctx, services, kind, typed, Vec::new()).await
}

/// Begins a draft of a kind that a document belongs to.
pub(super) async fn create_with(
    ctx: &OpContext,
    services: &Services,
    kind: &str,
    typed: Typed,
    document: Vec<u8>,
) -> Result<Draft, Error> {
    let head = drafts::make_draft(ctx, services, kind, written(&typed, &document)?).await?;
    Ok(Draft { id: head.id, revision: head.revision, typed, document: Arc::new(document) })
}

/// Reads a draft of a kind.
pub(super) async fn read(ctx: &OpContext, services: &Services, id: Uuid, kind: &str) -> Result<Found, Error> {
    let draft = drafts::read_draft(ctx, services, id).await?;
    if draft.head.kind != kind {
        return Err(Error::not_found(format!("the draft {id} is one of another form")));
    }
    match (draft.content, draft.head.result) {
        (Some(content), _) => {
            // What was typed, then the document.
            let mut values = serde_json::Deserializer::from_slice(&content).into_iter::<Typed>();
            let typed = values.next().transpose().map_err(Error::internal)?.unwrap_or_default();
            let document = Arc::new(content.get(values.byte_offset()..).unwrap_or_default().to_vec());
            Ok(Found::Draft(Draft { id, revision: draft.head.revision, typed, document }))
        }
        (None, result) => Ok(Found::Used(result.unwrap_or_default())),
    }
}

/// Replaces what was typed.
pub(super) async fn save(ctx: &OpContext, services: &Services, draft: Draft, typed: Typed) -> Result<Draft, Error> {
    let document = Arc::clone(&draft.document);
    save_with(ctx, services, draft, typed, document).await
}

/// Replaces what was typed and the document.
pub(super) async fn save_with(
    ctx: &OpContext,
    services: &Services,
    draft: Draft,
    typed: Typed,
    document: Arc<Vec<u8>>,
) -> Result<Draft, Error> {
    let content = written(&typed, &document)?;
    let revision = drafts::save_draft(ctx, services, draft.id, draft.revision, content).await?;
    Ok(Draft { id: draft.id, revision, typed, document })
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

fn written(typed: &Typed, document: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut content = Zeroizing::new(serde_json::to_vec(typed).map_err(Error::internal)?);
    content.extend_from_slice(document);
    Ok(content)
}
