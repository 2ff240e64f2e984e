//! The change of a connector type before it is saved: what changes, the version that it needs, and whom it touches.
//!
//! A script editor, a schema editor, a re-import and a refresh lead here with [`begin`]. What is to be saved stands in a
//! draft, sealed, bound to the revision of the type that it was made from, and is used up in the transaction that writes
//! it: so a double press changes once, and two people who change one type are told of each other.

mod conflict;
mod proposal;
mod touched;
mod view;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::value::RawValue;

use self::proposal::{DRAFT_SEEN, Found, Proposal, SCRIPT_TAB, TAB};
pub(in crate::ui) use self::proposal::{Origin, Seen, begun};
use self::view::Asked;
pub(in crate::ui) use self::view::{changes, level_badge};
use super::types::head::TypeShown;
use crate::api::{PathKeys, Problem, Query};
use crate::auth::OpContext;
use crate::catalog::{self, TypePlan};
use crate::drafts::{self, Made};
use crate::error::{Error, ErrorKind};
use crate::input::{self, Unchecked};
use crate::services::Services;
use crate::ui::body::FormBody;
use crate::ui::door::Frame;
use crate::ui::form::{Mistakes, Typed};
use floh_client::bodies::TypeChange;

/// The name of the button that saves; its value is the version that it names.
const SAVE: &str = "save";
/// The name of the button that takes the other person's change for the state to compare with.
const OVER: &str = "over";
/// The name of the radios of the version.
const CHOICE: &str = "choice";
/// The name of the box with another version.
const OTHER: &str = "/version";
/// The name of the box that a breaking version asks for.
const SURE: &str = "sure";

/// Begins the change of a type: `body` is that of `PUT /api/connector-types/{id}`, as JSON text. Answers with the way to
/// the page of the change.
///
/// # Errors
/// Those of [`catalog::plan_type`]: a caller shows the mistakes in what was typed at their places, by their pointers.
pub(in crate::ui) async fn begin(
    ctx: &OpContext,
    services: &Services,
    key: &str,
    body: &[u8],
    seen: &Seen,
) -> Result<Response, Error> {
    begin_from(ctx, services, key, body, seen, Origin::Edit).await
}

/// Like [`begin`], for what did not come from a form of these pages.
///
/// # Errors
/// Those of [`begin`].
pub(in crate::ui) async fn begin_from(
    ctx: &OpContext,
    services: &Services,
    key: &str,
    body: &[u8],
    seen: &Seen,
    origin: Origin,
) -> Result<Response, Error> {
    let change = input::type_change(body)?;
    let chosen = change.body.version.clone();
    let plan = catalog::plan_type(ctx, services, key, change).await?;
    let text = String::from_utf8(body.to_vec()).map_err(Error::internal)?;
    let proposal = Proposal {
        type_id: plan.type_id,
        seen: seen.revision.unwrap_or(plan.revision),
        version: seen.version.clone().unwrap_or_else(|| plan.before.version.clone()),
        origin,
        chosen,
        body: RawValue::from_string(text).map_err(Error::internal)?,
    };
    let id = proposal.keep(ctx, services, seen.draft).await?;
    Ok(Redirect::to(&format!("/types/{}/change/{id}", plan.name)).into_response())
}

/// The body of a change that was begun, for the editor that goes on with it; `None` if the draft is gone or was used.
///
/// # Errors
/// Database errors.
pub(in crate::ui) async fn body_of(
    ctx: &OpContext,
    services: &Services,
    draft: &str,
) -> Result<Option<serde_json::Map<String, serde_json::Value>>, Error> {
    match proposal::read(ctx, services, draft).await {
        Ok(Found::Draft(kept)) => Ok(serde_json::from_str(kept.proposal.body.get()).ok()),
        Ok(Found::Used(_)) => Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Shows the change.
pub(in crate::ui) async fn show(
    frame: Frame,
    State(services): State<Services>,
    PathKeys(key, id): PathKeys,
    query: Query,
) -> Result<Response, Problem> {
    let mut query = query.without_empty();
    let whole = query.text("script").is_some_and(|script| script == "whole");
    query.finish()?;
    let ctx = frame.ctx()?;
    let shown = TypeShown::read(ctx, &services, &key).await?;
    if let Some(moved) = shown.to_name(&frame, &key) {
        return Ok(moved);
    }
    let kept = match proposal::open(ctx, &services, &shown, &id).await? {
        Found::Draft(kept) => kept,
        Found::Used(version) => return Ok(saved(&shown, &version, "")),
    };
    let chosen = kept.proposal.chosen.clone();
    let asked = Asked { other: chosen.clone().unwrap_or_default(), choice: chosen, whole, ..Asked::default() };
    if kept.proposal.seen != shown.head.revision {
        return conflict::page(&frame, ctx, &services, &shown, &kept).await;
    }
    match plan(ctx, &services, &shown, &kept.proposal).await {
        Ok(plan) => Ok(view::page(&frame, &shown, &kept, &plan, &asked, StatusCode::OK)),
        Err(error) if !error.mistakes().is_empty() => Ok(view::refused(&frame, &shown, &kept, &error)),
        Err(error) => Err(error.into()),
    }
}

/// Saves the change, or takes one step towards it.
pub(in crate::ui) async fn save(
    frame: Frame,
    State(services): State<Services>,
    PathKeys(key, id): PathKeys,
    body: FormBody,
) -> Result<Response, Problem> {
    let (ctx, typed) = body.parse(frame.ctx()?.clone())?;
    let shown = TypeShown::read(&ctx, &services, &key).await?;
    let kept = match proposal::open(&ctx, &services, &shown, &id).await? {
        Found::Draft(kept) => kept,
        Found::Used(version) => return Ok(saved(&shown, &version, typed.text(TAB))),
    };
    if let Some(over) = typed.get(OVER) {
        // What the person has seen of the other's change, so that a third one's is not passed over.
        let revision =
            over.parse().map_err(|_| Error::invalid_at("", "the form does not say what it was made from"))?;
        let version = typed.text("now").to_owned();
        // The version of a service stays; one that was typed is chosen again.
        let chosen = kept.proposal.chosen.clone().filter(|_| kept.proposal.origin == Origin::Service);
        let proposal = Proposal { seen: revision, version, chosen, ..kept.proposal.clone() };
        proposal.keep(&ctx, &services, Some(kept.id)).await?;
        return Ok(Redirect::to(&format!("{}/{id}", shown.address("change"))).into_response());
    }
    if kept.proposal.seen != shown.head.revision {
        return conflict::page(&frame, &ctx, &services, &shown, &kept).await;
    }
    let plan = match plan(&ctx, &services, &shown, &kept.proposal).await {
        Ok(plan) if typed.get(DRAFT_SEEN).is_some_and(|seen| seen != kept.revision.to_string()) => {
            let mut asked = Asked::default();
            let changed =
                "this change was made anew in another tab; what stands here is that one, and nothing is saved yet";
            asked.mistakes.add("", changed);
            return Ok(view::page(&frame, &shown, &kept, &plan, &asked, StatusCode::PRECONDITION_FAILED));
        }
        Ok(plan) => plan,
        Err(error) if !error.mistakes().is_empty() => return Ok(view::refused(&frame, &shown, &kept, &error)),
        Err(error) => return Err(error.into()),
    };
    write(&frame, &ctx, &services, &shown, kept, &plan, &typed).await
}

/// Reads the version that was chosen, asks for what a breaking one needs, and writes.
async fn write(
    frame: &Frame,
    ctx: &OpContext,
    services: &Services,
    shown: &TypeShown,
    kept: proposal::Kept,
    plan: &TypePlan,
    typed: &Typed,
) -> Result<Response, Problem> {
    let other = typed.text(OTHER).trim();
    // A service names its version itself.
    let chosen = match kept.proposal.origin {
        Origin::Service if kept.proposal.chosen.is_some() => kept.proposal.chosen.clone(),
        _ => (typed.text(CHOICE) == "other").then(|| other.to_owned()),
    };
    let mut asked = Asked { choice: chosen.clone(), other: other.to_owned(), ..Asked::default() };
    asked.is_sure = typed.text(SURE) == "yes";
    let version = match view::version(plan, chosen.as_deref()) {
        Ok(version) => version,
        Err(message) => {
            asked.mistakes.add(OTHER, message);
            return Ok(view::page(frame, shown, &kept, plan, &asked, StatusCode::UNPROCESSABLE_ENTITY));
        }
    };
    // A button that names a version saves that one and no other.
    let named = typed.text(SAVE);
    if !named.is_empty() && named != version.to_string() {
        return Ok(view::page(frame, shown, &kept, plan, &asked, StatusCode::OK));
    }
    if view::is_breaking(plan) && !asked.is_sure {
        asked.mistakes.add(SURE, "tick the box: calls that use what is removed fail from now on");
        return Ok(view::page(frame, shown, &kept, plan, &asked, StatusCode::UNPROCESSABLE_ENTITY));
    }
    let mut change = read(&kept.proposal)?;
    change.body.version = Some(version.to_string());
    change.body.auto_bump = None;
    let used = (kept.id, kept.revision);
    let (source, tab) = (kept.proposal.origin.source(), kept.proposal.tab());
    match drafts::change_type_from_draft(ctx, services, used, &shown.head.name, change, plan.revision, source).await {
        Ok(Made::Now(changed)) => Ok(saved(shown, &changed.view.version, tab)),
        Ok(Made::Before(version)) => Ok(saved(shown, &version, tab)),
        Err(error) if error.kind() == ErrorKind::Stale => {
            let now = TypeShown::read(ctx, services, &shown.head.name).await?;
            if now.head.revision == kept.proposal.seen {
                // It was the draft that another tab has saved.
                return Err(error.into());
            }
            conflict::page(frame, ctx, services, &now, &kept).await
        }
        Err(error) if !error.mistakes().is_empty() => {
            asked.mistakes = Mistakes::of(&error);
            if matches!(error.kind(), ErrorKind::Denied(_)) {
                asked.mistakes = Mistakes::default();
                asked.mistakes.add("", error.detail());
            }
            Ok(view::page(frame, shown, &kept, plan, &asked, StatusCode::UNPROCESSABLE_ENTITY))
        }
        Err(error) => Err(error.into()),
    }
}

/// Drops the draft.
pub(in crate::ui) async fn drop_change(
    frame: Frame,
    State(services): State<Services>,
    PathKeys(key, id): PathKeys,
) -> Result<Response, Problem> {
    let ctx = frame.ctx()?;
    let shown = TypeShown::read(ctx, &services, &key).await?;
    crate::ui::draft::delete(ctx, &services, crate::api::uuid(&id, "draft")?).await?;
    Ok(Redirect::to(&shown.address("")).into_response())
}

/// Leads to the tab of the type that shows what was saved.
fn saved(shown: &TypeShown, version: &str, tab: &str) -> Response {
    let tab = if tab == SCRIPT_TAB { SCRIPT_TAB } else { "" };
    Redirect::to(&format!("{}?saved={version}", shown.address(tab))).into_response()
}

fn read(proposal: &Proposal) -> Result<Unchecked<TypeChange>, Error> {
    input::type_change(proposal.body.get().as_bytes())
}

async fn plan(ctx: &OpContext, services: &Services, shown: &TypeShown, proposal: &Proposal) -> Result<TypePlan, Error> {
    let mut change = read(proposal)?;
    // The version is chosen here; what the changes are does not depend on it.
    change.body.version = None;
    change.body.auto_bump = Some(true);
    catalog::plan_type(ctx, services, &shown.head.name, change).await
}
