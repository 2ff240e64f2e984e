//! The use cases of drafts: what a form of several steps in the web pages has so far, and what a program has parsed and not yet
//! created (`kept_import`). A draft belongs to the token that made it, is sealed, and is used up by what it makes, so that a
//! form that is sent twice makes one thing.

mod kept_import;

use connector_runtime::egress::memory::Reserved;
use floh_client::answers::{ChangedType, ConnectorView};
use floh_client::bodies::{NewConnector, TypeChange};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::auth::{OpContext, Scope};
use crate::blocking;
use crate::catalog::{self, ChangeBond};
use crate::error::{Error, ErrorKind};
use crate::input::Unchecked;
use crate::services::Services;
use crate::store::{self, DraftHead, DraftLimits, DraftRow, DraftUse, StoreError, VersionSource};
use crate::vault::Place;

pub use self::kept_import::{
    KEPT_IMPORT_LIFE, KeptConnector, KeptImport, KeptOperation, KeptTotals, MAX_ANSWER_BYTES, MAX_KEPT_IMPORTS,
    MAX_SHOWN_FIELDS, MAX_SHOWN_OPERATIONS, MAX_SHOWN_WARNINGS, ParseWish, ShownField, create_from_kept,
    parse_and_keep, read_kept,
};

/// The maximum number of drafts of a token that were not used.
pub const MAX_DRAFTS: u64 = 20;
/// The maximum number of bytes of the drafts of a token: one document of an import and what was chosen in it, twice.
pub const MAX_DRAFT_BYTES: u64 = 128 << 20;
/// How long a draft is kept after it was last saved or used.
pub const DRAFT_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// The maximum number of bytes of a sealed draft that is opened without counting its memory: those of forms, without a document.
const MAX_UNCOUNTED_BYTES: usize = 256 << 10;
/// How often the bytes of a sealed draft are in memory while it is opened: as text, as bytes, and opened.
const OPENED: usize = 3;

const LIMITS: DraftLimits = DraftLimits { drafts: MAX_DRAFTS, bytes: MAX_DRAFT_BYTES };
const TABLE: &str = "ui_draft";
const FIELD: &str = "sealed";

/// A draft and its content. `Debug` omits the content.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    /// What is known of it without its content.
    pub head: DraftHead,
    /// The content, as it was saved; `None` once the draft was used: then `head.result` says what it made.
    pub content: Option<Zeroizing<Vec<u8>>>,
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Draft").field("head", &self.head).finish_non_exhaustive()
    }
}

/// What came of a draft that was used.
#[derive(Debug, Clone, PartialEq)]
pub enum Made<T> {
    /// This was made.
    Now(T),
    /// It was used before; this says what it made then. For a connector it is the id.
    Before(String),
}

/// Makes a draft; `kind` names the form that it belongs to.
///
/// # Errors
/// Denied; conflict `too_many_drafts` if the token keeps too many or too large ones.
pub async fn make_draft(
    ctx: &OpContext,
    services: &Services,
    kind: &str,
    content: Zeroizing<Vec<u8>>,
) -> Result<DraftHead, Error> {
    let token_id = owner(ctx)?;
    let now = store::now();
    let (id, bytes) = (store::new_id(), content.len() as u64);
    refuse_too_large(bytes)?;
    let sealed = seal(services, id, content).await?;
    let (kind, result) = (kind.to_owned(), None);
    let head = DraftHead { id, kind, revision: 1, bytes, result, created_at: now, updated_at: now };
    let row = DraftRow { head, sealed };
    services.store.drafts().create(token_id, &row, LIMITS).await.map_err(said)?;
    Ok(row.head)
}

/// Returns a draft of the actor's token with its content.
///
/// # Errors
/// Denied; not found, also if it is another token's or too old; unavailable if there is no memory to open a large one.
pub async fn read_draft(ctx: &OpContext, services: &Services, id: Uuid) -> Result<Draft, Error> {
    let token_id = owner(ctx)?;
    let DraftRow { head, sealed } = services.store.drafts().get(token_id, id, oldest()).await.map_err(said)?;
    if head.result.is_some() {
        return Ok(Draft { head, content: None });
    }
    let (vault, memory) = (services.vault.clone(), services.work.memory.clone());
    let content = blocking::run(move || {
        let _reserved = match sealed.len() {
            length if length <= MAX_UNCOUNTED_BYTES => Reserved::nothing(),
            length => memory.reserve(length.saturating_mul(OPENED))?,
        };
        vault.open(&place(&id.to_string()), &sealed).map_err(Error::internal)
    })
    .await?;
    Ok(Draft { head, content: Some(content) })
}

/// Lists the drafts of the actor's token that were not used, the last saved first, without their contents.
///
/// # Errors
/// Denied.
pub async fn list_drafts(ctx: &OpContext, services: &Services) -> Result<Vec<DraftHead>, Error> {
    Ok(services.store.drafts().list(owner(ctx)?, oldest()).await?)
}

/// Replaces the content of a draft that has the revision; returns the new one.
///
/// # Errors
/// Denied; not found; stale if it was saved since, as by another tab; conflict `draft_used` or `too_many_drafts`.
pub async fn save_draft(
    ctx: &OpContext,
    services: &Services,
    id: Uuid,
    revision: i64,
    content: Zeroizing<Vec<u8>>,
) -> Result<i64, Error> {
    let draft = DraftUse { token_id: owner(ctx)?, id, revision };
    let bytes = content.len() as u64;
    refuse_too_large(bytes)?;
    let sealed = seal(services, id, content).await?;
    services.store.drafts().save(&draft, &sealed, bytes, LIMITS, store::now()).await.map_err(said)
}

/// Deletes a draft of the actor's token.
///
/// # Errors
/// Denied; not found.
pub async fn delete_draft(ctx: &OpContext, services: &Services, id: Uuid) -> Result<(), Error> {
    if services.store.drafts().delete(owner(ctx)?, id).await? {
        return Ok(());
    }
    Err(gone())
}

/// Uses a draft up for something that is not a new connector; `result` says what, for a second use.
///
/// # Errors
/// Denied; not found; stale if it was saved since.
pub async fn take_draft(
    ctx: &OpContext,
    services: &Services,
    id: Uuid,
    revision: i64,
    result: &str,
) -> Result<Made<()>, Error> {
    let draft = DraftUse { token_id: owner(ctx)?, id, revision };
    match services.store.drafts().take(&draft, result, store::now()).await {
        Ok(()) => Ok(Made::Now(())),
        Err(StoreError::DraftUsed { result }) => Ok(Made::Before(result)),
        Err(error) => Err(said(error)),
    }
}

/// Creates a connector and uses the draft up, in one transaction: the second of two equal requests learns the id of the connector
/// that the first one made.
///
/// # Errors
/// Those of [`catalog::create`], after which the draft is as it was; not found or stale for the draft.
pub async fn create_from_draft(
    ctx: &OpContext,
    services: &Services,
    id: Uuid,
    revision: i64,
    new: NewConnector,
) -> Result<Made<ConnectorView>, Error> {
    let token_id = owner(ctx)?;
    let draft = DraftUse { token_id, id, revision };
    let made_before = async || {
        let row = services.store.drafts().get(token_id, id, oldest()).await.map_err(said)?;
        Ok::<_, Error>(row.head.result.map(Made::Before))
    };
    if let Some(before) = made_before().await? {
        return Ok(before);
    }
    match catalog::create_using(ctx, services, new, draft).await {
        Ok(view) => Ok(Made::Now(view)),
        // Whatever it is that this one fails at, the other one may have made it.
        Err(error) => match made_before().await {
            Ok(Some(before)) => Ok(before),
            _ => Err(error),
        },
    }
}

/// Changes a connector type and uses the draft up, in one transaction: the second of two equal requests learns the version that
/// the first one made. `expected` is the revision of the type that the draft was last compared with.
///
/// # Errors
/// Those of [`catalog::update_type`], after which the draft is as it was; not found or stale for the draft.
pub async fn change_type_from_draft(
    ctx: &OpContext,
    services: &Services,
    draft: (Uuid, i64),
    key: &str,
    change: Unchecked<TypeChange>,
    expected: i64,
    source: VersionSource,
) -> Result<Made<ChangedType>, Error> {
    let (id, revision) = draft;
    let token_id = owner(ctx)?;
    let used = DraftUse { token_id, id, revision };
    let bond = ChangeBond { expected: Some(expected), draft: Some(used), source };
    match catalog::update_type_with(ctx, services, key, change, bond).await {
        Ok(changed) => Ok(Made::Now(changed)),
        // Whatever it is that this one fails at, the other one may have made it.
        Err(error) => match services.store.drafts().get(token_id, id, oldest()).await.map_err(said)?.head.result {
            Some(before) => Ok(Made::Before(before)),
            None => Err(error),
        },
    }
}

/// Removes the drafts that are too old, and wipes the kept imports that have ended. The server calls this from time to time.
///
/// # Errors
/// Database errors.
pub async fn purge_drafts(services: &Services) -> Result<u64, Error> {
    kept_import::end_old(services).await?;
    Ok(services.store.drafts().purge(oldest()).await?)
}

/// Returns the token that the actor's drafts belong to. Forms with drafts are those of connectors and types.
fn owner(ctx: &OpContext) -> Result<Uuid, Error> {
    if !ctx.allows(Scope::TypesWrite) {
        ctx.authorize_for(Scope::ConnectorsWrite, "a draft of a connector")?;
    }
    ctx.token_id().ok_or_else(|| Error::forbidden("drafts belong to tokens; the server itself has none"))
}

/// The latest time of which drafts are too old.
fn oldest() -> Timestamp {
    store::now() - DRAFT_LIFE
}

fn place(row: &str) -> Place<'_> {
    Place { table: TABLE, row, field: FIELD }
}

async fn seal(services: &Services, id: Uuid, content: Zeroizing<Vec<u8>>) -> Result<String, Error> {
    let vault = services.vault.clone();
    blocking::run(move || vault.seal(&place(&id.to_string()), &content).map_err(Error::internal)).await
}

/// Refuses what no room could hold, before it is sealed.
fn refuse_too_large(bytes: u64) -> Result<(), Error> {
    if bytes <= MAX_DRAFT_BYTES {
        return Ok(());
    }
    let detail = format!("the form has {} of content; a draft has at most {}", mib(bytes), mib(MAX_DRAFT_BYTES));
    Err(Error::new(ErrorKind::TooLarge, "too_large", detail))
}

fn said(error: StoreError) -> Error {
    match error {
        StoreError::NotFound { .. } => gone(),
        StoreError::TooManyDrafts { kept, more } => Error::conflict(
            "too_many_drafts",
            format!(
                "this token keeps {} drafts with {} and may keep {MAX_DRAFTS} with {}, so {} more do not fit; finish or delete some",
                kept.drafts,
                mib(kept.bytes),
                mib(MAX_DRAFT_BYTES),
                mib(more.bytes)
            ),
        ),
        error => error.into(),
    }
}

fn gone() -> Error {
    let hours = DRAFT_LIFE.as_hours();
    Error::not_found(format!("there is no such draft; drafts are kept for {hours} hours after they were last saved"))
}

fn mib(bytes: u64) -> String {
    format!("{}.{} MiB", bytes >> 20, ((bytes & ((1 << 20) - 1)) * 10) >> 20)
}

#[cfg(test)]
mod tests;
