//! Imports that a program makes in two calls: the document is parsed and its draft kept, then a connector is made of it. So what
//! is in between, which may be a model, sees a short answer and not megabytes of schema and script.
//!
//! A kept import is a draft like those of the web pages (`super`): sealed, of one token, used once. It ends earlier, and what
//! has ended says so for as long as the row is there.

mod summary;

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use connector_runtime::egress::memory::TEXT_COPIES;
use connector_runtime::schema::json_text::{MAX_JSON_VALUES, count_values};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use floh_client::answers::{ConnectorDraft, ConnectorView};
use floh_client::bodies::{Import, NewConnector};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;
use zeroize::Zeroizing;

pub use self::summary::{
    KeptImport, KeptOperation, KeptTotals, MAX_ANSWER_BYTES, MAX_SHOWN_FIELDS, MAX_SHOWN_OPERATIONS,
    MAX_SHOWN_WARNINGS, ShownField,
};
use super::{MAX_DRAFTS, make_draft, oldest, owner, place, said};
use crate::auth::{OpContext, Scope};
use crate::blocking;
use crate::catalog;
use crate::error::Error;
use crate::input;
use crate::services::Services;
use crate::store::{self, DraftUse, StoreError};

/// How long a kept import may be used.
pub const KEPT_IMPORT_LIFE: SignedDuration = SignedDuration::from_hours(1);
/// The maximum number of kept imports of a token; drafts of its web pages count too.
pub const MAX_KEPT_IMPORTS: u64 = MAX_DRAFTS;
/// The maximum number of bytes of a kept import when it is unpacked: what a request that makes a connector may have.
const MAX_UNPACKED_BYTES: usize = 64 << 20;
const KIND: &str = "kept-import";
/// The result of a kept import that has ended. Those of a used one are ids.
const ENDED: &str = "expired";

/// What is to be parsed and kept.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ParseWish {
    /// The OpenAPI document: an object, or its text as JSON or YAML.
    #[serde(default)]
    pub spec: Option<Value>,
    /// Or where it is fetched, under the egress rules.
    #[serde(default)]
    pub url: Option<String>,
    /// Names of the operations to import; all if absent.
    #[serde(default)]
    pub include: Option<Vec<String>>,
    /// The connector's name; if absent, made from the document's title.
    #[serde(default)]
    pub name: Option<String>,
}

/// Parses a document and keeps its draft for the actor's token.
///
/// # Errors
/// Denied; invalid if it is not one of spec and url, if the document cannot be fetched or read, or at its mistakes; conflict
/// `too_many_drafts`; unavailable if there is no memory or others are being read.
pub async fn parse_and_keep(ctx: &OpContext, services: &Services, wish: ParseWish) -> Result<KeptImport, Error> {
    ctx.authorize(Scope::ConnectorsWrite)?;
    owner(ctx)?;
    let ParseWish { spec, url, include, name } = wish;
    let (spec, fetched, _held) = match (spec, url) {
        (Some(spec), None) => (spec, Vec::new(), None),
        (None, Some(url)) => {
            let fetched = catalog::fetch_document(ctx, services, &url).await?;
            let held = services.work.memory.reserve(fetched.document.len())?;
            let spec = catalog::spec_of(services, Arc::new(fetched.document)).await?;
            (spec, fetched.warnings, Some(held))
        }
        (Some(_), Some(_)) => {
            return Err(Error::invalid_at("/url", "spec and url are two documents; give one of them"));
        }
        (None, None) => {
            return Err(Error::invalid_at("/spec", "give the document as spec, or its address as url"));
        }
    };
    let turn = services.work.document().await?;
    let mut draft = catalog::parse_document(ctx, services, Import { spec, include, name, names: None }).await?;
    draft.warnings.splice(0..0, fetched);
    let (draft, packed) = blocking::run(move || {
        let packed = pack(&draft)?;
        Ok((draft, packed))
    })
    .await?;
    drop(turn);
    end_old(services).await?;
    let head = make_draft(ctx, services, KIND, packed).await.map_err(|error| match error.code() {
        "too_many_drafts" => {
            let minutes = KEPT_IMPORT_LIFE.as_mins();
            let why = format!(
                "{}; a parsed document ends {minutes} minutes after it was made, or when its connector is created",
                error.detail()
            );
            Error::conflict("too_many_drafts", why)
        }
        _ => error,
    })?;
    blocking::run(move || Ok(summary::of(head.id, head.created_at + KEPT_IMPORT_LIFE, &draft))).await
}

/// Creates a connector from a kept import and uses it up, in one transaction. `overrides` are keys of the body of `POST
/// /api/connectors`, which take the place of the draft's.
///
/// # Errors
/// Not found for a draft that does not exist or is another token's, `draft_expired` if it has ended; conflict `draft_used`
/// if it made a connector already; those of [`catalog::create`], after which the draft is as it was.
pub async fn create_from_kept(
    ctx: &OpContext,
    services: &Services,
    draft: &str,
    overrides: Map<String, Value>,
) -> Result<ConnectorView, Error> {
    ctx.authorize(Scope::ConnectorsWrite)?;
    let token_id = owner(ctx)?;
    let id = Uuid::parse_str(draft.trim()).map_err(|_| unknown())?;
    let row = services.store.drafts().get(token_id, id, oldest()).await;
    let row = match row {
        Ok(row) if row.head.kind == KIND => row,
        Ok(_) | Err(StoreError::NotFound { .. }) => return Err(unknown()),
        Err(error) => return Err(said(error)),
    };
    if let Some(result) = row.head.result {
        return Err(ended(services, &result).await);
    }
    if row.head.updated_at <= latest_end() {
        return Err(expired());
    }
    let (vault, memory) = (services.vault.clone(), services.work.memory.clone());
    let (new, _held) = blocking::run(move || {
        let packed = vault.open(&place(&id.to_string()), &row.sealed).map_err(Error::internal)?;
        let text = unpacked(&packed)?;
        let mut held = memory.reserve(text.len().saturating_mul(TEXT_COPIES))?;
        let values = count_values(&text, MAX_JSON_VALUES).map_err(Error::internal)?;
        held.add(memory.reserve(values.saturating_mul(connector_runtime::schema::json_text::VALUE_BYTES))?);
        Ok((merged(&text, overrides)?, held))
    })
    .await?;
    let used = DraftUse { token_id, id, revision: row.head.revision };
    match catalog::create_using(ctx, services, new, used).await {
        Ok(view) => Ok(view),
        // Whatever it is that this one fails at, another one may have used the draft.
        Err(error) => match services.store.drafts().get(token_id, id, oldest()).await {
            Ok(row) if row.head.result.is_some() => Err(ended(services, &row.head.result.unwrap_or_default()).await),
            _ => Err(error),
        },
    }
}

/// Wipes the kept imports that have ended; returns how many. They are removed with the other drafts.
///
/// # Errors
/// Database errors.
pub(super) async fn end_old(services: &Services) -> Result<u64, Error> {
    Ok(services.store.drafts().end(KIND, latest_end(), ENDED).await?)
}

/// The latest time at which a kept import was saved that has ended.
fn latest_end() -> Timestamp {
    store::now() - KEPT_IMPORT_LIFE
}

/// Packs what a connector is made of.
fn pack(draft: &ConnectorDraft) -> Result<Zeroizing<Vec<u8>>, Error> {
    /// The keys of a draft that are part of a body.
    #[derive(serde::Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'d> {
        name: &'d str,
        #[serde(rename = "type")]
        type_name: &'d str,
        execution_model: store::ExecutionModel,
        version: &'d str,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'d str>,
        config_schema: Value,
        script_source: &'d str,
        config: &'d Map<String, Value>,
    }
    let body = Body {
        name: &draft.name,
        type_name: &draft.type_name,
        execution_model: draft.execution_model,
        version: &draft.version,
        description: draft.description.as_deref(),
        config_schema: draft.config_schema.to_value(),
        script_source: &draft.script_source,
        config: &draft.config,
    };
    let text = serde_json::to_vec(&body).map_err(Error::internal)?;
    if text.len() > MAX_UNPACKED_BYTES {
        let message = format!(
            "its connector would have {} MiB, and a connector has at most {}; name the operations that are needed in include",
            text.len() >> 20,
            MAX_UNPACKED_BYTES >> 20
        );
        return Err(Error::invalid_at("/include", message));
    }
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    let packed = packer.write_all(&text).and_then(|()| packer.finish()).map_err(Error::internal)?;
    Ok(Zeroizing::new(packed))
}

fn unpacked(packed: &[u8]) -> Result<Vec<u8>, Error> {
    let mut text = Vec::new();
    let most = u64::try_from(MAX_UNPACKED_BYTES).unwrap_or(u64::MAX);
    GzDecoder::new(packed).take(most).read_to_end(&mut text).map_err(Error::internal)?;
    Ok(text)
}

/// Reads the body of a draft with other keys in it.
fn merged(text: &[u8], overrides: Map<String, Value>) -> Result<NewConnector, Error> {
    if overrides.is_empty() {
        return input::new_connector(text);
    }
    let mut body: Map<String, Value> = serde_json::from_slice(text).map_err(Error::internal)?;
    body.extend(overrides);
    input::new_connector(&serde_json::to_vec(&body).map_err(Error::internal)?)
}

fn unknown() -> Error {
    Error::not_found("unknown draft: parse the document, and give the draft that this answers with")
}

fn expired() -> Error {
    let minutes = KEPT_IMPORT_LIFE.as_mins();
    let why = format!("the draft has expired: it is kept for {minutes} minutes; parse the document again");
    Error::new(crate::error::ErrorKind::NotFound, "draft_expired", why)
}

/// Returns why a draft with a result cannot be used.
async fn ended(services: &Services, result: &str) -> Error {
    if result == ENDED {
        return expired();
    }
    let made = match services.store.connectors().get(result).await {
        Ok(connector) => format!("the connector {}", connector.fields.name),
        Err(_) => "a connector that is gone".to_owned(),
    };
    let why = format!("the draft was used and made {made}; for another one, parse the document again");
    Error::conflict("draft_used", why)
}

#[cfg(test)]
mod tests;
