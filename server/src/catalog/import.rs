//! Turns an OpenAPI document into the draft of a connector. Nothing is stored.

mod fetch;

use std::io::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connector_runtime::egress::memory::{MemoryBudget, Reserved};
use flate2::Compression;
use flate2::write::GzEncoder;
use floh_client::answers::{ConnectorDraft, Warning};
use floh_client::bodies::Import;
use indexmap::IndexMap;
use serde_json::{Map, Value};
use tokio::runtime::Handle;
use url::Url;

pub use self::fetch::fetch_spec;
use crate::auth::{OpContext, Scope};
use crate::blocking;
use crate::error::{Error, ErrorKind, Mistake};
use crate::openapi::{self, ImportError, MAX_BYTES, Options, Scheme, Spec, is_archive};
use crate::services::Services;

/// The maximum number of bytes of a document, packed or not.
pub const MAX_DOCUMENT_BYTES: usize = MAX_BYTES;

/// Returns the draft of a connector for a document.
///
/// # Errors
/// Invalid or too large, with the same code as on the command line; mistakes inside the document have pointers below
/// `/spec`.
pub async fn parse_document(ctx: &OpContext, services: &Services, import: Import) -> Result<ConnectorDraft, Error> {
    ctx.authorize(Scope::ConnectorsWrite)?;
    let memory = services.work.memory.clone();
    let egress = Some(services.http.policy().clone());
    blocking::run(move || {
        // Its memory is given back when the draft is made.
        let _reserved = room(&memory, &import.spec)?;
        let Import { spec, include, name, names } = import;
        let rename = texts(names.unwrap_or_default());
        let options = Options { name, include, rename, egress, ..Options::default() };
        Spec::of(spec).and_then(|spec| spec.draft(&options)).map_err(refused)
    })
    .await
}

/// The texts of an object; its reader has refused everything else.
fn texts(map: Map<String, Value>) -> IndexMap<String, String> {
    let text = |(name, value): (String, Value)| Some((name, value.as_str()?.to_owned()));
    map.into_iter().filter_map(text).collect()
}

/// What is taken of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Choice {
    /// The commands to take; all if absent.
    pub include: Option<Vec<String>>,
    /// Other names of commands, by the name that the import gives them.
    pub names: Vec<(String, String)>,
}

/// A document that was read.
#[derive(Debug)]
pub struct ReadDocument {
    /// Its title; empty if it has none.
    pub title: String,
    /// The draft of its connector.
    pub draft: ConnectorDraft,
    /// About how many bytes of memory the draft takes.
    pub weight: usize,
}

/// Returns the draft of a connector for the bytes of a document: JSON or YAML, plain or gzip, or a zip archive of its files.
///
/// # Errors
/// Those of [`parse_document`]; unavailable if other documents are being read.
pub async fn read_document(
    ctx: &OpContext,
    services: &Services,
    document: Arc<Vec<u8>>,
    choice: Choice,
) -> Result<ReadDocument, Error> {
    ctx.authorize(Scope::ConnectorsWrite)?;
    let turn = services.work.document().await?;
    let memory = services.work.memory.clone();
    let egress = Some(services.http.policy().clone());
    blocking::run(move || {
        let (_turn, _reserved) = (turn, memory.reserve(Spec::room_of(&document))?);
        let rename = choice.names.into_iter().collect();
        let options = Options { include: choice.include, rename, egress, ..Options::default() };
        let spec = Spec::read(&document).map_err(refused)?;
        let title = spec.title().chars().take(MAX_TITLE_CHARS).collect();
        let draft = spec.draft(&options).map_err(refused)?;
        let weight = WEIGHT_OF_TEXT * serde_json::to_vec(&draft).map_err(Error::internal)?.len();
        Ok(ReadDocument { title, draft, weight })
    })
    .await
}

/// How many bytes of memory a draft takes for a byte of its text, about.
pub const WEIGHT_OF_TEXT: usize = 4;
/// The maximum number of characters of a title that are shown.
const MAX_TITLE_CHARS: usize = 120;

/// A document that was fetched.
#[derive(Debug)]
pub struct FetchedDocument {
    /// The document with all its files as one, with absolute servers.
    pub document: Vec<u8>,
    /// Warnings about its files, which the document no longer shows.
    pub warnings: Vec<Warning>,
}

/// Fetches a document and its files under the egress rules.
///
/// # Errors
/// Denied; invalid at `/url` if it cannot be fetched; those of [`parse_document`].
pub async fn fetch_document(ctx: &OpContext, services: &Services, url: &str) -> Result<FetchedDocument, Error> {
    ctx.authorize(Scope::ConnectorsWrite)?;
    let url = Url::parse(url.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let Some(url) = url else {
        let example = "enter the address of a document, such as https://api.example.com/openapi.json";
        return Err(Error::invalid_at("/url", example));
    };
    if !url.username().is_empty() || url.password().is_some() {
        let message = "an address has no name and password; save a document that needs them to a file, and upload it";
        return Err(Error::invalid_at("/url", message));
    }
    let turn = services.work.document().await?;
    let (memory, client) = (services.work.memory.clone(), services.http.clone());
    blocking::run(move || {
        let _turn = turn;
        // How large it is, is known only when it is there.
        let _reserved = memory.reserve(Spec::memory(MAX_UNKNOWN_BYTES))?;
        let fetched = Handle::current().block_on(fetch_spec(&client, url.as_str(), &mut |_| ()));
        let spec = fetched.map_err(|error| match error.code {
            "unreadable" => Error::invalid_at("/url", error.message),
            _ => refused(error),
        })?;
        let document = serde_json::to_vec(spec.value()).map_err(Error::internal)?;
        Ok(FetchedDocument { document, warnings: spec.warnings() })
    })
    .await
}

/// The bytes for which memory is reserved before a document has arrived.
const MAX_UNKNOWN_BYTES: usize = 1 << 20;

/// Returns the bytes of a document as the `spec` of a request.
///
/// # Errors
/// Invalid or too large.
pub async fn spec_of(services: &Services, document: Arc<Vec<u8>>) -> Result<Value, Error> {
    let memory = services.work.memory.clone();
    blocking::run(move || {
        let _reserved = memory.reserve(document.len())?;
        if is_archive(&document) {
            return Ok(Value::String(STANDARD.encode(&*document)));
        }
        openapi::text(&document).map(Value::String).map_err(refused)
    })
    .await
}

/// Packs a document, so that it takes less room where it is kept.
///
/// # Errors
/// None but internal ones.
pub async fn pack_document(document: Arc<Vec<u8>>) -> Result<Vec<u8>, Error> {
    blocking::run(move || {
        if is_archive(&document) || document.starts_with(&GZIP) {
            return Ok(Arc::unwrap_or_clone(document));
        }
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(&document).and_then(|()| packer.finish()).map_err(Error::internal)
    })
    .await
}

/// How gzip begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The connection fields of OAuth 2.
const OAUTH_FIELDS: [&str; 8] = [
    "clientId",
    "clientSecret",
    "tokenUrl",
    "accessToken",
    "refreshToken",
    "scope",
    "audience",
    "clientAuthentication",
];
/// The connection fields of signatures of AWS.
const AWS_FIELDS: [&str; 5] = ["accessKeyId", "secretAccessKey", "sessionToken", "region", "service"];

/// A security scheme of a document, and the connection fields that serve it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedScheme {
    /// Its name in the document.
    pub name: String,
    /// What it is, in words.
    pub what: String,
    /// The connection fields that serve it.
    pub fields: Vec<String>,
}

/// Returns how the security of a draft was mapped.
pub fn mapped_schemes(draft: &ConnectorDraft) -> Vec<MappedScheme> {
    let schemes = openapi::script_schemes(&draft.script_source);
    let known = |names: &[&str]| {
        let has = |name: &&&str| draft.config_schema.connection.contains_key(**name);
        names.iter().filter(has).map(|name| (*name).to_owned()).collect()
    };
    let one = |(name, scheme): (String, Scheme)| {
        let (what, fields) = match scheme {
            Scheme::ApiKey { location, name, field } => (format!("API key in the {location} {name}"), vec![field]),
            Scheme::Bearer => ("Bearer token".to_owned(), known(&["bearerToken"])),
            Scheme::Basic => ("Name and password (basic)".to_owned(), known(&["username", "password"])),
            Scheme::Oauth2 => ("OAuth 2".to_owned(), known(&OAUTH_FIELDS)),
            Scheme::OpenIdConnect => ("OpenID Connect".to_owned(), known(&OAUTH_FIELDS)),
            Scheme::AwsSigV4 => ("AWS signature, version 4".to_owned(), known(&AWS_FIELDS)),
            Scheme::MutualTls => ("Client certificate".to_owned(), known(&["clientCertificate"])),
        };
        MappedScheme { name, what, fields }
    };
    schemes.into_iter().map(one).collect()
}

/// Reserves what a document takes when it is read, beyond the body that holds it.
pub(super) fn room(memory: &MemoryBudget, spec: &Value) -> Result<Reserved, Error> {
    Ok(match Spec::room(spec) {
        0 => Reserved::nothing(),
        bytes => memory.reserve(bytes)?,
    })
}

/// Turns the reason why a document cannot be imported into an error of the use case.
pub(super) fn refused(error: ImportError) -> Error {
    let kind = match error.code {
        "too_large" | "too_many" | "too_many_operations" => ErrorKind::TooLarge,
        _ => ErrorKind::Invalid,
    };
    let pointer = match (error.code, error.pointer) {
        ("invalid_name" | "unknown_operation" | "invalid_command_name" | "command_name_taken", Some(pointer)) => {
            pointer
        }
        (_, pointer) => format!("/spec{}", pointer.unwrap_or_default()),
    };
    let (line, column) = error.place.unzip();
    let mistake = Mistake::new(pointer, error.message.clone()).at(line, column);
    Error::new(kind, error.code, error.message).with_mistake(mistake)
}
