//! The step of a script connector: its name, its script and the schema of its commands.

use axum::http::StatusCode;
use axum::response::Response;
use connector_runtime::schema::ConfigSchema;
use floh_client::words::ExecutionModel;
use maud::html;

use super::type_choice::{check_name, describing};
use super::{Step, Wizard};
use crate::api::Problem;
use crate::catalog;
use crate::ui::config_schema;
use crate::ui::form::{self, FormView, Mistakes, Spec, Typed, summary};
use crate::ui::page::checked::{self, Checked, Edited};
use crate::ui::page::trial::{self, TRY, Trying};
use crate::ui::part::editor::{Editor, Lang, Mark};
use crate::ui::part::reference;

pub(super) use crate::ui::page::checked::SOURCE;
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
    /// Whether to say so.
    tells: bool,
    trying: Trying,
}

/// Puts the sample into a draft that has no script yet.
fn begin(typed: &mut Typed) {
    let (source, schema) = catalog::sample_script();
    typed.set(SOURCE, source);
    typed.set("/version", FIRST_VERSION);
    config_schema::fill(&schema, typed);
}

/// Puts a beginning into the inputs of the trial, unless they have something.
fn begin_trial(typed: &mut Typed) {
    let is_begun = typed.has_within(TRY);
    let Ok(written) = config_schema::read(typed) else { return };
    if !is_begun {
        trial::begin(&written.value, typed);
    } else if typed.get(trial::CONFIG).is_none() {
        trial::fill_connection(&written.value, typed);
    }
}

pub(super) fn show(wizard: &Wizard<'_>) -> Response {
    let mut typed = wizard.typed().clone();
    if typed.get(SOURCE).is_none() {
        begin(&mut typed);
    }
    begin_trial(&mut typed);
    page(wizard, StatusCode::OK, &typed, Look::default())
}

fn page(wizard: &Wizard<'_>, status: StatusCode, typed: &Typed, look: Look<'_>) -> Response {
    let Look { mut mistakes, marks, pressed, sound, tells, trying } = look;
    let specs = fields();
    let schema_marks = config_schema::marks(typed, &mut mistakes);
    let mut lines = mistakes.lines(&[("", &specs), ("", &[config_schema::spec()])], typed);
    lines.extend(marks.iter().map(|mark| mark.summary_line(SOURCE, "Script")));
    lines.extend(config_schema::lines(&schema_marks));
    lines.extend(trying.lines());
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
    let declared = sound.clone().or_else(|| config_schema::parsed(typed));
    let content = html! {
        form #code.stack method="post" action=(wizard.address(Step::Code)) novalidate data-guard data-swap="code" {
            button.sr name="go" value="next" tabindex="-1" aria-hidden="true" {}
            (summary(&lines))
            section.card aria-labelledby="details-title" {
                header { h2 #details-title { "Details" } }
                div.body { div.fields.grid { @for spec in &specs { (view.field(spec, &format!("/{}", spec.name))) } } }
            }
            div.bench {
                div.stack {
                    section.card aria-labelledby="script-title" {
                        header { h2 #script-title { "Script" } }
                        div.body { (editor.show()) }
                    }
                    (schema.show())
                }
                (trying.show(wizard.frame, typed, declared.as_ref()))
            }
            @if tells && sound.is_some() { (reference::checked()) }
            div.row {
                button.btn.main name="go" value="next" { "Next" }
                button.btn name="go" value="check" { "Check" }
                a.btn.bare href="/new" { "Back" }
            }
        }
        div.stack.reference { (reference::show(name, typed.text("/version"), declared.as_ref())) }
    };
    wizard.page(Step::Code, status, &content)
}

/// Returns the name of the type: the connector's own where none was typed.
pub(super) fn type_name(typed: &Typed) -> &str {
    let name = typed.text("/type").trim();
    if name.is_empty() { typed.text("/name").trim() } else { name }
}

pub(super) async fn take(wizard: Wizard<'_>, mut typed: Typed) -> Result<Response, Problem> {
    let pressed = typed.take(form::EDIT);
    let go = typed.text("go").to_owned();
    let mut look = Look { pressed: pressed.as_deref().unwrap_or_default(), tells: go == "check", ..Look::default() };
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
    let places = own.iter().map(|spec| format!("/{}", spec.name)).chain([SOURCE.to_owned(), TRY.to_owned()]);
    for place in places.chain(config_schema::places().map(str::to_owned)) {
        next.forget(&place);
        next.adopt(&typed, &place);
    }
    // The connection of a trial is not kept: a secret may have been typed into it.
    let mut kept = next.clone();
    kept.forget(trial::CONFIG);
    let wizard = wizard.save(kept).await?;
    if pressed.is_some() {
        let status = if look.mistakes.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        return Ok(page(&wizard, status, &next, look));
    }
    let goes_on = !matches!(&*go, "check" | "try" | "fill");
    if goes_on {
        check_name(&wizard.ctx, wizard.services, &next, &mut look.mistakes).await?;
    }
    let edited = Edited {
        name: Some(type_name(&next)).filter(|_| goes_on),
        version: Some(next.text("/version").trim()).filter(|_| goes_on),
        model: ExecutionModel::Script,
        stored: None,
        typed: &next,
    };
    let Checked { sound, written, marks, mut mistakes } = checked::check(&wizard.ctx, wizard.services, edited).await?;
    if next.text("/type").trim().is_empty() {
        // The type has the connector's name, so its mistake is that of the name.
        for (_, message) in mistakes.take_within("/type") {
            mistakes.add("/name", message);
        }
    }
    (look.sound, look.marks) = (sound, marks);
    look.mistakes.add_missing(mistakes);
    match (&*go, &look.sound, &written) {
        ("try", Some(schema), _) => {
            let schema = schema.clone();
            look.trying = Trying::run(&wizard.ctx, wizard.services, schema, SOURCE, &mut next).await?;
        }
        ("fill", _, Some(written)) => trial::fill(&written.value, &mut next),
        _ => {}
    }
    let is_sound = look.mistakes.is_empty() && look.marks.is_empty() && look.trying.is_fine();
    if is_sound && goes_on {
        return Ok(wizard.go(Step::Connection));
    }
    let status = if is_sound { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(page(&wizard, status, &next, look))
}
