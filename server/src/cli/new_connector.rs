//! `floh new-connector`, also `cargo new-connector`: writes a connector that compiles and passes the lints and its own
//! test unchanged, for its author to fill in.
//!
//! Everything is checked before anything is written, and every file is replaced as a whole.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::{CliError, print};

/// The connector, with the placeholders `{{name}}`, `{{struct}}` and `{{description}}`.
const CONNECTOR: &str = include_str!("new_connector/connector.rs.txt");
/// Its schema lock, which depends on none of the placeholders.
const LOCK: &str = include_str!("new_connector/connector.lock");

/// The crate of connectors in this repository.
const OWN_CRATE: &str = "connectors";
/// The maximum length of a connector type's name.
const MAX_NAME_LENGTH: usize = 63;
/// Names that are parts of REST routes.
const RESERVED: &[&str] = &["agents", "parse-oas"];
/// Words that cannot name a module.
#[rustfmt::skip]
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "lib", "loop", "macro", "main",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super",
    "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];
/// Crates that are available to every crate.
const OWN_CRATES: &[&str] = &["alloc", "core", "proc_macro", "std", "test"];
/// Types that the connector's code uses, so that a struct must not shadow them.
#[rustfmt::skip]
const TAKEN: &[&str] = &[
    "Answer", "Context", "Date", "EgressError", "Err", "Fail", "Failure", "HttpError", "ItemPage", "ListItemsParams", "Map",
    "None", "Number", "Ok", "Option", "Outcome", "Request", "Result", "Secret", "Select", "Self", "Some", "String", "Success",
    "TestParams", "Thrown", "Upstream", "Url", "Value", "Vec",
];

#[derive(Debug, Args)]
pub(super) struct NewConnectorArgs {
    /// Name of the connector type, in kebab-case.
    #[arg(value_name = "NAME")]
    name: String,
    /// What the connector is for, in one line; made from the name if left out.
    #[arg(short, long, value_name = "TEXT")]
    description: Option<String>,
    /// Overwrites a connector of that name.
    #[arg(short, long)]
    force: bool,
    /// The folder of the connectors crate.
    #[arg(long, value_name = "FOLDER", default_value = OWN_CRATE)]
    dir: PathBuf,
}

pub(super) fn run(args: &NewConnectorArgs) -> Result<ExitCode, CliError> {
    let module = module_name(&args.name)?;
    let description = description(args)?;
    let krate = args.dir.as_path();
    let manifest = fs::read_to_string(krate.join("Cargo.toml")).unwrap_or_default();
    if OWN_CRATES.contains(&module.as_str()) || dependencies(&manifest).any(|name| name == module) {
        let why = "it becomes a Rust module, which would hide the crate of that name; add another word";
        return Err(CliError::Usage(format!("`{}` cannot name a connector: {why}", args.name)));
    }
    let library = krate.join("src/lib.rs");
    let modules = fs::read_to_string(&library).map_err(|error| {
        let why = "run this in the root of the workspace, or name the crate with --dir";
        CliError::Usage(format!("cannot read {}: {error}; {why}", library.display()))
    })?;
    let source = krate.join(format!("src/{module}.rs"));
    let folder = krate.join(format!("src/{module}"));
    let lock = krate.join(format!("schema.lock/{}.lock", args.name));
    for path in [&source, &folder, &lock] {
        if path.exists() && !args.force {
            return Err(CliError::Usage(format!("{} is there already; --force overwrites it", path.display())));
        }
    }
    let code = CONNECTOR
        .replace("{{name}}", &args.name)
        .replace("{{struct}}", &struct_name(&args.name))
        .replace("{{description}}", &description);
    write(&source, &code)?;
    write(&lock, LOCK)?;
    if let Some(modules) = with_module(&modules, &module) {
        write(&library, &modules)?;
    }
    for path in [&source, &lock, &library] {
        print(path.display());
    }
    let Next { test, lock } = next_commands(krate, &module);
    print(format_args!("\nNext: fill in {}, then `{test}`.", source.display()));
    print(format_args!("When the schema is as it shall stay, set version = \"1.0.0\" and run `{lock}`."));
    Ok(ExitCode::SUCCESS)
}

/// The commands that follow.
#[derive(Debug, PartialEq, Eq)]
struct Next {
    test: String,
    lock: &'static str,
}

/// Returns how the connector is tested and locked: in this repository by its short commands, elsewhere by cargo's own and
/// by the program that links the crate.
fn next_commands(krate: &Path, module: &str) -> Next {
    if krate == Path::new(OWN_CRATE) {
        return Next { test: format!("cargo test -p {OWN_CRATE} {module}"), lock: "cargo lock" };
    }
    let manifest = krate.join("Cargo.toml");
    Next {
        test: format!("cargo test --manifest-path {} {module}", manifest.display()),
        lock: "CONNECTOR_LOCK=off cargo run -- lock",
    }
}

/// Checks the name and returns the name of its module.
fn module_name(name: &str) -> Result<String, CliError> {
    let refuse = |why: &str| Err(CliError::Usage(format!("`{name}` cannot name a connector: {why}")));
    let word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if !name.split('-').all(word) {
        return refuse("write it in kebab-case, such as acme-crm");
    }
    if name.len() > MAX_NAME_LENGTH {
        return refuse("it is longer than 63 characters");
    }
    if uuid::Uuid::try_parse(name).is_ok() || RESERVED.contains(&name) {
        return refuse("it is taken by the REST interface");
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        return refuse("it becomes a Rust module, which begins with a letter");
    }
    let module = name.replace('-', "_");
    if KEYWORDS.contains(&module.as_str()) {
        return refuse("it becomes a Rust module, and is a word of the language; add another word");
    }
    Ok(module)
}

/// Lists the crates that a manifest depends on, by their names in code.
fn dependencies(manifest: &str) -> impl Iterator<Item = String> {
    let mut inside = false;
    manifest.lines().filter_map(move |line| {
        let line = line.trim();
        let name = match line.strip_prefix('[') {
            Some(table) => {
                let table = table.trim_end_matches(']');
                inside = table.ends_with("dependencies");
                // `[dependencies.tokio]` is a table for one dependency.
                let (list, name) = table.rsplit_once('.')?;
                list.ends_with("dependencies").then_some(name)?
            }
            None if inside && !line.starts_with('#') => line.split(['.', '=', ' ']).next()?,
            None => return None,
        };
        Some(name.trim_matches('"').replace('-', "_"))
    })
}

/// `acme-crm` becomes `AcmeCrm`.
fn struct_name(name: &str) -> String {
    let joined: String = name.split('-').map(capital).collect();
    if TAKEN.contains(&joined.as_str()) { joined + "Connector" } else { joined }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// Returns the description as a line of a doc comment.
fn description(args: &NewConnectorArgs) -> Result<String, CliError> {
    let Some(text) = &args.description else {
        let title: Vec<String> = args.name.split('-').map(capital).collect();
        return Ok(format!("Connects {} to workflows.", title.join(" ")));
    };
    let text = text.trim();
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(CliError::Usage("the description must be one line with some text in it".to_owned()));
    }
    Ok(text.to_owned())
}

/// Inserts the module in alphabetical order; `None` if it is already there.
fn with_module(library: &str, module: &str) -> Option<String> {
    let name = |line: &str| line.trim_end().strip_prefix("pub mod ")?.strip_suffix(';').map(str::to_owned);
    let mut at = 0;
    let mut place = None;
    for line in library.split_inclusive('\n') {
        match name(line) {
            Some(other) if other == module => return None,
            Some(other) if other.as_str() > module => {
                place = place.or(Some(at));
                break;
            }
            Some(_) => place = Some(at + line.len()),
            None => {}
        }
        at += line.len();
    }
    let (before, after) = library.split_at(place.unwrap_or(library.len()));
    let gap = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    Some(format!("{before}{gap}pub mod {module};\n{after}"))
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    write_whole(path, text).map_err(|error| CliError::Failed(format!("cannot write {}: {error}", path.display())))
}

/// Replaces a file as a whole: a temporary file is renamed over it.
pub(super) fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let draft = path.with_extension("new");
    fs::write(&draft, text).and_then(|()| fs::rename(&draft, path))
}

#[cfg(test)]
mod tests;
