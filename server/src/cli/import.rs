//! `floh import`: turns OpenAPI documents into connectors of a running server, or with `--dry-run` only into drafts.
//!
//! Prints a table for people, or one line of JSON for each document: the answer of `POST /api/connectors/parse-oas`
//! with the file's name. A document that cannot be imported does not stop the others. If the server already has the
//! type, the document becomes its new version.

mod progress;
mod refusal;
mod show;
mod source;

use std::process::ExitCode;

use clap::Args;
use connector_runtime::egress;
use connector_runtime::schema::{ConfigSchema, Source};
use floh_client::ClientError;
use floh_client::answers::{ChangedType, ConnectorDraft, ConnectorView, TypeView};
use floh_client::bodies::{NewConnector, TypeChange};
use floh_client::words::ExecutionModel;

use self::progress::Progress;
use self::refusal::Refusal;
use super::server::ServerArgs;
use super::{CliError, runtime, values};
use crate::catalog;
use crate::config::{EgressArgs, seal_process};
use crate::openapi::{ImportError, Options, Spec};

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// Documents, as JSON or YAML, plain or gzip, or zip archives of their files; - reads standard input. Files that a
    /// document refers to are read from its folder, or fetched from its origin.
    #[arg(value_name = "FILE|URL", required = true)]
    files: Vec<String>,
    /// Commands to take, separated by commas; all if absent.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    include: Option<Vec<String>>,
    /// Take only operations of this tag.
    #[arg(long)]
    tag: Option<String>,
    /// The connector's name; made from the document's title if absent.
    #[arg(long)]
    name: Option<String>,
    /// A connection field of a new connector: NAME=VALUE, NAME=@FILE or NAME=env:VARIABLE.
    #[arg(long, value_name = "K=V", conflicts_with = "dry_run")]
    config: Vec<String>,
    /// If the type exists: take the version that the changes need.
    #[arg(long, conflicts_with = "dry_run")]
    bump: bool,
    /// Create no connector and call no server: show what would be created. A draft of --json can be sent to
    /// POST /api/connectors.
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object a line: the draft and its file.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
    /// Where documents may be fetched from; it applies to nothing else.
    #[command(flatten)]
    egress: EgressArgs,
}

/// The outcome of a document's import.
enum Done {
    /// Only a draft was created. The document is kept to be given back together with it, or left to the system.
    Draft { draft: ConnectorDraft, _document: Spec },
    /// A new connector was created; shown as the server shows it.
    Made(ConnectorDraft, Box<ConnectorView>),
    /// A type has changed; the server's answer.
    Changed(Box<ChangedType>),
}

/// Why a document was not imported.
enum Failed {
    Import(ImportError),
    Refused(Refusal),
    /// A flag is wrong, for this document and all others.
    Flag(CliError),
}

impl From<ImportError> for Failed {
    fn from(error: ImportError) -> Self {
        Self::Import(error)
    }
}

impl From<ClientError> for Failed {
    fn from(error: ClientError) -> Self {
        Self::Refused(error.into())
    }
}

pub(super) fn run(args: &ImportArgs) -> Result<ExitCode, CliError> {
    if args.name.is_some() && args.files.len() > 1 && !args.dry_run {
        return Err(CliError::Usage("--name names one connector; give one document with it".to_owned()));
    }
    let fetching = if args.files.iter().any(|file| source::is_url(file)) {
        Some(egress::Client::new(args.egress.policy().map_err(CliError::usage)?))
    } else {
        None
    };
    let server = if args.dry_run { None } else { Some(args.server.client()?) };
    seal_process();
    runtime()?.block_on(async {
        let mut failed = false;
        for (index, file) in args.files.iter().enumerate() {
            let done = match import(args, file, fetching.as_ref(), server.as_ref()).await {
                Err(Failed::Flag(error)) => return Err(error),
                done => done,
            };
            failed |= done.is_err();
            match &done {
                Ok(done) if args.json => show::line(file, done)?,
                Ok(done) => show::table(file, done),
                Err(error) if args.json => show::error_line(file, error),
                Err(error) => show::error(file, error),
            }
            // The process ends: to give a document and its draft back piece by piece takes a tenth of the import.
            if index + 1 == args.files.len() {
                std::mem::forget(done);
            }
        }
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    })
}

/// Imports one document.
async fn import(
    args: &ImportArgs,
    file: &str,
    fetching: Option<&egress::Client>,
    server: Option<&floh_client::Client>,
) -> Result<Done, Failed> {
    let mut progress = Progress::new(source::length(file));
    let spec = match fetching.filter(|_| source::is_url(file)) {
        Some(client) => catalog::fetch_spec(client, file, &mut |what| progress.say(what)).await?,
        None => source::read_spec(file, &mut progress)?,
    };
    let Some(server) = server else {
        let draft = draft(args, &spec, Vec::new(), &mut progress)?;
        return Ok(Done::Draft { draft, _document: spec });
    };
    let name = spec.name(args.name.as_deref())?;
    match server.get_type(&name).await {
        Ok(known) => change(args, &name, spec, &known, server, &mut progress).await,
        Err(error) if error.is_not_found() => create(args, spec, server, &mut progress).await,
        Err(error) => Err(error.into()),
    }
}

async fn create(
    args: &ImportArgs,
    spec: Spec,
    server: &floh_client::Client,
    progress: &mut Progress,
) -> Result<Done, Failed> {
    let draft = draft(args, &spec, Vec::new(), progress)?;
    drop(spec);
    let config =
        values::read(&args.config, &draft.config_schema.connection, "connection field").map_err(Failed::Flag)?;
    progress.say("making the connector");
    // The config is not added to the draft, because the draft is printed and the config contains secrets.
    let new = NewConnector { config: Some(config), ..NewConnector::from(&draft) };
    let made = server.create_connector(&new).await?;
    Ok(Done::Made(draft, Box::new(made)))
}

async fn change(
    args: &ImportArgs,
    name: &str,
    spec: Spec,
    known: &TypeView,
    server: &floh_client::Client,
    progress: &mut Progress,
) -> Result<Done, Failed> {
    if known.execution_model != ExecutionModel::OasDerived {
        let message =
            format!("there is a connector type {name} that no document was imported for; choose another --name");
        return Err(Failed::Refused(Refusal::new("type_differs", message)));
    }
    if !args.config.is_empty() {
        let message = format!(
            "the connector type {name} exists, and --config is for new connectors; change them with PUT /api/connectors"
        );
        return Err(Failed::Flag(CliError::Usage(message)));
    }
    let sent = spec.value().clone();
    // The server selects by name only.
    let include = match &args.tag {
        None => args.include.clone(),
        Some(_) => {
            let draft = draft(args, &spec, sources(known), progress)?;
            Some(draft.operations.into_iter().map(|operation| operation.name).collect())
        }
    };
    progress.say("changing the connector type");
    let auto_bump = args.bump.then_some(true);
    let change = TypeChange { spec: Some(sent), include, auto_bump, ..TypeChange::default() };
    Ok(Done::Changed(Box::new(server.update_type(name, &change, None).await?)))
}

fn draft(
    args: &ImportArgs,
    spec: &Spec,
    known: Vec<(Source, String)>,
    progress: &mut Progress,
) -> Result<ConnectorDraft, ImportError> {
    let options = Options {
        name: args.name.clone(),
        include: args.include.clone(),
        tag: args.tag.clone(),
        known,
        ..Options::default()
    };
    spec.draft_watched(&options, &mut |done, all| progress.tell("importing", done as u64, all as u64))
}

/// The operations for which a type has commands.
fn sources(known: &TypeView) -> Vec<(Source, String)> {
    let commands = ConfigSchema::parse(&known.config_schema).map(|schema| schema.commands).unwrap_or_default();
    commands.into_iter().filter_map(|(name, command)| Some((command.source?, name))).collect()
}
