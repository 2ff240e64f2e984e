//! Shows fields as controls, with their label, help and mistake.

use std::collections::BTreeMap;

use connector_runtime::schema::{Choice, pointer};
use jiff::Timestamp;
use maud::{Markup, html};

use super::label::capital;
use super::mistakes::{Line, Mistakes};
use super::spec::{Item, Kind, Spec, is_short, plain, shown, wire};
use super::typed::{AS_JSON, AS_TEXT, MODE, Typed, id};
use crate::ui::part::icon::icon;
use crate::ui::part::prose::prose;

/// From so many optional fields on, they are shown in a box of their own.
const FOLD_FROM: usize = 8;
/// From so many optional fields on, the box has a search field.
const SEARCH_FROM: usize = 12;
/// From so many choices on, one is searched by typing.
const TYPE_FROM: usize = 40;

/// A form as it is shown.
#[derive(Debug, Clone, Copy)]
pub(in crate::ui) struct FormView<'f> {
    /// What is in the inputs.
    pub(in crate::ui) typed: &'f Typed,
    /// What is wrong, each at its control.
    pub(in crate::ui) mistakes: &'f Mistakes,
    /// The secrets that are stored, by pointer, with the time when they were.
    pub(in crate::ui) stored: &'f BTreeMap<String, Timestamp>,
    /// The pointers of the secrets that were typed before and are kept by the server until the form is accepted.
    pub(in crate::ui) held: &'f [String],
}

impl FormView<'_> {
    /// Shows fields. Many optional ones are in a box that is open if one of them is wrong.
    pub(in crate::ui) fn fields(&self, at: &str, specs: &[Spec], what: &str) -> Markup {
        let optional: Vec<&Spec> = specs.iter().filter(|spec| !spec.required).collect();
        if optional.len() <= FOLD_FROM {
            return html! { div.fields { @for spec in specs { (self.field(spec, &pointer::join(at, &spec.name))) } } };
        }
        let here = |spec: &Spec| pointer::join(at, &spec.name);
        let used = optional.iter().filter(|spec| self.is_set(&here(spec))).count();
        let is_wrong = optional.iter().any(|spec| self.mistakes.has_within(&here(spec)));
        let is_edited = optional.iter().any(|spec| self.typed.is_edited(&here(spec)));
        let has_required = optional.len() < specs.len();
        html! {
            div.fields {
                @for spec in specs.iter().filter(|spec| spec.required) { (self.field(spec, &here(spec))) }
                details.more open[is_wrong || is_edited || !has_required] {
                    summary { "Optional" span.n { (used) " of " (optional.len()) " set" } }
                    div.in.stack data-find-in {
                        @if optional.len() > SEARCH_FROM {
                            div.search {
                                (icon("search"))
                                input type="search" aria-label={ "Find a " (what) } placeholder={ "Find a " (what) } data-find-field hidden;
                            }
                        }
                        div.fields { @for spec in &optional { (self.field(spec, &here(spec))) } }
                    }
                }
            }
        }
    }

    fn is_set(&self, at: &str) -> bool {
        self.stored.contains_key(at) || self.typed.has_within(at)
    }

    /// Shows one field.
    pub(in crate::ui) fn field(&self, spec: &Spec, at: &str) -> Markup {
        if spec.secret && (self.stored.contains_key(at) || self.held.iter().any(|held| held == at)) {
            return self.stored_secret(spec, at);
        }
        self.plain_field(spec, at)
    }

    /// Shows one field without what is stored of it.
    pub(super) fn plain_field(&self, spec: &Spec, at: &str) -> Markup {
        if self.typed.is_in_mode(at, AS_JSON) {
            return self.as_json(spec, at);
        }
        match &spec.kind {
            Kind::Text { .. } if spec.secret => self.single(spec, at, "", self.secret_input(spec, at, spec.required)),
            Kind::Text { is_url, is_long } => self.text(spec, at, *is_url, *is_long),
            Kind::Number { is_whole, .. } => {
                let mode = if *is_whole { "numeric" } else { "decimal" };
                self.single(spec, at, "short", self.input(spec, at, "text", Some(mode)))
            }
            Kind::Flag { or_unset: true } => {
                let value = self.typed.text(at);
                let options = [("", "Not set"), ("true", "True"), ("false", "False")];
                self.set(spec, at, "", segments(at, &options.map(|(v, t)| (v.to_owned(), t.to_owned())), value))
            }
            Kind::Flag { or_unset: false } => self.checkbox(spec, at),
            Kind::Day => self.single(spec, at, "short", self.input(spec, at, "date", None)),
            Kind::Moment if self.typed.is_in_mode(at, AS_TEXT) => self.single(
                spec,
                at,
                "short",
                html! { (self.input(spec, at, "text", None)) input type="hidden" name={ (at) (MODE) } value=(AS_TEXT); },
            ),
            Kind::Moment => self.single(
                spec,
                at,
                "short",
                html! { div.affix.short { (self.input(spec, at, "datetime-local", None)) span.unit { "UTC" } } },
            ),
            Kind::Time => self.single(spec, at, "short", self.input(spec, at, "text", None)),
            Kind::Choice { options, is_open } => self.choice(spec, at, options, *is_open),
            Kind::Lines(item) => self.lines(spec, at, *item),
            Kind::Checks(options) => self.checks(spec, at, options),
            Kind::Items { fields, most } => self.items(spec, at, fields, *most),
            Kind::Group(fields) => {
                self.set(spec, at, "", html! {
                    div.group { @for field in fields { (self.field(field, &pointer::join(at, &field.name))) } }
                    (self.json_button(spec, at))
                })
            }
            Kind::Pairs => self.pairs(spec, at),
            Kind::Json(_) => self.json_box(spec, at),
        }
    }

    fn text(&self, spec: &Spec, at: &str, is_url: bool, is_long: bool) -> Markup {
        let value = self.typed.text(at);
        if is_long || value.contains('\n') {
            let control = html! {
                textarea id=(id(at)) name=(at) rows="3" spellcheck="false" autocapitalize="off" autocomplete="off"
                    required[spec.required] placeholder=[&spec.placeholder] aria-invalid=[self.invalid(at)]
                    aria-describedby=[self.described(spec, at)] { "\n" (value) }
            };
            return self.single(spec, at, "", control);
        }
        self.single(spec, at, "", self.input(spec, at, "text", is_url.then_some("url")))
    }

    fn input(&self, spec: &Spec, at: &str, kind: &str, mode: Option<&str>) -> Markup {
        html! {
            input id=(id(at)) name=(at) type=(kind) inputmode=[mode] spellcheck="false" autocapitalize="off"
                autocomplete="off" step=[(kind == "datetime-local").then_some("any")] data-ask=[spec.asked_at] value=[self.typed.get(at)]
                placeholder=[(kind == "text").then_some(spec.placeholder.as_ref()).flatten()] required[spec.required]
                aria-invalid=[self.invalid(at)] aria-describedby=[self.described(spec, at)];
        }
    }

    fn checkbox(&self, spec: &Spec, at: &str) -> Markup {
        html! {
            div.field data-bad[self.mistakes.at(at).is_some()] {
                label.choice for=(id(at)) {
                    input type="checkbox" id=(id(at)) name=(at) value="true" checked[self.typed.text(at) == "true"]
                        aria-invalid=[self.invalid(at)] aria-describedby=[self.described(spec, at)];
                    span { (spec.label) " " (wire_name(spec)) }
                }
                (self.notes(spec, at))
            }
        }
    }

    fn choice(&self, spec: &Spec, at: &str, options: &[Choice], is_open: bool) -> Markup {
        let typed = self.typed.text(at);
        if is_open || options.len() > TYPE_FROM {
            return self.typed_choice(spec, at, options);
        }
        let none = match &spec.default {
            Some(default) if !default.is_null() => {
                let name = options.iter().find(|option| option.value == *default).map_or_else(|| plain(default), shown);
                format!("{name} (default)")
            }
            _ => "Not set".to_owned(),
        };
        let mut entries: Vec<(String, String)> =
            options.iter().map(|option| (option.value.to_string(), shown(option))).collect();
        if is_short(options) {
            if !spec.required {
                entries.insert(0, (String::new(), none));
            }
            return self.set(spec, at, "", segments(at, &entries, typed));
        }
        let first = if spec.required { "Choose one".to_owned() } else { none };
        entries.insert(0, (String::new(), first));
        let control = html! {
            span.sel {
                select id=(id(at)) name=(at) required[spec.required] aria-invalid=[self.invalid(at)]
                    aria-describedby=[self.described(spec, at)] {
                    @for (value, text) in &entries { option value=(value) selected[typed == value] { (text) } }
                }
                (icon("down"))
            }
        };
        self.single(spec, at, "short", control)
    }

    /// One of many choices: what is typed is looked up by its words.
    fn typed_choice(&self, spec: &Spec, at: &str, options: &[Choice]) -> Markup {
        let typed = self.typed.text(at);
        let chosen = options.iter().find(|option| wire(option) == typed);
        let value = chosen.map(|chosen| {
            let text = shown(chosen);
            let is_only = options.iter().filter(|option| shown(option) == text || plain(&option.value) == text).count();
            if is_only == 1 { text } else { typed.to_owned() }
        });
        let list = format!("{}.list", id(at));
        let control = html! {
            input id=(id(at)) name=(at) type="text" list=(list) spellcheck="false" autocapitalize="off" autocomplete="off"
                value=(value.as_deref().unwrap_or(typed)) placeholder=[&spec.placeholder] required[spec.required]
                aria-invalid=[self.invalid(at)] aria-describedby=[self.described(spec, at)];
            datalist id=(list) { @for option in options { option value=(shown(option)) {} } }
        };
        self.single(spec, at, "", control)
    }

    fn lines(&self, spec: &Spec, at: &str, item: Item) -> Markup {
        let what = if item == Item::Text { "One a line." } else { "One number a line." };
        let spec = &Spec { rule: Some(what.to_owned()), ..spec.clone() };
        let control = html! {
            textarea.code id=(id(at)) name=(at) rows="2" spellcheck="false" autocapitalize="off" autocomplete="off" data-lines
                required[spec.required] aria-invalid=[self.invalid(at)] aria-describedby=[self.described(spec, at)] {
                "\n" (self.typed.text(at))
            }
            (self.json_button(spec, at))
        };
        self.single(spec, at, "", control)
    }

    fn checks(&self, spec: &Spec, at: &str, options: &[Choice]) -> Markup {
        let typed = self.typed.all(at);
        self.set(spec, at, "", html! {
            div {
                @for option in options {
                    @let value = option.value.to_string();
                    label.choice { input type="checkbox" name=(at) value=(value) checked[typed.contains(&value)]; span { (shown(option)) } }
                }
            }
        })
    }

    /// A field whose label belongs to one input.
    #[expect(clippy::needless_pass_by_value, reason = "made where it is passed")]
    pub(super) fn single(&self, spec: &Spec, at: &str, class: &str, control: Markup) -> Markup {
        html! {
            div class={ "field " (class) } data-bad[self.mistakes.at(at).is_some()] {
                label for=(id(at)) { (self.words(spec)) }
                (self.notes(spec, at))
                (control)
            }
        }
    }

    /// A field whose label names a group of inputs.
    #[expect(clippy::needless_pass_by_value, reason = "made where it is passed")]
    pub(super) fn set(&self, spec: &Spec, at: &str, class: &str, control: Markup) -> Markup {
        html! {
            fieldset class={ "field " (class) } id=(id(at)) tabindex="-1" data-bad[self.mistakes.at(at).is_some()]
                aria-describedby=[self.described(spec, at)] {
                legend { (self.words(spec)) }
                (self.notes(spec, at))
                (control)
            }
        }
    }

    #[allow(clippy::unused_self, reason = "reads as the other parts of a field")]
    fn words(&self, spec: &Spec) -> Markup {
        html! { (spec.label) @if spec.required { " " span.req aria-hidden="true" { "required" } } " " (wire_name(spec)) }
    }

    /// The help and the mistake of a field.
    fn notes(&self, spec: &Spec, at: &str) -> Markup {
        html! {
            @if let Some(help) = help(spec) { p.help id={ (id(at)) ".help" } { (prose(&help)) } }
            @if let Some(mistake) = self.mistakes.at(at) {
                p.error id={ (id(at)) ".error" } { (icon("alert")) span { span.sr { "Error: " } (capital(&mistake)) } }
            }
        }
    }

    pub(super) fn invalid(&self, at: &str) -> Option<&'static str> {
        self.mistakes.at(at).map(|_| "true")
    }

    pub(super) fn described(&self, spec: &Spec, at: &str) -> Option<String> {
        let help = help(spec).map(|_| format!("{}.help", id(at)));
        let error = self.mistakes.at(at).map(|_| format!("{}.error", id(at)));
        match (help, error) {
            (Some(help), Some(error)) => Some(format!("{help} {error}")),
            (help, error) => help.or(error),
        }
    }
}

/// The list of what is wrong, above the form.
pub(in crate::ui) fn summary(lines: &[Line]) -> Markup {
    if lines.is_empty() {
        return html! {};
    }
    html! {
        div.summary #problems role="alert" tabindex="-1" aria-labelledby="problems-title" data-focus {
            h2 #problems-title {
                @if lines.len() == 1 { "One thing needs a look" } @else { (lines.len()) " things need a look" }
            }
            ul {
                @for line in lines {
                    li {
                        @match (&line.target, &line.label) {
                            (Some(target), Some(label)) => a href=(link(target)) { (label) ": " (line.message) },
                            _ => (line.message),
                        }
                    }
                }
            }
        }
    }
}

/// The address of a control: on this page, or whole where it is on another one.
fn link(target: &str) -> String {
    if target.starts_with('/') { target.to_owned() } else { format!("#{target}") }
}

/// Choices beside each other.
pub(super) fn segments(name: &str, options: &[(String, String)], chosen: &str) -> Markup {
    html! {
        div.segments {
            @for (value, text) in options {
                label { input type="radio" name=(name) value=(value) checked[chosen == value]; span { (text) } }
            }
        }
    }
}

/// The name of a field in the body, which scripts and REST use.
fn wire_name(spec: &Spec) -> Markup {
    html! { code.key aria-hidden="true" { (spec.name) } }
}

fn help(spec: &Spec) -> Option<String> {
    match (&spec.help, &spec.rule) {
        (Some(help), Some(rule)) => {
            let stop = if help.ends_with(['.', '!', '?', ':']) { "" } else { "." };
            Some(format!("{help}{stop} {rule}"))
        }
        (help, rule) => help.clone().or_else(|| rule.clone()),
    }
}
