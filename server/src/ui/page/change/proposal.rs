//! What is to be saved of a type, as a draft.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::auth::OpContext;
use crate::drafts;
use crate::error::Error;
use crate::services::Services;
use crate::store::{DraftHead, VersionSource};
use crate::ui::form::Typed;
use crate::ui::page::types::head::TypeShown;
use floh_client::Revision;
use maud::{Markup, html};

/// How the kind of these drafts begins; the id of the type follows, so that those of a type are found unopened.
const KIND: &str = "type-change:";
/// The input with the revision of the draft that a page was made from.
pub(super) const DRAFT_SEEN: &str = "draft-seen";
/// The input with the version that a form was made from.
const VERSION_SEEN: &str = "version-seen";

/// The input with the tab that a save leads to, for a second press of the button.
pub(super) const TAB: &str = "tab";
/// The tab of the script.
pub(super) const SCRIPT_TAB: &str = "script";

/// Where a change comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::ui) enum Origin {
    /// Somebody edited the type, or imported a document again.
    Edit,
    /// The type's service publishes another schema.
    Service,
}

impl Origin {
    /// Returns what the history says.
    pub(super) fn source(self) -> VersionSource {
        match self {
            Self::Edit => VersionSource::Put,
            Self::Service => VersionSource::Refresh,
        }
    }
}

/// The state of the type that an editor was opened with, and the draft that it goes on with.
#[derive(Debug, Clone, Default)]
pub(in crate::ui) struct Seen {
    /// The revision; `None` means the present one.
    pub(in crate::ui) revision: Option<i64>,
    /// The version at that revision.
    pub(in crate::ui) version: Option<String>,
    /// The draft that is replaced.
    pub(in crate::ui) draft: Option<Uuid>,
}

impl Seen {
    /// Reads what [`Seen::inputs`] wrote into a form.
    pub(in crate::ui) fn of(typed: &Typed) -> Self {
        let revision = typed.text("revision").parse::<Revision>().ok().map(|Revision(number)| number);
        let version = typed.get(VERSION_SEEN).map(str::to_owned).filter(|version| !version.is_empty());
        Self { revision, version, draft: typed.get("draft").and_then(|id| Uuid::try_parse(id).ok()) }
    }

    /// Writes the inputs once more, for an editor whose text was refused.
    pub(in crate::ui) fn again(&self) -> Markup {
        html! {
            @if let Some(revision) = self.revision { input type="hidden" name="revision" value=(Revision(revision)); }
            @if let Some(version) = &self.version { input type="hidden" name=(VERSION_SEEN) value=(version); }
            @if let Some(draft) = self.draft { input type="hidden" name="draft" value=(draft); }
        }
    }

    /// Writes the inputs of an editor of the type; `draft` is that of a change that it goes on with.
    pub(in crate::ui) fn inputs(shown: &TypeShown, draft: Option<&str>) -> Markup {
        html! {
            input type="hidden" name="revision" value=(Revision(shown.head.revision));
            input type="hidden" name=(VERSION_SEEN) value=(shown.head.version);
            @if let Some(draft) = draft { input type="hidden" name="draft" value=(draft); }
        }
    }
}

/// A change that was not saved yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Proposal {
    /// The type.
    pub(super) type_id: Uuid,
    /// The revision of the type that the change was made from.
    pub(super) seen: i64,
    /// The version of the type at that revision.
    pub(super) version: String,
    /// Where it comes from.
    pub(super) origin: Origin,
    /// The version that was typed.
    pub(super) chosen: Option<String>,
    /// The body of the change.
    pub(super) body: Box<RawValue>,
}

/// A proposal and its draft.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) id: Uuid,
    pub(super) revision: i64,
    pub(super) proposal: Proposal,
}

/// What a draft is now.
#[derive(Debug)]
pub(super) enum Found {
    /// It waits.
    Draft(Kept),
    /// It was saved as this version.
    Used(String),
}

/// The changes of a type that were begun and not saved, the last one first.
pub(in crate::ui) async fn begun(ctx: &OpContext, services: &Services, type_id: Uuid) -> Result<Vec<DraftHead>, Error> {
    let drafts = drafts::list_drafts(ctx, services).await?;
    Ok(drafts.into_iter().filter(|head| head.kind == kind(type_id)).collect())
}

fn kind(type_id: Uuid) -> String {
    format!("{KIND}{type_id}")
}

impl Proposal {
    /// Returns the keys of the body.
    pub(super) fn keys(&self) -> BTreeSet<String> {
        let keys: BTreeMap<String, serde::de::IgnoredAny> = serde_json::from_str(self.body.get()).unwrap_or_default();
        keys.into_keys().collect()
    }

    /// Returns the tab of the type that shows what is changed: that of the script, if one was written, else the overview.
    pub(super) fn tab(&self) -> &'static str {
        if self.keys().contains("scriptSource") { SCRIPT_TAB } else { "" }
    }

    /// Keeps the proposal, in a draft that is there already or in a new one.
    pub(super) async fn keep(&self, ctx: &OpContext, services: &Services, draft: Option<Uuid>) -> Result<Uuid, Error> {
        let content = || Ok::<_, Error>(Zeroizing::new(serde_json::to_vec(self).map_err(Error::internal)?));
        if let Some(id) = draft {
            let saved = match drafts::read_draft(ctx, services, id).await {
                Ok(found) if found.head.kind == kind(self.type_id) && found.content.is_some() => {
                    drafts::save_draft(ctx, services, id, found.head.revision, content()?).await?;
                    true
                }
                Ok(_) => false,
                Err(error) if error.code() == "not_found" => false,
                Err(error) => return Err(error),
            };
            if saved {
                return Ok(id);
            }
        }
        Ok(drafts::make_draft(ctx, services, &kind(self.type_id), content()?).await?.id)
    }
}

/// Reads a draft of a change.
pub(super) async fn read(ctx: &OpContext, services: &Services, id: &str) -> Result<Found, Error> {
    let gone = || {
        Error::not_found(
            "this change is gone: it was dropped, or 24 hours have passed. Begin again with the schema or the script",
        )
    };
    let id = Uuid::try_parse(id).map_err(|_| gone())?;
    let draft = drafts::read_draft(ctx, services, id)
        .await
        .map_err(|error| if error.code() == "not_found" { gone() } else { error })?;
    if !draft.head.kind.starts_with(KIND) {
        return Err(gone());
    }
    let Some(content) = draft.content else { return Ok(Found::Used(draft.head.result.unwrap_or_default())) };
    let proposal = serde_json::from_slice(&content).map_err(Error::internal)?;
    Ok(Found::Draft(Kept { id, revision: draft.head.revision, proposal }))
}

/// Reads a draft of a change of this type.
pub(super) async fn open(ctx: &OpContext, services: &Services, shown: &TypeShown, id: &str) -> Result<Found, Error> {
    let found = read(ctx, services, id).await?;
    if let Found::Draft(kept) = &found
        && kept.proposal.type_id != shown.head.id
    {
        return Err(Error::not_found(format!("the draft {id} is one of another type than {}", shown.head.name)));
    }
    Ok(found)
}
