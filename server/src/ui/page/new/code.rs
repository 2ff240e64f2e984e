//! The step of a script connector: its name, its script and the schema of its commands.

use axum::http::StatusCode;
use axum::response::Response;
use connector_runtime::schema::ConfigSchema;
use floh_client::words::ExecutionModel;
use maud::{Markup, html};

use super::type_choice::{check_name, describing};
use super::{Step, Wizard};
use crate::api::Problem;
use crate::catalog::{self, WrittenType};
use crate::error::Error;
use crate::ui::config_schema;
use crate::ui::form::{self, FormView, Mistakes, Spec, Typed, summary};
use crate::ui::part::editor::{Editor, Lang, Mark};
use crate::ui::part::icon::icon;
use crate::ui::part::reference;

/// The input with the script.
pub(super) const SOURCE: &str = "/scriptSource";
/// The version that a new type begins with.
const FIRST_VERSION: &str = "1.0.0";

/// The fields of this step, beside the script and the schema.
pub(super) fn fields() -> Vec<Spec> {
    let mut specs = describing();
    let mut kind = Spec::text("type", "Type");
    kind.help = Some("The name of its new type, under which more connectors can be made; the connector's own name if it is left out.".to_owned());
    let mut version = Spec::text("version", "Version");
    version.required = true;
    version.help = Some("Of the type.".to_owned());
    specs.insert(1, kind);
    specs.insert(2, version);
    specs
}

/// The fields of this step with the script and the schema, for the mistakes of the creation.
pub(super) fn all_fields() -> Vec<Spec> {
    let mut specs = fields();
    specs.extend([Spec::text("scriptSource", "Script"), Spec::text("configSchema", "Schema")]);
    specs
}

/// What the step shows beside what was typed.
#[derive(Default)]
struct Look<'l> {
    mistakes: Mistakes,
    /// What is wrong in the script.
    marks: Vec<Mark>,
    pressed: &'l str,
    /// The schema, if it was checked and is sound.
    sound: Option<ConfigSchema>,
}

/// Puts the sample into a draft that has no script yet.
fn begin(typed: &mut Typed) {
    let (source, schema) = catalog::sample_script();
    typed.set(SOURCE, source);
    typed.set("/version", FIRST_VERSION);
    config_schema::fill(&schema, typed);
}

pub(super) fn show(wizard: &Wizard<'_>) -> Response {
    let mut typed = wizard.typed().clone();
    if typed.get(SOURCE).is_none() {
        begin(&mut typed);
    }
    page(wizard, StatusCode::OK, &typed, Look::default())
}

fn page(wizard: &Wizard<'_>, status: StatusCode, typed: &Typed, look: Look<'_>) -> Response {
    let Look { mut mistakes, marks, pressed, sound } = look;
    let specs = fields();
    let schema_marks = config_schema::marks(typed, &mut mistakes);
    let mut lines = mistakes.lines(&[("", &specs), ("", &[config_schema::spec()])], typed);
    lines.extend(marks.iter().map(|mark| mark.summary_line(SOURCE, "Script")));
    lines.extend(config_schema::lines(&schema_marks));
    let placed = mistakes.placed("", &specs, typed).placed("", &[config_schema::spec()], typed);
    let view = FormView { typed, mistakes: &placed, stored: &std::collections::BTreeMap::new(), held: &[] };
    let editor = Editor {
        help: Some("A function for every command; it begins with the sample."),
        marks: &marks,
        required: true,
        ..Editor::new(SOURCE, "Script", Lang::Js, typed.text(SOURCE))
    };
    let schema = config_schema::Shown { typed, mistakes: &placed, marks: &schema_marks, pressed };
    let name = typed.text("/name").trim();
    let declared = match &sound {
        Some(schema) => Some(schema.clone()),
        None => config_schema::read(typed).ok().and_then(|written| ConfigSchema::parse(&written.value).ok()),
    };
    let content = html! {
        div.aside {
            form #code.stack method="post" action=(wizard.address(Step::Code)) novalidate data-guard data-swap="code" {
                button.sr name="go" value="next" tabindex="-1" aria-hidden="true" {}
                (summary(&lines))
                section.card aria-labelledby="details-title" {
                    header { h2 #details-title { "Details" } }
                    div.body { div.fields.grid { @for spec in &specs { (view.field(spec, &format!("/{}", spec.name))) } } }
                }
                section.card aria-labelledby="script-title" {
                    header { h2 #script-title { "Script" } }
                    div.body { (editor.show()) }
                }
                (schema.show())
                @if sound.is_some() { (checked()) }
                div.row {
                    button.btn.main name="go" value="next" { "Next" }
                    button.btn name="go" value="check" { "Check" }
                    a.btn.bare href="/new" { "Back" }
                }
            }
            aside.stack { (reference::show(name, typed.text("/version"), declared.as_ref())) }
        }
    };
    wizard.page(Step::Code, status, &content)
}

/// Says that nothing is wrong.
pub(in crate::ui) fn checked() -> Markup {
    html! { p.notice.good role="status" { (icon("check")) span { "The script has a function for every command, and the schema is sound." } } }
}

/// Returns the name of the type: the connector's own where none was typed.
pub(super) fn type_name(typed: &Typed) -> &str {
    let name = typed.text("/type").trim();
    if name.is_empty() { typed.text("/name").trim() } else { name }
}

pub(super) async fn take(wizard: Wizard<'_>, mut typed: Typed) -> Result<Response, Problem> {
    let pressed = typed.take(form::EDIT);
    let is_check = typed.text("go") == "check";
    let mut look = Look { pressed: pressed.as_deref().unwrap_or_default(), ..Look::default() };
    if let Some(button) = &pressed {
        let edited = if config_schema::is_own(button) {
            config_schema::edit(button, &mut typed)?
        } else {
            form::edit(button, "", &fields(), &mut typed)
        };
        look.mistakes = edited;
    }
    let mut next = wizard.typed().clone();
    let own = fields();
    let places = own.iter().map(|spec| format!("/{}", spec.name)).chain([SOURCE.to_owned()]);
    for place in places.chain(config_schema::places().map(str::to_owned)) {
        next.forget(&place);
        next.adopt(&typed, &place);
    }
    let wizard = wizard.save(next.clone()).await?;
    if pressed.is_some() {
        let status = if look.mistakes.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        return Ok(page(&wizard, status, &next, look));
    }
    if !is_check {
        check_name(&wizard, &next, &mut look.mistakes).await?;
    }
    look.sound = check(&wizard, &next, is_check, &mut look).await?;
    let is_sound = look.mistakes.is_empty() && look.marks.is_empty();
    if is_sound && !is_check {
        return Ok(wizard.go(Step::Connection));
    }
    let status = if is_sound { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(page(&wizard, status, &next, look))
}

/// Checks the script and its schema, as the creation will.
async fn check(
    wizard: &Wizard<'_>,
    typed: &Typed,
    is_check: bool,
    look: &mut Look<'_>,
) -> Result<Option<ConfigSchema>, Error> {
    let written = match config_schema::read(typed) {
        Ok(written) => written,
        Err(mistakes) => {
            look.mistakes.add_missing(mistakes);
            return Ok(None);
        }
    };
    let name = Some(type_name(typed)).filter(|_| !is_check);
    let version = Some(typed.text("/version").trim()).filter(|_| !is_check);
    let source = typed.text(SOURCE);
    let checked = WrittenType { name, version, model: ExecutionModel::Script, schema: &written.value, source };
    match catalog::check_written(&wizard.ctx, wizard.services, checked).await {
        Ok(schema) => Ok(Some(schema)),
        Err(error) if !error.mistakes().is_empty() => {
            look.marks = Mark::of(&error, SOURCE);
            let mut found = written.placed(&error);
            found.take_within(SOURCE);
            if typed.text("/type").trim().is_empty() {
                // The type has the connector's name, so its mistake is that of the name.
                for (_, message) in found.take_within("/type") {
                    found.add("/name", message);
                }
            }
            look.mistakes.add_missing(found);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
