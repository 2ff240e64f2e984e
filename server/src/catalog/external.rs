//! Creating external connectors: a type that comes with its first connector and may take its schema from the service,
//! and an instance of a compiled type that another process serves.

use connector_runtime::schema::{CONNECTOR_NAME_RULE, ConfigSchema, is_connector_name, read_url};
use semver::Version;
use serde_json::Value;
use url::Url;

use super::create::parse_schema;
use crate::auth::{OpContext, Scope};
use crate::connector_secrets;
use crate::error::{Error, Mistake};
use crate::services::Services;
use crate::store::{
    Actor, ConnectorType, ExecutionModel, NewType, SIGNING_SECRET, SealedSecret, StoredSchema, TypeChoice, TypeFields,
};
use connector_runtime::external::{FetchedSchema, ProbeError, fetch_schema};
use floh_client::bodies::NewConnector;

/// Seals a signing secret.
pub(super) fn seal_signing_secret(services: &Services, id: uuid::Uuid, secret: &str) -> Result<SealedSecret, Error> {
    connector_secrets::seal(&services.vault, id, SIGNING_SECRET, &Value::from(secret))
}

/// Reads and validates the external type that comes with its first connector. Without a config schema in the body, the
/// service is asked for one; if the service has none, or an agent will serve the connector, the schema is open.
///
/// # Errors
/// 422 with every mistake, or if the service does not answer or answers with an invalid schema.
pub(super) async fn new_type(
    services: &Services,
    new: &NewConnector,
    actor: Actor,
) -> Result<(TypeChoice, ConfigSchema), Error> {
    let mut mistakes = Vec::new();
    if !is_connector_name(&new.type_name) {
        mistakes.push(Mistake::new("/type", CONNECTOR_NAME_RULE));
    }
    if new.script_source.is_some() {
        mistakes.push(Mistake::new("/scriptSource", "only for types that run a script; this one is external"));
    }
    let version = new.version.as_deref().map(Version::parse).transpose().unwrap_or_else(|error| {
        mistakes.push(Mistake::new("/version", format!("not a semantic version such as 1.0.0: {error}")));
        None
    });
    let endpoint = new.endpoint_url.as_deref().map(read_url).transpose().unwrap_or_else(|error| {
        mistakes.push(Mistake::new("/endpointUrl", error));
        None
    });
    let given = new.config_schema.as_ref().map(parse_schema).transpose().unwrap_or_else(|problems| {
        mistakes.extend(problems);
        None
    });
    let asked = mistakes.is_empty() && given.is_none();
    let fetched = match endpoint.as_ref().filter(|_| asked) {
        Some(endpoint) => fetch(services, endpoint).await?,
        None => None,
    };
    let served = fetched.as_ref().and_then(|fetched| fetched.version.as_ref());
    let version = match (version, served) {
        (Some(sent), Some(served)) if sent != *served => {
            let message = format!("the service serves version {served}, not {sent}; leave version out to take its own");
            mistakes.push(Mistake::new("/version", message));
            None
        }
        (None, None) => {
            let message =
                "required: the type is new, its service names no version, and every type has one, such as 1.0.0";
            if !mistakes.iter().any(|mistake| mistake.pointer == "/version") {
                mistakes.push(Mistake::new("/version", message));
            }
            None
        }
        (sent, served) => sent.or_else(|| served.cloned()),
    };
    let Some(version) = version.filter(|_| mistakes.is_empty()) else { return Err(Error::invalid(mistakes)) };
    let schema = given.or(fetched.map(|fetched| fetched.config_schema)).unwrap_or_else(ConfigSchema::open);
    let fields = TypeFields {
        version: version.to_string(),
        description: new.description.clone().unwrap_or_default(),
        category: new.category.clone(),
        tags: new.tags.clone().unwrap_or_default(),
        config_schema: StoredSchema::of(&schema),
        script_source: None,
        endpoint_url: new.endpoint_url.clone(),
    };
    let of = NewType { name: new.type_name.clone(), execution_model: ExecutionModel::External, fields, actor };
    Ok((TypeChoice::New(of), schema))
}

/// What a service answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// The version that it names.
    pub version: Option<String>,
    /// Its schema as JSON text; `None` if it publishes none, so that every command is accepted.
    pub schema: Option<String>,
}

/// Asks a service for its schema, before a connector is made of it.
///
/// # Errors
/// Denied; invalid if the address is none, the service does not answer, or its schema is invalid.
pub async fn probe(ctx: &OpContext, services: &Services, endpoint: &str) -> Result<Probed, Error> {
    ctx.authorize(Scope::ConnectorsWrite)?;
    let endpoint = read_url(endpoint).map_err(|error| Error::invalid_at("/endpointUrl", error))?;
    Ok(match fetch(services, &endpoint).await? {
        Some(fetched) => Probed {
            version: fetched.version.map(|version| version.to_string()),
            schema: Some(fetched.config_schema.to_text()),
        },
        None => Probed { version: None, schema: None },
    })
}

/// Fetches the schema of a service; `None` if the service has no such route.
async fn fetch(services: &Services, endpoint: &Url) -> Result<Option<FetchedSchema>, Error> {
    match fetch_schema(&services.http, endpoint).await {
        Ok(fetched) => Ok(Some(fetched)),
        Err(error) if error.is_no_route() => Ok(None),
        Err(error) => Err(no_schema(&error)),
    }
}

fn no_schema(error: &ProbeError) -> Error {
    let message = format!("the schema cannot be had from the service: {error}; mend that, or send configSchema");
    Error::invalid_at("/endpointUrl", message)
}

/// The schema that the service of a type publishes now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// The version that it names.
    pub version: Option<String>,
    /// Its schema as JSON text.
    pub schema: String,
    /// The revision that the type had when the service was asked.
    pub revision: i64,
}

/// Asks the service of a type for its schema, and changes nothing.
///
/// # Errors
/// Denied; not found; invalid if the type has no service, the service does not answer, or its schema is invalid.
pub async fn served_schema(ctx: &OpContext, services: &Services, key: &str) -> Result<Served, Error> {
    ctx.authorize(Scope::TypesWrite)?;
    let row = services.store.types().get(key).await?;
    let why = "a service's schema decides what is secret of connectors, so this";
    ctx.authorize_for(Scope::ConnectorsWrite, why)?;
    let fetched = fetch_again(services, &row).await?;
    let version = fetched.version.map(|version| version.to_string());
    Ok(Served { version, schema: fetched.config_schema.to_text(), revision: row.revision })
}

/// Fetches the schema of a type's service again.
///
/// # Errors
/// 422 if the type has no service, or the service publishes no schema.
pub(super) async fn fetch_again(services: &Services, row: &ConnectorType) -> Result<FetchedSchema, Error> {
    let model = row.execution_model;
    let why = match (model, &row.fields.endpoint_url) {
        (ExecutionModel::External, Some(endpoint)) => {
            let endpoint = read_url(endpoint).map_err(Error::internal)?;
            return fetch_schema(&services.http, &endpoint).await.map_err(|error| no_schema(&error));
        }
        (ExecutionModel::External, None) => {
            "has no endpointUrl, so an agent serves it; set endpointUrl, or send configSchema, with PUT".to_owned()
        }
        (ExecutionModel::BuiltIn, _) => format!("is {model}: what it accepts is compiled into the server"),
        _ => format!("is {model}: what it accepts is what was sent; send configSchema with PUT"),
    };
    let detail = format!("there is no service to ask for a schema: connector type {} {why}", row.name);
    Err(Error::invalid_at("", detail))
}
