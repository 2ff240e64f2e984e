//! Trying the script that stands in the editor: a command, its params, a connection without secrets, and mock data that
//! answers its requests.

use std::sync::Arc;

use connector_runtime::log::LogLine;
use connector_runtime::schema::ConfigSchema;
use floh_client::answers::ConnectorResult;
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use crate::auth::{OpContext, Scope};
use crate::error::Error;
use crate::execute::{self, ToldRequest, Trial, Tried};
use crate::services::Services;
use crate::ui::door::Frame;
use crate::ui::form::{Line, Typed, capital, id};
use crate::ui::part::badge::badge;
use crate::ui::part::editor::{Editor, Lang, Mark};
use crate::ui::part::icon::icon;
use crate::ui::part::result;

/// The input with the command.
const COMMAND: &str = "/try/command";
/// What the inputs of a trial are below.
pub(in crate::ui::page) const TRY: &str = "/try";
/// The input with the params.
const PARAMS: &str = "/try/params";
/// The input with the connection.
pub(in crate::ui::page) const CONFIG: &str = "/try/config";
/// The input with what answers requests.
const ANSWERS: &str = "/try/answers";
/// The inputs with JSON, each with its label and the place that the use case names.
const INPUTS: [(&str, &str, &str); 3] =
    [(PARAMS, "Params", "/params"), (CONFIG, "Connection", "/config"), (ANSWERS, "Mock data", "/answers")];
/// The most lines of the log that are shown.
const MAX_LOG_LINES: usize = 200;

/// What came of a trial.
#[derive(Debug, Default)]
pub(in crate::ui::page) struct Trying {
    tried: Option<Tried>,
    /// What is wrong, by the name of the input.
    wrong: Vec<(&'static str, Mark)>,
}

/// Writes a beginning into the inputs.
pub(in crate::ui::page) fn begin(schema: &Value, typed: &mut Typed) {
    typed.set(ANSWERS, "[\n  { \"status\": 200, \"body\": {} }\n]");
    let first = commands(schema).next().unwrap_or_default().to_owned();
    typed.set(COMMAND, schema.get("defaultCommand").and_then(Value::as_str).unwrap_or(&first));
    fill(schema, typed);
}

fn commands(schema: &Value) -> impl Iterator<Item = &str> {
    schema.get("commands").and_then(Value::as_object).into_iter().flat_map(Map::keys).map(String::as_str)
}

/// Writes examples of the params and the connection for the command that is chosen.
pub(in crate::ui::page) fn fill(schema: &Value, typed: &mut Typed) {
    let command = schema.get("commands").and_then(|all| all.get(typed.text(COMMAND)));
    let params = command.and_then(|command| command.get("paramSchema")).and_then(Value::as_object);
    typed.set(PARAMS, examples(params));
    fill_connection(schema, typed);
}

/// Writes examples of the connection.
pub(in crate::ui::page) fn fill_connection(schema: &Value, typed: &mut Typed) {
    typed.set(CONFIG, examples(schema.get("connectionConfig").and_then(Value::as_object)));
}

/// An example of each field that has one or that must be given.
fn examples(fields: Option<&Map<String, Value>>) -> String {
    let example = |field: &Value| -> Option<Value> {
        if field.get("secret") == Some(&Value::Bool(true)) {
            return None;
        }
        let known = ["example", "default"].iter().find_map(|key| field.get(key).filter(|value| !value.is_null()));
        if let Some(known) = known {
            return Some(known.clone());
        }
        let is_required = field.get("required") == Some(&Value::Bool(true));
        let kind = field.get("type").and_then(Value::as_str).unwrap_or_default();
        let format = field.get("format").and_then(Value::as_str).unwrap_or_default();
        is_required.then(|| match (kind, format) {
            ("string", "uri") => json!("https://api.example.com"),
            ("number", _) => json!(1),
            ("boolean", _) => json!(true),
            ("array", _) => json!([]),
            ("object" | "raw", _) => json!({}),
            ("date", _) => json!("2026-01-31"),
            ("select", _) => field.pointer("/options/0/value").cloned().unwrap_or_default(),
            _ => json!("text"),
        })
    };
    let all = fields.into_iter().flatten().filter_map(|(name, field)| Some((name.clone(), example(field)?)));
    serde_json::to_string_pretty(&all.collect::<Map<String, Value>>()).unwrap_or_default()
}

impl Trying {
    /// Tries the script in the editor.
    pub(in crate::ui::page) async fn run(
        ctx: &OpContext,
        services: &Services,
        schema: ConfigSchema,
        source: &str,
        typed: &mut Typed,
    ) -> Result<Self, Error> {
        let mut trying = Self::default();
        let params = trying.object(PARAMS, typed);
        let config = trying.object(CONFIG, typed);
        let answers = trying.answers(typed);
        if !trying.is_fine() {
            return Ok(trying);
        }
        let (command, source) = (typed.text(COMMAND).to_owned(), typed.text(source).to_owned());
        let trial = Trial { schema: Arc::new(schema), source, command, params, config: config.clone(), answers };
        match execute::try_script(ctx, services, trial).await {
            Ok(tried) => trying.tried = Some(tried),
            Err(error) if !error.mistakes().is_empty() => trying.place(&error, config, typed),
            Err(error) => return Err(error),
        }
        Ok(trying)
    }

    /// Puts the mistakes of the use case at their inputs. A secret that was typed is taken out of its input, because no
    /// page may have one.
    fn place(&mut self, error: &Error, mut config: Map<String, Value>, typed: &mut Typed) {
        for mistake in error.mistakes() {
            let found = INPUTS.iter().find(|(_, _, at)| mistake.pointer.starts_with(at));
            let name = found.map_or(COMMAND, |(name, ..)| name);
            let place = found.map_or("", |(_, _, at)| mistake.pointer.strip_prefix(at).unwrap_or_default());
            let message = match place.trim_start_matches('/') {
                "" => mistake.message.clone(),
                place => format!("{place}: {}", mistake.message),
            };
            if name == CONFIG {
                config.shift_remove(place.trim_start_matches('/'));
                typed.set(CONFIG, serde_json::to_string_pretty(&config).unwrap_or_default());
            }
            self.wrong.push((name, Mark { line: None, column: None, message }));
        }
    }

    fn object(&mut self, name: &'static str, typed: &Typed) -> Map<String, Value> {
        let text = typed.text(name);
        if text.trim().is_empty() {
            return Map::new();
        }
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(map)) => return map,
            Ok(_) => {
                let message = "expected an object: { ... }".to_owned();
                self.wrong.push((name, Mark { line: None, column: None, message }));
            }
            Err(error) => self.wrong.push((name, Mark::of_json(&error))),
        }
        Map::new()
    }

    fn answers(&mut self, typed: &mut Typed) -> Vec<execute::MockAnswer> {
        let text = typed.text(ANSWERS);
        if text.trim().is_empty() {
            return Vec::new();
        }
        let value = match serde_json::from_str::<Value>(text) {
            Ok(value) => value,
            Err(error) => {
                self.wrong.push((ANSWERS, Mark::of_json(&error)));
                return Vec::new();
            }
        };
        execute::mock_answers(&value).unwrap_or_else(|error| {
            self.place(&error, Map::new(), typed);
            Vec::new()
        })
    }

    /// Returns whether nothing is wrong in the inputs.
    pub(in crate::ui::page) fn is_fine(&self) -> bool {
        self.wrong.is_empty()
    }

    /// Returns the lines of the summary.
    pub(in crate::ui::page) fn lines(&self) -> Vec<Line> {
        let label = |name: &str| INPUTS.iter().find(|input| input.0 == name).map_or("Command", |input| input.1);
        self.wrong.iter().map(|(name, mark)| mark.summary_line(name, label(name))).collect()
    }

    /// Shows the inputs and the result. `schema` is the one in the editor, if it can be read.
    pub(in crate::ui::page) fn show(&self, frame: &Frame, typed: &Typed, schema: Option<&ConfigSchema>) -> Markup {
        let may_try = frame.allows(Scope::ConnectorsExecute);
        let marks = |name: &str| -> Vec<Mark> {
            self.wrong.iter().filter(|wrong| wrong.0 == name).map(|wrong| wrong.1.clone()).collect()
        };
        let editor = |name: &'static str, label: &'static str, help: &'static str| {
            let marks = marks(name);
            Editor {
                help: Some(help),
                marks: &marks,
                size: "small",
                ..Editor::new(name, label, Lang::Json, typed.text(name))
            }
            .show()
        };
        html! {
            div.stack {
                section.card aria-labelledby="try-title" {
                    header { h2 #try-title { "Try it" } }
                    div.body.stack {
                        p.help { "Runs the script as it stands in the editor, in the sandbox. Nothing is sent, and nothing is recorded." }
                        (command(typed, marks(COMMAND).first(), schema))
                        (editor(PARAMS, "Params", "As JSON: floh.params."))
                        (editor(CONFIG, "Connection", "As JSON: floh.config. Secrets are placeholders."))
                        (editor(ANSWERS, "Mock data", "What floh.http is answered, in turn: a list of method, url (a part of it), status, headers, body."))
                    }
                    footer {
                        button.btn name="go" value="try" disabled[!may_try] title=[(!may_try).then_some("Needs the scope connectors:execute")] { (icon("play")) "Try it" }
                        button.btn.bare name="go" value="fill" { "Fill in examples" }
                    }
                }
                section.card #result aria-label="Result" tabindex="-1" {
                    h2.sr { "Result" }
                    @match &self.tried {
                        Some(tried) => (outcome(tried)),
                        None => div.empty { (icon("play")) p { b { "Not tried yet" } } },
                    }
                }
            }
        }
    }
}

/// The choice of the command; where the schema cannot be read, its name is typed.
fn command(typed: &Typed, wrong: Option<&Mark>, schema: Option<&ConfigSchema>) -> Markup {
    let (here, chosen) = (id(COMMAND), typed.text(COMMAND));
    let error = format!("{here}.error");
    let (invalid, described) = (wrong.map(|_| "true"), wrong.map(|_| error.as_str()));
    let names: Vec<&String> = schema.iter().flat_map(|schema| schema.commands.keys()).collect();
    html! {
        div.field data-bad[wrong.is_some()] {
            label for=(here) { "Command" }
            @if let Some(mark) = wrong { p.error id=(error) { (icon("alert")) span { span.sr { "Error: " } (capital(&mark.message)) } } }
            @if names.is_empty() {
                input id=(here) name=(COMMAND) value=(chosen) autocomplete="off" spellcheck="false" aria-invalid=[invalid] aria-describedby=[described];
            } @else {
                span.sel {
                    select id=(here) name=(COMMAND) aria-invalid=[invalid] aria-describedby=[described] {
                        @for name in &names { option value=(name) selected[*name == chosen] { (name) } }
                    }
                    (icon("down"))
                }
            }
        }
    }
}

fn outcome(tried: &Tried) -> Markup {
    let result: ConnectorResult = serde_json::from_str(&tried.reply.to_json()).unwrap_or_default();
    html! {
        header {
            (if result.success { badge("good", "check", "Succeeded") } else { badge("bad", "cross", "Failed") })
            span.muted { (tried.took.as_millis()) " ms" }
        }
        div.body.stack {
            (result::shown(&result, "", None, None))
            (requests(&tried.requests))
            (logs(&tried.logs))
        }
    }
}

/// What the script would have sent.
fn requests(requests: &[ToldRequest]) -> Markup {
    html! {
        @if !requests.is_empty() {
            div {
                h3 { "Would have sent" }
                ol.requests {
                    @for request in requests {
                        li { code { (request.method) " " (request.url) } " " @match request.status { Some(status) => span.muted { "answered " (status) }, None => span.badge.warn { (icon("alert")) "no answer" } } }
                    }
                }
            }
        }
    }
}

fn logs(lines: &[LogLine]) -> Markup {
    html! {
        @if !lines.is_empty() {
            div {
                h3 { "Logs" }
                ol.requests { @for line in lines.iter().take(MAX_LOG_LINES) { li { span.muted { (line.level) } " " code { (line.message) } } } }
                @if lines.len() > MAX_LOG_LINES { p.help { (lines.len() - MAX_LOG_LINES) " more lines" } }
            }
        }
    }
}
