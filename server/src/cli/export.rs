//! `floh export` and `floh import-config`: connectors of a running server as one document, and back.

use std::fs;
use std::io::Read as _;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use connector_runtime::version::Level;
use floh_client::ConnectorFilter;
use floh_client::answers::{ConnectorView, TypeDiff, TypeView};
use floh_client::bodies::TypeChange;
use floh_client::{Client, ClientError};
use serde_json::{Value, json};

use super::server::{ServerArgs, mended};
use super::{CliError, print, print_note, runtime};
use crate::config::seal_process;
use crate::config_document::{ConfigDocument, MAX_ENTRIES, Plan, Step, plan};

/// The maximum number of bytes of a document.
const MAX_DOCUMENT: u64 = 64 << 20;
/// The maximum number of mistakes that are shown of one refusal.
const MAX_MISTAKES: usize = 5;

#[derive(Debug, Args)]
#[command(after_help = "Example: what is configured, into git.
  floh export > connectors.yaml

Types that are compiled in are not part of it. Secrets appear by name, never by value.")]
pub(super) struct ExportArgs {
    /// Names of connectors; all if absent.
    names: Vec<String>,
    /// Only connectors of this type.
    #[arg(long = "type", value_name = "TYPE")]
    type_name: Option<String>,
    /// Only connectors with this tag.
    #[arg(long)]
    tag: Option<String>,
    /// How it is written.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// The same as --format json.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    #[default]
    Yaml,
    Json,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: what a reviewed document would change, and then the change.
  floh import-config connectors.yaml --dry-run
  floh import-config connectors.yaml

Connectors that the document does not name are left alone. Secrets are set by hand afterwards.")]
pub(super) struct ImportConfigArgs {
    /// A document of `floh export`, as YAML or JSON; - reads standard input.
    file: String,
    /// Take only these connectors, and their types; may be repeated.
    #[arg(long = "only", value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Show what would be made, changed and cleared, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object a line: one for each entry that is not as it should be.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

pub(super) fn export(args: &ExportArgs) -> Result<ExitCode, CliError> {
    let server = args.server.client()?;
    seal_process();
    runtime()?.block_on(async {
        let filter =
            ConnectorFilter { type_name: args.type_name.clone(), tag: args.tag.clone(), ..ConnectorFilter::default() };
        let mut connectors = list(&server, &filter).await?;
        if !args.names.is_empty() {
            let missing: Vec<&str> = args
                .names
                .iter()
                .filter(|name| !connectors.iter().any(|one| one.name == **name))
                .map(String::as_str)
                .collect();
            if !missing.is_empty() {
                return Err(CliError::Failed(format!("there is no connector {} to export", missing.join(", "))));
            }
            connectors.retain(|one| args.names.contains(&one.name));
        }
        let types = types_of(&server, connectors.iter().map(|one| one.type_name.as_str())).await?;
        let document = ConfigDocument::of(&connectors, &types);
        let json = args.json || args.format == Format::Json;
        match document.to_yaml().filter(|_| !json) {
            Some(yaml) => print(yaml.strip_suffix('\n').unwrap_or(&yaml)),
            None => {
                if !json {
                    print_note("written as JSON, which is YAML, too: a number in it would change in the other form");
                }
                print(document.to_json());
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}

pub(super) async fn list(server: &Client, filter: &ConnectorFilter) -> Result<Vec<ConnectorView>, CliError> {
    server
        .list_connectors(filter)
        .limit(floh_client::client::MAX_PAGE)
        .collect(MAX_ENTRIES)
        .await
        .map_err(|error| unreachable(&error))
}

/// Reads types by name, each once; those that do not exist are left out.
async fn types_of<'n>(server: &Client, names: impl Iterator<Item = &'n str>) -> Result<Vec<TypeView>, CliError> {
    let names: std::collections::BTreeSet<&str> = names.collect();
    let mut types = Vec::new();
    for name in names {
        match server.get_type(name).await {
            Ok(found) => types.push(found),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(unreachable(&error)),
        }
    }
    Ok(types)
}

pub(super) fn unreachable(error: &ClientError) -> CliError {
    CliError::Failed(if matches!(error, ClientError::Transport { .. }) { mended(error) } else { reason(error) })
}

/// What a server refused, with the places of the mistakes.
pub(super) fn reason(error: &ClientError) -> String {
    let mistakes = error.problem().map_or(&[][..], |problem| &problem.errors);
    let named: Vec<String> =
        mistakes.iter().take(MAX_MISTAKES).map(|one| format!("{}: {}", one.pointer, one.message)).collect();
    let text = error.to_string();
    // A single mistake is in the text already.
    if named.iter().all(|one| text.contains(one.as_str())) { text } else { format!("{text} ({})", named.join("; ")) }
}

pub(super) fn import(args: &ImportConfigArgs) -> Result<ExitCode, CliError> {
    let mut document = read(&args.file)?;
    if !args.only.is_empty() {
        document.connectors.retain(|one| args.only.contains(&one.name));
        let missing = args.only.iter().find(|name| !document.connectors.iter().any(|one| one.name == **name));
        if let Some(name) = missing {
            return Err(CliError::Usage(format!("there is no connector {name} in {}", args.file)));
        }
        document.types.retain(|one| document.connectors.iter().any(|connector| connector.type_name == one.name));
    }
    let server = args.server.client()?;
    seal_process();
    runtime()?.block_on(async {
        let names = document.types.iter().map(|one| one.name.as_str());
        let types =
            types_of(&server, names.chain(document.connectors.iter().map(|one| one.type_name.as_str()))).await?;
        let mut connectors = Vec::new();
        for entry in &document.connectors {
            match server.get_connector(&entry.name).await {
                Ok(found) => connectors.push(found),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(unreachable(&error)),
            }
        }
        let mut plan = plan(&document, &types, &connectors);
        leave_equal_schemas(&server, &mut plan).await?;
        let shown = if args.dry_run { look(&server, &plan).await? } else { apply(&server, &plan).await };
        let failed = shown.iter().any(|one| matches!(one.result, Outcome::Failed(_) | Outcome::Skipped(_)));
        for one in &shown {
            if args.json { print(one.json()) } else { one.show() }
        }
        if !args.json {
            let done = shown.iter().filter(|one| matches!(one.result, Outcome::Done | Outcome::Planned)).count();
            let verb = if args.dry_run { "would change" } else { "changed" };
            print(format_args!("{done} {verb}, {} not possible, {} unchanged", shown.len() - done, plan.unchanged));
            if !args.dry_run {
                secrets_to_set(&server, &plan).await?;
            }
        }
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    })
}

/// Reads a file, or standard input for `-`, of at most so many bytes; `advice` is what to say if it has more.
pub(super) fn read_file(file: &str, most: u64, advice: &str) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    let read = match file {
        "-" => std::io::stdin().take(most + 1).read_to_end(&mut bytes),
        path => fs::File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes)),
    };
    read.map_err(|error| CliError::Usage(format!("cannot read {file}: {error}")))?;
    if bytes.len() as u64 > most {
        return Err(CliError::Usage(format!("{file} has more than {most} bytes; {advice}")));
    }
    Ok(bytes)
}

fn read(file: &str) -> Result<ConfigDocument, CliError> {
    let bytes = read_file(file, MAX_DOCUMENT, "cut it into several documents")?;
    ConfigDocument::read(&bytes).map_err(|error| CliError::Failed(format!("{file}: {error}")))
}

/// What became of an entry of the document.
struct Shown {
    action: &'static str,
    subject: String,
    differences: Vec<String>,
    clears: Vec<String>,
    result: Outcome,
}

enum Outcome {
    Planned,
    Done,
    Failed(String),
    /// Not tried, because of something else.
    Skipped(String),
}

impl Shown {
    fn of(step: &Step, result: Outcome) -> Self {
        let (action, differences, clears) = match step {
            Step::Create { new_type, new, .. } => {
                let with = new_type.then(|| format!("with the new type {}", new.type_name));
                ("create", with.into_iter().collect(), Vec::new())
            }
            Step::ChangeType { differences, .. } => ("change", differences.clone(), Vec::new()),
            Step::ChangeConnector { differences, clears, .. } => ("change", differences.clone(), clears.clone()),
        };
        Self { action, subject: step.subject(), differences, clears, result }
    }

    fn json(&self) -> Value {
        let (result, reason) = match &self.result {
            Outcome::Planned => ("planned", None),
            Outcome::Done => ("done", None),
            Outcome::Failed(reason) => ("failed", Some(reason)),
            Outcome::Skipped(reason) => ("skipped", Some(reason)),
        };
        let mut line = json!({ "subject": self.subject, "action": self.action, "result": result });
        if let Some(reason) = reason {
            line["reason"] = json!(reason);
        }
        if !self.differences.is_empty() {
            line["differences"] = json!(self.differences);
        }
        if !self.clears.is_empty() {
            line["secretsCleared"] = json!(self.clears);
        }
        line
    }

    fn show(&self) {
        let sign = if self.action == "create" { '+' } else { '~' };
        match &self.result {
            Outcome::Planned | Outcome::Done => print(format_args!("{sign} {}", self.subject)),
            Outcome::Failed(reason) => print(format_args!("! {}: not done: {reason}", self.subject)),
            Outcome::Skipped(reason) => print(format_args!("! {}: not tried: {reason}", self.subject)),
        }
        for difference in &self.differences {
            print(format_args!("    {difference}"));
        }
        if !self.clears.is_empty() {
            print(format_args!(
                "    clears secrets, which would go elsewhere: {}; they must be set again",
                self.clears.join(", ")
            ));
        }
    }
}

fn problems(plan: &Plan) -> Vec<Shown> {
    let shown = |one: &crate::config_document::Problem| Shown {
        action: "none",
        subject: one.subject.clone(),
        differences: Vec::new(),
        clears: Vec::new(),
        result: Outcome::Failed(one.reason.clone()),
    };
    plan.problems.iter().map(shown).collect()
}

/// Leaves out changes of types whose schema differs in its spelling alone, as one written by hand may.
async fn leave_equal_schemas(server: &Client, plan: &mut Plan) -> Result<(), CliError> {
    let mut kept = Vec::with_capacity(plan.steps.len());
    for step in std::mem::take(&mut plan.steps) {
        if let Step::ChangeType { name, change, seen: Some(_), .. } = &step
            && **change == (TypeChange { config_schema: change.config_schema.clone(), ..TypeChange::default() })
        {
            match server.diff_type(name, change).await {
                Ok(diff) if diff.errors.is_empty() && diff.change.level == Level::None => {
                    plan.unchanged += 1;
                    continue;
                }
                // Whatever is wrong with it is told with the step.
                Ok(_) | Err(ClientError::Refused(_)) => {}
                Err(error) => return Err(unreachable(&error)),
            }
        }
        kept.push(step);
    }
    plan.steps = kept;
    Ok(())
}

/// Asks the server what the changes of types would do; nothing else is sent.
async fn look(server: &Client, plan: &Plan) -> Result<Vec<Shown>, CliError> {
    let mut all = problems(plan);
    for step in &plan.steps {
        let mut shown = Shown::of(step, Outcome::Planned);
        if let Step::ChangeType { name, change, seen: Some(_), .. } = step {
            match server.diff_type(name, change).await {
                Ok(diff) => of_diff(&mut shown, diff),
                Err(error) => shown.result = Outcome::Failed(reason(&error)),
            }
        }
        all.push(shown);
    }
    Ok(all)
}

fn of_diff(shown: &mut Shown, diff: TypeDiff) {
    shown.differences.push(format!("a {} change", diff.change.level));
    shown.differences.extend(diff.change.changes.into_iter().map(|one| format!("{}: {}", one.level, one.message)));
    for cleared in diff.secrets_cleared {
        shown
            .clears
            .extend(cleared.fields.into_iter().map(|field| format!("{} of connector {}", field, cleared.connector)));
    }
    if let Some(first) = diff.errors.first() {
        shown.result = Outcome::Failed(format!("{}: {}", first.pointer, first.message));
    }
}

/// Sends what the plan says, one after another. What fails stops only what depends on it.
async fn apply(server: &Client, plan: &Plan) -> Vec<Shown> {
    let mut all = problems(plan);
    let mut broken: Vec<String> = Vec::new();
    for step in &plan.steps {
        let of_type = step.type_name().to_owned();
        if broken.contains(&of_type) {
            all.push(Shown::of(step, Outcome::Skipped(format!("type {of_type} was not made or changed"))));
            continue;
        }
        let mut shown = Shown::of(step, Outcome::Done);
        let sent = match step {
            Step::Create { new, .. } => server.create_connector(new).await.map(|_| Vec::new()),
            Step::ChangeConnector { name, patch, seen, .. } => {
                server.update_connector(name, patch, *seen).await.map(|made| made.secrets_cleared)
            }
            Step::ChangeType { name, change, seen, .. } => server.update_type(name, change, *seen).await.map(|made| {
                let cleared = made.secrets_cleared.into_iter();
                cleared
                    .flat_map(|one| {
                        one.fields.into_iter().map(move |field| format!("{field} of connector {}", one.connector))
                    })
                    .collect()
            }),
        };
        match sent {
            Ok(cleared) => shown.clears = cleared,
            Err(error) => {
                shown.result = Outcome::Failed(reason(&error));
                if !matches!(step, Step::ChangeConnector { .. } | Step::Create { new_type: false, .. }) {
                    broken.push(of_type);
                }
            }
        }
        all.push(shown);
    }
    all
}

/// Names the secrets of the document that the server does not have.
async fn secrets_to_set(server: &Client, plan: &Plan) -> Result<(), CliError> {
    for (name, secrets) in &plan.secrets {
        let Ok(view) = server.get_connector(name).await else { continue };
        let unset: Vec<&str> = secrets
            .iter()
            .filter(|secret| !view.secrets.get(*secret).is_some_and(|state| state.set))
            .map(String::as_str)
            .collect();
        if !unset.is_empty() {
            print_note(format_args!(
                "set the secrets of connector {name}: {} (PUT /api/connectors/{name})",
                unset.join(", ")
            ));
        }
    }
    Ok(())
}
