//! The table of operations of a document, from which commands are chosen: groups by tag, rows with a verdict.

use std::collections::BTreeMap;

use connector_runtime::schema::pointer;
use floh_client::answers::{OperationView, Verdict};
use indexmap::IndexMap;
use maud::{Markup, html};

use super::badge::{badge, count};
use super::icon::icon;
use super::prose::prose;
use super::verdict;
use crate::ui::form::{Mistakes, Typed, id};

/// The maximum number of rows in groups that are open before anybody has opened one.
const MAX_OPEN_ROWS: usize = 200;
/// The group of operations without a tag whose path has no segment.
const REST: &str = "other";
/// The input with the names of the commands that are chosen.
pub(in crate::ui) const INCLUDE: &str = "include";
/// The input with the command that gets another name, and the button that asks for it.
pub(in crate::ui) const RENAME: &str = "rename";
/// The place of other names of commands.
pub(in crate::ui) const NAMES: &str = "/names";

/// What a row says beside its operation, such as that it is new.
#[derive(Debug, Clone)]
pub(in crate::ui) struct Note {
    pub(in crate::ui) badge: Markup,
    /// Lines below the row.
    pub(in crate::ui) lines: Vec<Markup>,
}

/// Which rows are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::ui) struct Filter {
    /// The only group whose rows are shown.
    open: Option<String>,
    text: String,
    verdict: Option<Verdict>,
}

impl Filter {
    /// Reads the filter from a query or a form.
    pub(in crate::ui) fn of(typed: &Typed) -> Self {
        let text = typed.text("q").trim().to_owned();
        let verdict = typed.text("verdict").parse().ok();
        Self { open: typed.get("open").filter(|open| !open.is_empty()).map(str::to_owned), text, verdict }
    }

    /// Returns whether the row of an operation is shown.
    pub(in crate::ui) fn shows(&self, operation: &OperationView, name: &str) -> bool {
        if self.open.as_deref().is_some_and(|open| open != group_of(operation)) {
            return false;
        }
        if self.verdict.is_some_and(|verdict| verdict != operation.verdict) {
            return false;
        }
        let wanted = self.text.to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&wanted);
        let summary = operation.summary.as_deref().unwrap_or_default();
        has(name) || has(&operation.name) || has(&format!("{} {}", operation.method, operation.path)) || has(summary)
    }

    fn is_narrow(&self) -> bool {
        *self != Self::default()
    }

    /// Returns the query of the page with this filter.
    pub(in crate::ui) fn query(&self) -> url::form_urlencoded::Serializer<'static, String> {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.inputs() {
            query.append_pair(name, value);
        }
        query
    }

    fn inputs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("open", self.open.as_deref()),
            ("q", Some(self.text.as_str()).filter(|text| !text.is_empty())),
            ("verdict", self.verdict.map(Verdict::as_str)),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }
}

/// Returns the group of an operation: its first tag, else the first segment of its path.
fn group_of(operation: &OperationView) -> &str {
    let segment = || operation.path.split('/').find(|segment| !segment.is_empty());
    operation.tag.as_deref().or_else(segment).unwrap_or(REST)
}

/// The table, and the form around it.
pub(in crate::ui) struct Pick<'p> {
    /// The address of the page, which takes the form as well.
    pub(in crate::ui) address: &'p str,
    pub(in crate::ui) back: &'p str,
    pub(in crate::ui) operations: &'p [OperationView],
    /// Returns whether a command is chosen.
    pub(in crate::ui) is_chosen: &'p dyn Fn(&str) -> bool,
    /// Other names of commands, as they were typed; `None` if they cannot have any.
    pub(in crate::ui) names: Option<&'p Typed>,
    /// The command whose name is being changed.
    pub(in crate::ui) rename: &'p str,
    pub(in crate::ui) notes: &'p BTreeMap<String, Note>,
    pub(in crate::ui) filter: &'p Filter,
    pub(in crate::ui) mistakes: &'p Mistakes,
    /// Shown between the filter and the groups.
    pub(in crate::ui) above: Markup,
}

/// A group of rows.
#[derive(Default)]
struct Group<'p> {
    all: usize,
    chosen: usize,
    shown: Vec<&'p OperationView>,
}

impl Pick<'_> {
    pub(in crate::ui) fn show(&self) -> Markup {
        let mut groups: IndexMap<&str, Group<'_>> = IndexMap::new();
        for operation in self.operations {
            let group = groups.entry(group_of(operation)).or_default();
            group.all += 1;
            group.chosen += usize::from((self.is_chosen)(&operation.name));
            if self.filter.shows(operation, self.name(operation)) {
                group.shown.push(operation);
            }
        }
        let total: usize = groups.values().map(|group| group.chosen).sum();
        let is_empty = groups.values().all(|group| group.shown.is_empty());
        let mut room = MAX_OPEN_ROWS;
        html! {
            section.card.picks aria-label="Commands" data-pick=(if self.names.is_some() { "names" } else { "" }) {
                (self.filters())
                (verdict::legend())
                (self.above)
                form method="post" action=(self.address) novalidate data-guard {
                    button.sr name="go" value="next" tabindex="-1" aria-hidden="true" {}
                    @for (name, value) in self.filter.inputs() { input type="hidden" name=(name) value=(value); }
                    @for (name, group) in &groups { (self.group(name, group, &mut room)) }
                    p.none.muted hidden[!is_empty] data-pick-none-left { "No command matches." }
                    div.bulk {
                        b { span data-pick-total { (total) } " commands chosen" }
                        button.btn.small name="go" value="all" data-pick-set="yes" { "All shown" }
                        button.btn.small name="go" value="none" data-pick-set="" { "None shown" }
                        @if self.filter.is_narrow() { button.btn.small name="go" value="keep" { "Keep the choice" } }
                        // A button in each of a thousand rows would be half of the page; with a script each row gets one.
                        @if self.names.is_some() {
                            span.row.tight data-pick-plain {
                                input name=(RENAME) aria-label="Command to rename" placeholder="Name of a command" autocomplete="off" spellcheck="false";
                                button.btn.small name="go" value=(RENAME) { "Rename" }
                            }
                        }
                        span.grow {}
                        a.btn.bare href=(self.back) { "Back" }
                        button.btn.main name="go" value="next" { "Next" }
                    }
                }
            }
        }
    }

    fn filters(&self) -> Markup {
        let number = |verdict: Verdict| self.operations.iter().filter(|one| one.verdict == verdict).count();
        html! {
            form.filters role="search" method="get" action=(self.address) {
                div.search {
                    (icon("search"))
                    input type="search" name="q" value=(self.filter.text) aria-label="Filter commands" placeholder="Filter by name, path or summary" data-pick-filter;
                    kbd aria-hidden="true" { "/" }
                }
                span.sel {
                    select name="verdict" aria-label="Verdict" data-pick-verdict {
                        option value="" { "Any verdict" }
                        @for verdict in Verdict::ALL.iter().copied() {
                            option value=(verdict.as_str()) selected[self.filter.verdict == Some(verdict)] { (verdict::word(verdict)) }
                        }
                    }
                    (icon("down"))
                }
                button.btn data-pick-plain { "Filter" }
                @if self.filter.is_narrow() { a.btn.bare href=(self.address) { "Clear filters" } }
                span.muted {
                    small { (number(Verdict::Exact)) " exact · " (number(Verdict::Degraded)) " degraded · " (number(Verdict::Refused)) " refused" }
                }
            }
        }
    }

    fn group(&self, name: &str, group: &Group<'_>, room: &mut usize) -> Markup {
        let is_open = self.filter.open.as_deref() == Some(name);
        let mut only = url::form_urlencoded::Serializer::new(String::new());
        only.append_pair("open", name);
        let only = format!("{}?{}", self.address, only.finish());
        if group.shown.is_empty() {
            // The rows of other groups are not on the page; a link leads to them.
            let leads = self.filter.open.is_some() && !is_open;
            return html! { @if leads { div.pick.closed { a href=(only) { (name) } span.n { (group.chosen) " of " (group.all) } } } };
        }
        let fits = group.shown.len() <= *room;
        if fits {
            *room -= group.shown.len();
        }
        let is_wrong = group
            .shown
            .iter()
            .any(|operation| operation.name == self.rename || self.mistakes.at(&place(&operation.name)).is_some());
        html! {
            div.pick data-group {
                label.pick-all {
                    input type="checkbox" data-pick-group aria-label={ "All of " (name) } checked[group.chosen == group.all] disabled;
                }
                details open[fits || is_open || is_wrong] {
                    summary { span.tag { (name) } (icon("down")) span.n { span data-pick-count { (group.chosen) } " of " (group.all) } }
                    @if !is_open { a.only href=(only) data-pick-plain { "Only " (name) } }
                    ul.ops { @for operation in &group.shown { (self.row(operation)) } }
                }
            }
        }
    }

    /// The name of a command, which may have been changed.
    fn name<'n>(&'n self, operation: &'n OperationView) -> &'n str {
        let typed = self.names.and_then(|names| names.get(&place(&operation.name)));
        typed.map(str::trim).filter(|name| !name.is_empty()).unwrap_or(&operation.name)
    }

    fn row(&self, operation: &OperationView) -> Markup {
        let OperationView { name, method, path, summary, verdict, reasons, deprecated, .. } = operation;
        let shown = self.name(operation);
        let note = self.notes.get(name);
        let mistake = self.mistakes.at(&place(name));
        let is_named = self.names.is_some() && (shown != name || self.rename == name || mistake.is_some());
        html! {
            li data-op data-verdict=[(*verdict != Verdict::Exact).then_some(verdict.as_str())] {
                label {
                    input type="checkbox" name=(INCLUDE) value=(name) checked[(self.is_chosen)(name)];
                    code { (shown) }
                    span { b data-method=[(method != "GET").then_some(method)] { (method) } " " (path) }
                    span { @if let Some(summary) = summary { (summary) } @if *deprecated { em { " deprecated" } } }
                }
                span {
                    @if let Some(note) = note { (note.badge) }
                    @match verdict {
                        Verdict::Exact => "Exact",
                        Verdict::Degraded => (badge("warn", "alert", "Degraded")),
                        Verdict::Refused => (badge("bad", "cross", "Refused")),
                    }
                }
                @if is_named { (self.name_field(name, shown, mistake.as_deref())) }
                @if let Some(note) = note { @if !note.lines.is_empty() {
                    details.why { summary { (count(note.lines.len(), "change", "changes")) } ul { @for line in &note.lines { li { (line) } } } }
                } }
                @if !reasons.is_empty() {
                    details.why {
                        summary { (count(reasons.len(), "reason", "reasons")) }
                        ul { @for reason in reasons { li { (prose(&reason.message)) @if let Some(place) = place_in(operation, &reason.pointer) { " " code { (place) } } } } }
                    }
                }
            }
        }
    }

    /// The control of a name. Its id is the place of what may be wrong with it.
    fn name_field(&self, name: &str, shown: &str, mistake: Option<&str>) -> Markup {
        let here = id(&place(name));
        let error = format!("{here}-error");
        html! {
            div.rename {
                @if let Some(text) = mistake { p.error id=(error) { (icon("alert")) span { span.sr { "Error: " } (text) } } }
                input id=(here) name=(place(name)) value=(shown) aria-label={ "Name of " (name) } autocomplete="off" spellcheck="false"
                    aria-invalid=[mistake.map(|_| "true")] aria-describedby=[mistake.map(|_| &error)] data-focus[self.rename == name];
            }
        }
    }
}

/// The place of another name of a command.
pub(in crate::ui) fn place(name: &str) -> String {
    format!("{NAMES}/{name}")
}

/// Returns the place of a reason below its operation, which its row names already; `None` if it is the operation itself.
fn place_in<'r>(operation: &OperationView, pointer: &'r str) -> Option<&'r str> {
    let steps = [operation.path.as_str(), &operation.method.to_lowercase()];
    let own = pointer::of(["paths"].into_iter().chain(steps));
    let rest = pointer.strip_prefix(&own).filter(|rest| rest.is_empty() || rest.starts_with('/')).unwrap_or(pointer);
    (!rest.is_empty()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use floh_client::answers::Reason;

    use super::*;

    fn operation(name: &str, tag: Option<&str>, verdict: Verdict) -> OperationView {
        let reason = Reason { pointer: "/paths/~1pets/get".to_owned(), message: "a reason".to_owned() };
        OperationView {
            name: name.to_owned(),
            method: "GET".to_owned(),
            path: format!("/{name}"),
            summary: Some("What it <does>".to_owned()),
            tag: tag.map(str::to_owned),
            deprecated: name == "old",
            verdict,
            reasons: if verdict == Verdict::Exact { Vec::new() } else { vec![reason] },
        }
    }

    #[test]
    fn rows_in_every_state() {
        let operations = [
            operation("one", Some("a & b"), Verdict::Exact),
            operation("old", Some("a & b"), Verdict::Degraded),
            operation("wrong", Some("a & b"), Verdict::Refused),
            operation("pets", None, Verdict::Exact),
        ];
        let mut names = Typed::default();
        names.set(place("one"), "uno");
        let mut mistakes = Mistakes::default();
        mistakes.add(&place("wrong"), "a mistake");
        let note = Note { badge: badge("info", "plus", "New"), lines: vec![html! { "a change" }] };
        let notes = BTreeMap::from([("pets".to_owned(), note)]);
        let pick = Pick {
            address: "/import/1/commands",
            back: "/import/1/document",
            operations: &operations,
            is_chosen: &|name| name == "one" || name == "pets",
            names: Some(&names),
            rename: "old",
            notes: &notes,
            filter: &Filter::default(),
            mistakes: &mistakes,
            above: html! {},
        };
        let lines = |markup: &Markup| markup.0.replace("><", ">\n<");
        insta::assert_snapshot!("pick", lines(&pick.show()));
        let mut query = Typed::default();
        query.set("open", "pets");
        query.set("q", "GET /PETS");
        let filter = Filter::of(&query);
        let shown = Pick { filter: &filter, names: None, ..pick }.show();
        assert_eq!(filter.query().finish(), "open=pets&q=GET+%2FPETS");
        insta::assert_snapshot!("pick_of_a_group", lines(&shown));
    }

    #[test]
    fn at_most_so_many_rows_are_open_at_first() {
        let rows = |tag: &'static str, count: usize| {
            (0..count).map(move |number| operation(&format!("{tag}{number}"), Some(tag), Verdict::Exact))
        };
        let operations: Vec<OperationView> =
            rows("a", MAX_OPEN_ROWS - 1).chain(rows("b", 2)).chain(rows("c", 1)).chain(rows("d", 1)).collect();
        let pick = Pick {
            address: "/x",
            back: "/",
            operations: &operations,
            is_chosen: &|_| true,
            names: None,
            rename: "",
            notes: &BTreeMap::new(),
            filter: &Filter::default(),
            mistakes: &Mistakes::default(),
            above: html! {},
        };
        let shown = pick.show().into_string();
        let open: Vec<bool> = shown.split("data-group").skip(1).map(|part| part.contains("<details open>")).collect();
        assert_eq!(open, [true, false, true, false]);
    }
}
