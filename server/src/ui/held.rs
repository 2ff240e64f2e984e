//! Secrets that were typed into a form that was not accepted. They are kept sealed by the server and never sent back; the
//! form says that they are there.

use connector_runtime::schema::pointer;
use uuid::Uuid;

use super::draft::{self, Draft, Found};
use super::form::{Spec, Typed};
use crate::auth::OpContext;
use crate::error::{Error, ErrorKind};
use crate::services::Services;

/// The kind of these drafts.
const KIND: &str = "secrets";

/// The secrets that the server keeps for a form.
#[derive(Debug, Default)]
pub(super) struct Held {
    draft: Option<Draft>,
    pointers: Vec<String>,
}

impl Held {
    /// Reads what is kept under an id. What has been purged meanwhile is typed again.
    pub(super) async fn open(ctx: &OpContext, services: &Services, id: Option<&str>) -> Result<Self, Error> {
        let Some(id) = id.and_then(|id| Uuid::try_parse(id).ok()) else { return Ok(Self::default()) };
        let draft = match draft::read(ctx, services, id, KIND).await {
            Ok(Found::Draft(draft)) => Some(draft),
            Ok(Found::Used(_)) => None,
            Err(error) if error.code() == "not_found" => None,
            Err(error) => return Err(error),
        };
        Ok(Self { draft, pointers: Vec::new() })
    }

    /// Returns the id of the draft, for the form that goes on with it.
    pub(super) fn id(&self) -> Option<Uuid> {
        self.draft.as_ref().map(|draft| draft.id)
    }

    /// Returns the pointers of the secrets that are kept.
    pub(super) fn pointers(&self) -> &[String] {
        &self.pointers
    }

    /// Puts the secrets that are kept into what was typed, where a person has not chosen otherwise.
    pub(super) fn merge(&mut self, groups: &[(&'static str, Vec<Spec>)], typed: &mut Typed) {
        let Some(draft) = &self.draft else { return };
        for here in secrets(groups) {
            let action = typed.get(&format!("{here}~do"));
            let wants_kept = action.is_none_or(|action| action == "keep") && !typed.has_within(&format!("{here}/"));
            if wants_kept && draft.typed.has_within(&here) {
                typed.forget(&here);
                typed.adopt(&draft.typed, &here);
            }
        }
    }

    /// Moves the secrets that were typed into the draft.
    pub(super) async fn keep(
        &mut self,
        ctx: &OpContext,
        services: &Services,
        groups: &[(&'static str, Vec<Spec>)],
        typed: &mut Typed,
    ) -> Result<(), Error> {
        self.merge(groups, typed);
        let mut kept = Typed::default();
        self.pointers.clear();
        for here in secrets(groups) {
            let is_replaced = typed.get(&format!("{here}~do")).is_none_or(|action| action == "replace");
            if is_replaced && typed.has_value(&here) {
                kept.adopt(typed, &here);
                kept.take(&format!("{here}~do"));
                typed.forget(&here);
                typed.set(format!("{here}~do"), "keep");
                self.pointers.push(here);
            }
        }
        if kept.is_empty() {
            return self.drop(ctx, services).await;
        }
        let saved = match self.draft.take() {
            Some(draft) => draft::save(ctx, services, draft, kept).await,
            None => draft::create(ctx, services, KIND, kept).await,
        };
        match saved {
            Ok(draft) => self.draft = Some(draft),
            // What cannot be kept is typed again, and the form says so.
            Err(error) if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Stale | ErrorKind::NotFound) => {
                for here in self.pointers.drain(..) {
                    typed.set(format!("{here}~do"), "replace");
                }
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Deletes the draft.
    pub(super) async fn drop(&mut self, ctx: &OpContext, services: &Services) -> Result<(), Error> {
        match self.draft.take() {
            Some(draft) => draft::delete(ctx, services, draft.id).await,
            None => Ok(()),
        }
    }
}

fn secrets(groups: &[(&'static str, Vec<Spec>)]) -> Vec<String> {
    let all = groups.iter().flat_map(|(at, specs)| specs.iter().map(move |spec| (at, spec)));
    all.filter(|(_, spec)| spec.secret).map(|(at, spec)| pointer::join(at, &spec.name)).collect()
}
