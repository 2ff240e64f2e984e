//! Two people have changed one type: both sides, and nothing is lost.

use axum::http::StatusCode;
use axum::response::Response;
use floh_client::answers::VersionDetail;
use maud::{Markup, html};

use super::proposal::Kept;
use super::view::{back, changes};
use super::{OVER, plan};
use crate::api::Problem;
use crate::auth::OpContext;
use crate::catalog::{self, Compared, TypePlan};
use crate::error::Error;
use crate::services::Services;
use crate::ui::door::Frame;
use crate::ui::form::capital;
use crate::ui::page::types::head::TypeShown;
use crate::ui::part::frame::head;
use crate::ui::part::{diff, time};

/// Shows both sides. `shown` is the type as it is saved.
pub(super) async fn page(
    frame: &Frame,
    ctx: &OpContext,
    services: &Services,
    shown: &TypeShown,
    kept: &Kept,
) -> Result<Response, Problem> {
    let name = &shown.head.name;
    let proposal = &kept.proposal;
    // What the change was made from; a version that the history has no more is not shown.
    let base = match catalog::version(ctx, services, name, &proposal.version).await {
        Ok(base) => Some(base),
        Err(error) if error.code() == "not_found" => None,
        Err(error) => return Err(error.into()),
    };
    let theirs = match &base {
        Some(base) if base.view.version != shown.head.version => {
            Some(catalog::compare_versions(ctx, services, name, &base.view.version, &shown.head.version).await?)
        }
        _ => None,
    };
    let yours = plan(ctx, services, shown, proposal).await;
    let action = shown.address(&format!("change/{}", kept.id));
    let address = shown.address("");
    let content = html! {
        (head(&[("/types", "Types"), (&address, name)], &html! { h1 { "Save changes to " (name) } }, "", &html! {}))
        div.summary #problems role="alert" tabindex="-1" data-focus {
            h2 { "Somebody changed this type while you were changing it" }
            p { "It was " (proposal.version) " when you began and is " (shown.head.version) " now. Nothing of yours is lost." }
        }
        div.split {
            (their_side(shown, theirs.as_ref()))
            (your_side(&yours, base.as_ref()))
        }
        form.card method="post" action=(action) {
            input type="hidden" name="now" value=(shown.head.version);
            div.body { p.muted { "“Go on with mine” compares yours with what is saved now. What you did not change stays as it was saved; what both changed becomes yours. Nothing is saved before you press “Save as …” on the next page." } }
            footer {
                button.btn.main name=(OVER) value=(shown.head.revision) { "Go on with mine" }
                a.btn.bare href=(back(shown, kept)) { "Back" }
                button.btn.bare.end formaction={ (action) "/drop" } { "Throw mine away" }
            }
        }
    };
    let title = format!("Error: Save changes to {name}");
    Ok(frame.page_with(StatusCode::PRECONDITION_FAILED, &title, &content))
}

fn their_side(shown: &TypeShown, theirs: Option<&Compared>) -> Markup {
    html! {
        section.card aria-labelledby="theirs-title" {
            header { h2 #theirs-title { "Saved now" } }
            div.body.stack {
                p.muted {
                    (shown.head.version) ", " (time::ago(shown.head.updated_at))
                    @if let Some(by) = theirs.and_then(|theirs| theirs.to.view.actor.as_ref()) { " by " (by.name) }
                }
                @match theirs {
                    None => p { "Its texts, such as the description. Schema and script are as they were." },
                    Some(theirs) => {
                        @if !theirs.changes.is_empty() { (changes(&theirs.changes, theirs.changes.len())) }
                        (script(theirs.from.script_source.as_deref(), theirs.to.script_source.as_deref(), "Their lines of the script"))
                    },
                }
            }
        }
    }
}

fn your_side(yours: &Result<TypePlan, Error>, base: Option<&VersionDetail>) -> Markup {
    html! {
        section.card aria-labelledby="yours-title" {
            header { h2 #yours-title { "Yours" } }
            div.body.stack {
                @match yours {
                    Ok(plan) => {
                        p.muted { "Compared with what is saved now." }
                        @if plan.is_idle() { p { "It is the same as what is saved now." } } @else { (changes(&plan.diff.change.changes, plan.diff.change.changes.len())) }
                        @if plan.after.script_source != plan.before.script_source {
                            (script(base.and_then(|base| base.script_source.as_deref()), plan.after.script_source.as_deref(), "Your lines of the script"))
                        }
                    },
                    Err(error) => {
                        p { "It does not fit what is saved now:" }
                        ul { @for mistake in error.mistakes() { li { (capital(&mistake.message)) } } @if error.mistakes().is_empty() { li { (error.detail()) } } }
                    },
                }
            }
        }
    }
}

fn script(old: Option<&str>, new: Option<&str>, label: &str) -> Markup {
    match (old, new) {
        (Some(old), Some(new)) if old != new => diff::diff(old, new, label, false),
        _ => html! {},
    }
}
