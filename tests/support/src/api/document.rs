//! The OpenAPI document of a server, and the look-up of an answer in it.

use std::fmt;

use serde_json::{Map, Value};

use super::exchange::Exchange;
use super::schemas::Schemas;
use super::undocumented::{Undocumented, What};

/// The methods that a path item may have, as the document writes them.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
/// What a problem's content type is (RFC 9457).
const PROBLEM: &str = "application/problem+json";
/// What the guard, a panic and a database that is away answer in front of every route.
const BEFORE_ROUTES: [u16; 3] = [401, 500, 503];

/// An OpenAPI 3.1 document against which answers are checked.
pub struct ApiDocument {
    document: Value,
    schemas: Schemas,
}

impl ApiDocument {
    /// Takes a document.
    ///
    /// # Panics
    /// When it is not an OpenAPI 3.1 document with paths and the schema `Problem`.
    pub fn new(document: Value) -> Self {
        let version = document["openapi"].as_str().unwrap_or_default();
        assert!(version.starts_with("3.1."), "not an OpenAPI 3.1 document: {version:?}");
        assert!(document["paths"].is_object(), "the document has no paths");
        assert!(document["components"]["schemas"]["Problem"].is_object(), "the document has no schema Problem");
        let schemas = Schemas::new(&document);
        Self { document, schemas }
    }

    /// Compares an answer with what the document says of it: that the path has the method, the method the status, the
    /// status each header and the content type, and that the body is as the schema says, with no field more.
    ///
    /// A path or method that the document does not have is as documented where the answer is the problem that says
    /// so. A HEAD is answered as its GET.
    ///
    /// # Errors
    /// Where something is not as documented; the text names the operation and how to mend it.
    pub fn check(&self, exchange: &Exchange<'_>) -> Result<(), Undocumented> {
        if exchange.is_below_the_api() {
            return Ok(());
        }
        let asked = exchange.path.split(['?', '#']).next().unwrap_or_default();
        let found = self.item(asked);
        let shown = found.map_or(asked, |(template, _)| template);
        self.judge(exchange, found.map(|(_, item)| item)).map_err(|what| Undocumented {
            operation: format!("{} {shown}", exchange.method),
            status: exchange.status,
            what,
        })
    }

    fn judge(&self, exchange: &Exchange<'_>, item: Option<&Map<String, Value>>) -> Result<(), What> {
        let Some(item) = item else {
            let told = exchange.status == 404 || BEFORE_ROUTES.contains(&exchange.status);
            return if told { self.problem(exchange) } else { Err(What::Path) };
        };
        let method = exchange.method.to_ascii_lowercase();
        let own = METHODS.contains(&method.as_str()).then(|| item.get(&method)).flatten();
        let operation = own.or_else(|| if method == "head" { item.get("get") } else { None });
        let Some(operation) = operation else {
            let refused = exchange.status == 405 && exchange.header("allow").is_some();
            return if refused || BEFORE_ROUTES.contains(&exchange.status) {
                self.problem(exchange)
            } else {
                let documented = METHODS.into_iter().filter(|method| item.contains_key(*method));
                Err(What::Method { documented: documented.map(str::to_uppercase).collect() })
            };
        };
        let responses = operation["responses"].as_object();
        let response = responses.and_then(|all| all.get(&exchange.status.to_string()));
        let Some(response) = response else {
            let documented = responses.into_iter().flat_map(Map::keys).cloned().collect();
            return Err(What::Status { documented });
        };
        let response = self.schemas.resolve(response);
        self.headers(exchange, response)?;
        self.content(exchange, response)
    }

    /// Returns the template of a path and its item: of several that fit, the one with the most literal segments.
    fn item(&self, path: &str) -> Option<(&str, &Map<String, Value>)> {
        let paths = self.document["paths"].as_object()?;
        let fitting = paths.iter().filter_map(|(template, item)| {
            let literal = literal_segments(template, path)?;
            Some((literal, template.as_str(), item.as_object()?))
        });
        fitting.max_by_key(|(literal, ..)| *literal).map(|(_, template, item)| (template, item))
    }

    fn headers(&self, exchange: &Exchange<'_>, response: &Value) -> Result<(), What> {
        let documented = response["headers"].as_object();
        for (name, value) in exchange.own_headers() {
            let known = documented.into_iter().flatten().find(|(known, _)| known.eq_ignore_ascii_case(name));
            let Some((_, header)) = known else {
                let documented = documented.into_iter().flat_map(Map::keys).cloned().collect();
                return Err(What::Header { name: name.to_owned(), documented });
            };
            let schema = self.schemas.resolve(&self.schemas.resolve(header)["schema"]);
            let value = match schema["type"].as_str() {
                Some("integer" | "number" | "boolean") => serde_json::from_str(value).unwrap_or_else(|_| value.into()),
                _ => Value::from(value),
            };
            if let Err(mistakes) = self.schemas.check(schema, &value) {
                return Err(What::HeaderValue { name: name.to_owned(), why: mistakes.join("; ") });
            }
        }
        Ok(())
    }

    fn content(&self, exchange: &Exchange<'_>, response: &Value) -> Result<(), What> {
        let content = response["content"].as_object().filter(|content| !content.is_empty());
        let media_type = exchange.media_type();
        let refuse = || {
            let documented = content.into_iter().flat_map(Map::keys).cloned().collect();
            Err(What::ContentType { got: media_type.clone(), documented })
        };
        let Some(types) = content else {
            return if exchange.body.is_empty() { Ok(()) } else { refuse() };
        };
        let Some(got) = media_type.as_deref() else { return refuse() };
        let Some((_, content)) = types.iter().find(|(known, _)| essence(known) == got) else { return refuse() };
        if !exchange.may_have_body() {
            return Ok(());
        }
        let body = match got {
            json if json == "application/json" || json.ends_with("+json") => serde_json::from_slice(exchange.body)
                .map_err(|error| What::Body { mistakes: vec![format!("it is not valid JSON: {error}")] })?,
            _ => Value::from(String::from_utf8_lossy(exchange.body)),
        };
        self.schemas.check(&content["schema"], &body).map_err(|mistakes| What::Body { mistakes })
    }

    /// Checks an answer that no operation gives: a problem.
    fn problem(&self, exchange: &Exchange<'_>) -> Result<(), What> {
        let got = exchange.media_type();
        if got.as_deref() != Some(PROBLEM) {
            return Err(What::ContentType { got, documented: vec![PROBLEM.to_owned()] });
        }
        if !exchange.may_have_body() {
            return Ok(());
        }
        let body = serde_json::from_slice(exchange.body)
            .map_err(|error| What::Body { mistakes: vec![format!("it is not valid JSON: {error}")] })?;
        let schema = &self.document["components"]["schemas"]["Problem"];
        self.schemas.check(schema, &body).map_err(|mistakes| What::Body { mistakes })
    }
}

impl fmt::Debug for ApiDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths = self.document["paths"].as_object().map_or(0, Map::len);
        f.debug_struct("ApiDocument").field("paths", &paths).finish_non_exhaustive()
    }
}

/// Returns how many literal segments a template has; `None` where the path is not of it.
fn literal_segments(template: &str, path: &str) -> Option<usize> {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    let mut literal = 0;
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(literal),
            (Some(wanted), Some(given)) if wanted.starts_with('{') => {
                if given.is_empty() {
                    return None;
                }
            }
            (Some(wanted), Some(given)) if wanted == given => literal += 1,
            _ => return None,
        }
    }
}

/// Returns a content type without its parameters, in lower case.
fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
