//! Rewrites a Swagger 2.0 document as OpenAPI 3.0, before anything else reads it. Whatever 3.0 cannot say is a reason of
//! its operation, or a warning.
//!
//! Nothing is copied that grows: schemas move, and what several operations share is referred to.

mod body;
mod params;
mod schemas;
mod security;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use self::body::body_of;
use self::params::{Shared, is_in_body};
use super::error::ImportError;
use super::notes::Notes;
use super::operations::escape;
use super::resolve::cut;

/// The key under which an operation of a rewritten document keeps why it is degraded.
pub(super) const DEGRADED: &str = "x-floh-degraded";
/// The media types of an operation that are kept: each has the whole schema.
const MAX_MEDIA_TYPES: usize = 8;
/// The methods of a path.
const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

/// Returns whether a document is Swagger 2.0.
pub(super) fn is_swagger(root: &Value) -> bool {
    let version = root.get("swagger").filter(|_| root.get("openapi").is_none_or(Value::is_null));
    match version {
        Some(Value::String(version)) => version.trim() == "2" || version.trim().starts_with("2."),
        Some(Value::Number(version)) => version.as_f64() == Some(2.0),
        _ => false,
    }
}

/// Rewrites a document.
///
/// # Errors
/// If its paths are no object.
pub(super) fn rewrite(root: Value, notes: &mut Notes) -> Result<Value, ImportError> {
    let Value::Object(mut root) = root else { return Ok(root) };
    notes.warn(
        "swagger_2",
        "/swagger",
        "the document is Swagger 2.0; it was rewritten as OpenAPI 3.0, as its pointers show",
    );
    let servers = servers(&root, None, notes);
    let media = Media::of(&root);
    let shared = Shared::take(&mut root);
    let mut paths = root.shift_remove("paths").unwrap_or_else(|| json!({}));
    if let Value::Object(paths) = &mut paths {
        for (path, item) in paths.iter_mut() {
            let Value::Object(item) = item else { continue };
            path_item(item, &format!("/paths/{}", escape(path)), &root, &media, &shared, notes);
        }
        if shared.is_exceeded() {
            let message =
                "the operations repeat so much of the document's parameters that no connector could hold them all";
            return Err(ImportError::new("too_many", message).at("/parameters"));
        }
    } else {
        return Err(ImportError::new("invalid_paths", "`paths` must be an object").at("/paths"));
    }
    let mut components = Map::new();
    let schemas = root.shift_remove("definitions").filter(Value::is_object).unwrap_or_else(|| json!({}));
    components.insert("schemas".to_owned(), schemas);
    shared.write(&mut components);
    if let Some(Value::Object(responses)) = root.shift_remove("responses") {
        let rewritten = responses.into_iter().map(|(name, response)| (name, body::response(response, &media.produces)));
        components.insert("responses".to_owned(), Value::Object(rewritten.collect()));
    }
    if let Some(Value::Object(schemes)) = root.shift_remove("securityDefinitions") {
        let rewritten = schemes.into_iter().map(|(name, scheme)| (name, security::scheme(scheme)));
        components.insert("securitySchemes".to_owned(), Value::Object(rewritten.collect()));
    }
    let mut rewritten = Map::new();
    rewritten.insert("openapi".to_owned(), "3.0.3".into());
    for key in ["info", "tags", "externalDocs", "security"] {
        if let Some(value) = root.shift_remove(key) {
            rewritten.insert(key.to_owned(), value);
        }
    }
    rewritten.insert("servers".to_owned(), servers);
    rewritten.insert("paths".to_owned(), paths);
    rewritten.insert("components".to_owned(), Value::Object(components));
    let mut rewritten = Value::Object(rewritten);
    schemas::rewrite(&mut rewritten);
    Ok(rewritten)
}

/// The media types that bodies have.
#[derive(Debug, Clone)]
struct Media {
    consumes: Vec<String>,
    produces: Vec<String>,
}

impl Media {
    fn of(map: &Map<String, Value>) -> Self {
        let listed = |key: &str| names(map, key).unwrap_or_default();
        Self { consumes: listed("consumes"), produces: listed("produces") }
    }

    /// Returns the media types of an operation.
    fn within(&self, operation: &Map<String, Value>) -> Self {
        Self {
            consumes: names(operation, "consumes").unwrap_or_else(|| self.consumes.clone()),
            produces: names(operation, "produces").unwrap_or_else(|| self.produces.clone()),
        }
    }
}

fn names(map: &Map<String, Value>, key: &str) -> Option<Vec<String>> {
    let list = map.get(key)?.as_array()?;
    let texts = list.iter().filter_map(Value::as_str).filter(|text| text.contains('/'));
    Some(texts.take(MAX_MEDIA_TYPES).map(str::to_owned).collect())
}

/// Writes where an API is served, over the schemes of the document or of an operation.
fn servers(root: &Map<String, Value>, own: Option<&Value>, notes: &mut Notes) -> Value {
    let text = |key: &str| root.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let path = text("basePath").unwrap_or("/");
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let Some(host) = text("host") else { return json!([{ "url": path }]) };
    let listed = own.or_else(|| root.get("schemes")).and_then(Value::as_array);
    let mut schemes: Vec<&str> = listed.into_iter().flatten().filter_map(Value::as_str).collect();
    let others = schemes.len();
    schemes.retain(|scheme| matches!(*scheme, "http" | "https"));
    if schemes.len() < others {
        notes.warn("unsafe_server", "/schemes", "only http and https are called");
    }
    // Https first: the credentials go there.
    schemes.sort_unstable_by_key(|scheme| std::cmp::Reverse(*scheme));
    schemes.dedup();
    if schemes.is_empty() {
        let message =
            format!("the document does not say whether `{}` is called over https; https is assumed", cut(host, 200));
        notes.warn("scheme_assumed", "/host", message);
        schemes.push("https");
    }
    schemes.iter().map(|scheme| json!({ "url": format!("{scheme}://{host}{}", path.trim_end_matches('/')) })).collect()
}

/// Rewrites a path and its operations.
fn path_item(
    item: &mut Map<String, Value>,
    pointer: &str,
    root: &Map<String, Value>,
    media: &Media,
    shared: &Shared,
    notes: &mut Notes,
) {
    let mut reasons = Vec::new();
    let of_path = params::list(item.shift_remove("parameters"), shared, &mut reasons);
    let (in_body, others): (Vec<Value>, Vec<Value>) = of_path.into_iter().partition(is_in_body);
    let others: Vec<Value> = others.into_iter().map(|param| params::parameter(param, &mut reasons)).collect();
    if !others.is_empty() {
        item.insert("parameters".to_owned(), Value::Array(others));
    }
    for method in METHODS {
        let Some(Value::Object(operation)) = item.get_mut(method) else { continue };
        let pointer = format!("{pointer}/{method}");
        let mut reasons = reasons.clone();
        operate(operation, &pointer, &in_body, root, media, shared, &mut reasons, notes);
        if !reasons.is_empty() {
            operation.insert(DEGRADED.to_owned(), json!(reasons));
        }
    }
}

/// Rewrites one operation.
#[expect(clippy::too_many_arguments, reason = "the parts of one document")]
fn operate(
    operation: &mut Map<String, Value>,
    pointer: &str,
    of_path: &[Value],
    root: &Map<String, Value>,
    media: &Media,
    shared: &Shared,
    reasons: &mut Vec<String>,
    notes: &mut Notes,
) {
    let media = media.within(operation);
    let own = params::list(operation.shift_remove("parameters"), shared, reasons);
    let (mut in_body, others): (Vec<Value>, Vec<Value>) = own.into_iter().partition(is_in_body);
    let others: Vec<Value> = others.into_iter().map(|param| params::parameter(param, reasons)).collect();
    if !others.is_empty() {
        operation.insert("parameters".to_owned(), Value::Array(others));
    }
    let name = |param: &Value| param.get("name").and_then(Value::as_str).map(str::to_owned);
    // An operation's parameter takes the place of one of the path with its name and place.
    let replaced = |param: &Value| {
        in_body.iter().any(|own| own.get("in") == param.get("in") && (name(own) == name(param) || own["in"] == "body"))
    };
    let inherited: Vec<Value> = of_path.iter().filter(|param| !replaced(param)).cloned().collect();
    in_body.extend(inherited);
    if let Some(body) = body_of(in_body, &media.consumes, pointer, reasons, notes) {
        operation.insert("requestBody".to_owned(), body);
    }
    if let Some(Value::Object(responses)) = operation.get_mut("responses") {
        for (_, response) in responses.iter_mut().filter(|(status, _)| !status.starts_with("x-")) {
            *response = body::response(std::mem::take(response), &media.produces);
        }
    }
    let listed =
        operation.shift_remove("schemes").filter(|schemes| schemes.as_array().is_some_and(|list| !list.is_empty()));
    if let Some(schemes) = listed.filter(|schemes| Some(schemes) != root.get("schemes")) {
        operation.insert("servers".to_owned(), servers(root, Some(&schemes), notes));
    }
    operation.shift_remove("consumes");
    operation.shift_remove("produces");
}
