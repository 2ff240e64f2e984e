//! The step that chooses commands.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use floh_client::answers::Warning;
use maud::{Markup, html};

use super::document::kept_warnings;
use super::{CHOSEN, Step, Wizard};
use crate::api::Problem;
use crate::catalog::ReadDocument;
use crate::error::Error;
use crate::ui::form::{Line, Mistakes, Typed, capital, id, summary};
use crate::ui::page::new::type_choice::proposed;
use crate::ui::part::badge::count;
use crate::ui::part::icon::icon;
use crate::ui::part::pick::{Filter, INCLUDE, NAMES, Pick, RENAME, place};
use crate::ui::part::prose::prose;

/// The maximum number of warnings that stand open above the table.
const MAX_OPEN_WARNINGS: usize = 2;

pub(super) async fn show(wizard: &Wizard<'_>) -> Result<Response, Problem> {
    let read = wizard.whole().await?;
    let query = Typed::parse(wizard.frame.query.as_bytes()).map_err(|detail| Error::invalid_at("", detail))?;
    let filter = Filter::of(&query);
    Ok(page(wizard, &read, StatusCode::OK, &filter, query.text("rename"), &Mistakes::default()))
}

fn page(
    wizard: &Wizard<'_>,
    read: &ReadDocument,
    status: StatusCode,
    filter: &Filter,
    rename: &str,
    mistakes: &Mistakes,
) -> Response {
    let typed = wizard.typed();
    let chosen: BTreeSet<&str> = typed.all(CHOSEN).iter().map(String::as_str).collect();
    let lines = lines(mistakes, read);
    let mut warnings = kept_warnings(typed);
    warnings.extend(read.draft.warnings.iter().cloned());
    let pick = Pick {
        address: &wizard.address(Step::Commands),
        back: &wizard.address(Step::Document),
        operations: &read.draft.operations,
        is_chosen: &|name| chosen.contains(name),
        names: Some(typed),
        rename,
        notes: &BTreeMap::new(),
        filter,
        mistakes,
        above: warned(&warnings),
    };
    let content = html! { (summary(&lines)) (pick.show()) };
    wizard.page(Step::Commands, status, read, &content)
}

/// The lines of the summary: names with a link to their control.
fn lines(mistakes: &Mistakes, read: &ReadDocument) -> Vec<Line> {
    let names = read.draft.operations.iter().map(|operation| &operation.name);
    let of_names = names.filter_map(|name| {
        let message = capital(&mistakes.at(&place(name))?);
        Some(Line { target: Some(id(&place(name))), label: Some(format!("Name of {name}")), message })
    });
    let whole = mistakes.at("").map(|text| Line { target: None, label: None, message: capital(&text) });
    whole.into_iter().chain(of_names).collect()
}

/// The warnings about a document.
pub(in crate::ui::page) fn warned(warnings: &[Warning]) -> Markup {
    let one = |warning: &Warning| {
        html! { (prose(&capital(&warning.message))) @if !warning.pointer.is_empty() { " " code { (warning.pointer) } } }
    };
    html! {
        @if !warnings.is_empty() {
            div.notice.warn {
                (icon("alert"))
                div {
                    b { (count(warnings.len(), "warning", "warnings")) "." }
                    ul { @for warning in warnings.iter().take(MAX_OPEN_WARNINGS) { li { (one(warning)) } } }
                    @if warnings.len() > MAX_OPEN_WARNINGS {
                        details {
                            summary { (warnings.len() - MAX_OPEN_WARNINGS) " more" }
                            ul { @for warning in warnings.iter().skip(MAX_OPEN_WARNINGS) { li { (one(warning)) } } }
                        }
                    }
                }
            }
        }
    }
}

/// What a form of the table chooses, beside what was chosen before and is not on its page.
pub(in crate::ui::page) fn choose(
    operations: &[floh_client::answers::OperationView],
    before: &Typed,
    sent: &Typed,
    filter: &Filter,
) -> Vec<String> {
    let mut chosen: BTreeSet<&str> = before.all(CHOSEN).iter().map(String::as_str).collect();
    let included: BTreeSet<&str> = sent.all(INCLUDE).iter().map(String::as_str).collect();
    let go = sent.text("go");
    for operation in operations {
        let name = operation.name.as_str();
        let typed = before.get(&place(name)).unwrap_or(name);
        if !filter.shows(operation, typed) {
            continue;
        }
        let wanted = match go {
            "all" => true,
            "none" => false,
            _ => included.contains(name),
        };
        if wanted {
            chosen.insert(name);
        } else {
            chosen.remove(name);
        }
    }
    operations.iter().map(|one| &one.name).filter(|name| chosen.contains(name.as_str())).cloned().collect()
}

pub(super) async fn take(wizard: Wizard<'_>, sent: Typed) -> Result<Response, Problem> {
    let read = wizard.whole().await?;
    let operations = &read.draft.operations;
    let filter = Filter::of(&sent);
    let mut next = wizard.typed().clone();
    next.set_all(CHOSEN, choose(operations, wizard.typed(), &sent, &filter));
    for operation in operations {
        let place = place(&operation.name);
        if let Some(name) = sent.get(&place).map(str::trim) {
            next.take(&place);
            if !name.is_empty() && name != operation.name {
                next.set(place, name);
            }
        }
    }
    let go = sent.text("go").to_owned();
    let rename = match go.as_str() {
        RENAME => Some(sent.text(RENAME).trim()),
        _ => go.strip_prefix("rename "),
    };
    if let Some(rename) = rename {
        let wizard = wizard.save(next).await?;
        if !operations.iter().any(|operation| operation.name == rename) {
            let mut mistakes = Mistakes::default();
            mistakes.add("", format!("the document has no command “{rename}”; type the name as its row has it"));
            return Ok(page(&wizard, &read, StatusCode::UNPROCESSABLE_ENTITY, &filter, "", &mistakes));
        }
        let mut query = filter.query();
        query.append_pair("rename", rename);
        let address = format!("{}?{}#{}", wizard.address(Step::Commands), query.finish(), id(&place(rename)));
        return Ok(Redirect::to(&address).into_response());
    }
    if matches!(go.as_str(), "all" | "none" | "keep") {
        let wizard = wizard.save(next).await?;
        let query = filter.query().finish();
        let query = if query.is_empty() { query } else { format!("?{query}") };
        return Ok(Redirect::to(&format!("{}{query}", wizard.address(Step::Commands))).into_response());
    }
    if next.text("/name").is_empty() {
        next.set("/name", proposed(&wizard.ctx, wizard.services, &read.draft.name).await);
        next.set("/description", read.draft.description.clone().unwrap_or_default());
    }
    let wizard = wizard.save(next).await?;
    let mut mistakes = Mistakes::default();
    if wizard.typed().all(CHOSEN).is_empty() {
        let message = match operations.is_empty() {
            true => "the document has no operation to make a command of; go back and give another one",
            false => "choose a command at least",
        };
        mistakes.add("", message);
    } else {
        match wizard.chosen().await {
            Ok(_) => {}
            Err(error) if error.mistakes().iter().any(|one| one.pointer.starts_with(NAMES)) => {
                mistakes = Mistakes::of(&error);
            }
            Err(error) => return Err(error.into()),
        }
    }
    if mistakes.is_empty() {
        return Ok(wizard.go(Step::Connection));
    }
    // What is wrong may be in a row that the filter hides.
    Ok(page(&wizard, &read, StatusCode::UNPROCESSABLE_ENTITY, &Filter::default(), "", &mistakes))
}
