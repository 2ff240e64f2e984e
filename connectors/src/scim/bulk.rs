//! Many changes in few requests (RFC 7644, section 3.7), split by the limits that a service announces.
//!
//! A reference `bulkId:x` holds within one request only. So what an earlier request created is replaced by its id before
//! a later one leaves, and a reference forward into a later request is refused before anything is sent.

use std::collections::HashMap;

use connector_runtime::prelude::*;

use super::capabilities::BulkLimits;
use super::failure::{Problem, Result, code_of, said};
use super::resource::{member, texts};
use super::session::Session;

const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
/// The most operations of a call.
const MAX_OPERATIONS: usize = 10_000;
/// Begins the names that operations without one get, so that their answers are found.
const OWN: &str = "floh-";
/// The bytes of a request around its operations.
const FRAME: usize = 160;

/// What a bulk operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Select)]
pub enum BulkMethod {
    /// Create.
    #[select(name = "POST", label = "POST")]
    Post,
    /// Replace.
    #[select(name = "PUT", label = "PUT")]
    Put,
    /// Change in part.
    #[select(name = "PATCH", label = "PATCH")]
    Patch,
    /// Delete.
    #[select(name = "DELETE", label = "DELETE")]
    Delete,
}

/// One change of many.
#[object]
#[derive(Debug)]
pub struct BulkOperation {
    /// What it does.
    pub method: BulkMethod,
    /// Which resources, or which one: `/Users` to create, `/Users/2819c223` for one that exists.
    #[param(min_length = 2, max_length = 2000, example = "/Users")]
    pub path: String,
    /// A name for what it creates; others refer to it by `bulkId:` and this name.
    #[param(min_length = 1, max_length = 200)]
    pub bulk_id: Option<String>,
    /// The version of the resource that is changed, where the service has versions.
    #[param(max_length = 500)]
    pub version: Option<String>,
    /// The resource, or for PATCH the schemas and Operations.
    pub data: Option<Map<String, Value>>,
    /// The password of a user that is created or replaced. It is not allowed in data.
    pub password: Option<Secret>,
}

/// What became of one change.
#[payload]
#[derive(Debug, Clone)]
pub struct BulkResult {
    /// The number of the operation, from 0.
    pub index: usize,
    /// Its name, if it was given one.
    pub bulk_id: Option<String>,
    /// Whether it was done.
    pub ok: bool,
    /// The status that the service gave it; null if it was not sent, or not answered.
    pub status: Option<u16>,
    /// Id of the resource.
    pub id: Option<String>,
    /// Where the resource is.
    pub location: Option<String>,
    /// The version of the resource.
    pub version: Option<String>,
    /// Why it was not done, as one of the codes of failures.
    pub code: Option<String>,
    /// What the service calls the reason.
    pub system_code: Option<String>,
    /// What the service says about it.
    pub message: Option<String>,
}

/// An operation that is ready to be sent.
struct Ready {
    index: usize,
    given: Option<String>,
    body: Value,
}

impl BulkResult {
    fn of(ready: &Ready) -> Self {
        Self {
            index: ready.index,
            bulk_id: ready.given.clone(),
            ok: false,
            status: None,
            id: None,
            location: None,
            version: None,
            code: None,
            system_code: None,
            message: None,
        }
    }

    fn not_sent(ready: &Ready) -> Self {
        let message = Some("It was not sent: failOnErrors was reached".to_owned());
        Self { message, ..Self::of(ready) }
    }

    fn unanswered(ready: &Ready) -> Self {
        let message = Some("The service did not say what became of it".to_owned());
        Self { code: Some(Code::OutcomeUnknown.name().to_owned()), message, ..Self::of(ready) }
    }
}

impl Session<'_> {
    /// Does many changes, and tells of each what became of it, in the order in which they were given.
    pub(super) async fn bulk(&self, operations: Vec<BulkOperation>, fail_on_errors: Option<u32>) -> Result<Vec<BulkResult>> {
        let Some(limits) = self.capabilities().await?.bulk else {
            let why = "The service has no bulk requests; call its other commands one after another";
            return Err(Problem::new(Code::Unsupported, why));
        };
        let ready = prepared(operations)?;
        let chunks = split(ready, limits)?;
        let mut results = Vec::new();
        let mut made: HashMap<String, String> = HashMap::new();
        let mut errors = 0;
        let most = fail_on_errors.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
        for mut chunk in chunks {
            if errors >= most {
                results.extend(chunk.iter().map(BulkResult::not_sent));
                continue;
            }
            for ready in &mut chunk {
                resolve(&mut ready.body, &made);
            }
            let left = fail_on_errors.map(|_| most - errors);
            let answers = match self.send_bulk(&chunk, left).await {
                Ok(answers) => answers,
                Err(problem) if results.is_empty() => return Err(problem),
                Err(problem) => return Err(problem.with("results", &results)),
            };
            for (ready, answer) in chunk.iter().zip(matched(&chunk, &answers)) {
                let result = match answer {
                    Some(answer) => self.result(ready, answer),
                    // A service stops after so many errors, and says nothing of the rest.
                    None if errors >= most => BulkResult::not_sent(ready),
                    None => BulkResult::unanswered(ready),
                };
                errors += usize::from(!result.ok && result.status.is_some());
                if let (Some(id), Some(name)) = (&result.id, ready.body.get("bulkId").and_then(Value::as_str)) {
                    made.insert(name.to_owned(), id.clone());
                }
                results.push(result);
            }
        }
        Ok(results)
    }

    async fn send_bulk(&self, chunk: &[Ready], fail_on_errors: Option<usize>) -> Result<Vec<Value>> {
        let bodies: Vec<&Value> = chunk.iter().map(|ready| &ready.body).collect();
        let mut body = json!({ "schemas": [BULK], "Operations": bodies });
        if let Some(most) = fail_on_errors {
            body["failOnErrors"] = most.into();
        }
        let response = self.send_body("POST", &["Bulk"], &body, None).await?;
        let response = self.accepted(response, "do the operations of the bulk request")?;
        let read: Option<Value> = response.json().ok();
        let list = read.as_ref().and_then(|body| member(body, "Operations")).and_then(Value::as_array);
        list.cloned().ok_or_else(|| {
            let why = "The service accepted a bulk request and did not say what became of its operations";
            Problem::new(Code::OutcomeUnknown, why).with("outcome", "unknown").with("statusCode", response.status())
        })
    }

    fn result(&self, ready: &Ready, answer: &Value) -> BulkResult {
        let status = texts(answer, "status").or_else(|| {
            // SCIM 1.1 and some of 2.0: {"code": "201"}.
            texts(member(answer, "status")?, "code")
        });
        let status: Option<u16> = status.and_then(|status| status.trim().parse().ok());
        let ok = status.is_some_and(|status| (200..300).contains(&status));
        let told = texts(answer, "location");
        let response = member(answer, "response").cloned().unwrap_or_default();
        let id = texts(&response, "id").or_else(|| {
            let path = told.as_deref()?.split(['?', '#']).next()?.trim_end_matches('/');
            path.rsplit('/').next().map(str::to_owned)
        });
        let said = if ok { Default::default() } else { said(&response) };
        let code = status.filter(|_| !ok).map(|status| match code_of(status, said.code.as_deref()) {
            Code::Conflict if status == 409 && ready.body.get("method") == Some(&json!("POST")) => Code::Exists,
            code => code,
        });
        BulkResult {
            ok,
            status,
            id: id.filter(|_| ok),
            location: told.filter(|_| ok).and_then(|told| self.connector.absolute(&told)),
            version: texts(answer, "version"),
            code: code.map(|code| code.name().to_owned()),
            system_code: said.code,
            message: said.text,
            ..BulkResult::of(ready)
        }
    }
}

/// Checks the operations and writes each as it is sent.
fn prepared(operations: Vec<BulkOperation>) -> Result<Vec<Ready>> {
    if operations.len() > MAX_OPERATIONS {
        return Err(Problem::new(Code::TooLarge, format!("A call has at most {MAX_OPERATIONS} operations")));
    }
    let mut names = HashMap::new();
    let mut all = Vec::with_capacity(operations.len());
    for (index, operation) in operations.into_iter().enumerate() {
        let invalid = |why: String| Problem::new(Code::Invalid, format!("Operation {index}: {why}")).with("index", index);
        let BulkOperation { method, path, bulk_id, version, data, password } = operation;
        if !path.starts_with('/') || path.contains("//") || path.split('/').any(|part| part == ".." || part == ".") {
            return Err(invalid(format!("its path `{path}` has to be one of the service, such as /Users/2819c223")));
        }
        if let Some(name) = &bulk_id
            && let Some(before) = names.insert(name.clone(), index)
        {
            return Err(invalid(format!("its bulkId `{name}` is that of operation {before}")));
        }
        let mut data = match data {
            Some(data) if data.keys().any(|name| name.eq_ignore_ascii_case("password")) => {
                return Err(invalid("a password belongs into password beside data, where it is kept secret".to_owned()));
            }
            None if method != BulkMethod::Delete => return Err(invalid("it has no data".to_owned())),
            data => data,
        };
        if let Some(password) = password {
            if !matches!(method, BulkMethod::Post | BulkMethod::Put) {
                return Err(invalid("a password goes with POST or PUT".to_owned()));
            }
            data.get_or_insert_default().insert("password".to_owned(), password.expose().into());
        }
        let mut body = Map::new();
        body.insert("method".to_owned(), method.as_str().into());
        body.insert("path".to_owned(), path.into());
        let name = bulk_id.clone().unwrap_or_else(|| format!("{OWN}{index}"));
        body.insert("bulkId".to_owned(), name.into());
        body.extend(version.map(|version| ("version".to_owned(), version.into())));
        body.extend(data.map(|data| ("data".to_owned(), data.into())));
        all.push(Ready { index, given: bulk_id, body: body.into() });
    }
    Ok(all)
}

/// Splits operations by the limits of the service.
fn split(all: Vec<Ready>, limits: BulkLimits) -> Result<Vec<Vec<Ready>>> {
    let most = usize::try_from(limits.operations).unwrap_or(usize::MAX).max(1);
    let payload = usize::try_from(limits.payload).unwrap_or(usize::MAX);
    let mut chunks: Vec<Vec<Ready>> = Vec::new();
    let mut size = 0;
    for ready in all {
        let own = ready.body.to_string().len() + 1;
        if own + FRAME > payload {
            let why = format!("Operation {} has {own} bytes, and the service takes {payload} in a request", ready.index);
            return Err(Problem::new(Code::TooLarge, why).with("index", ready.index));
        }
        match chunks.last_mut().filter(|chunk| chunk.len() < most && size + own + FRAME <= payload) {
            Some(chunk) => {
                size += own;
                chunk.push(ready);
            }
            None => {
                size = own;
                chunks.push(vec![ready]);
            }
        }
    }
    let place: HashMap<String, (usize, usize)> = chunks
        .iter()
        .enumerate()
        .flat_map(|(number, chunk)| chunk.iter().map(move |ready| (number, ready)))
        .filter_map(|(number, ready)| Some((ready.given.clone()?, (number, ready.index))))
        .collect();
    for (number, chunk) in chunks.iter().enumerate() {
        for ready in chunk {
            for name in references(&ready.body) {
                match place.get(&name) {
                    None => {
                        let why = format!("Operation {} refers to bulkId:{name}, which no operation has", ready.index);
                        return Err(Problem::new(Code::Invalid, why).with("index", ready.index));
                    }
                    Some((there, index)) if *there > number => {
                        let why = format!(
                            "Operation {} refers to bulkId:{name} of operation {index}, and the service takes so few \
                             operations at a time ({most}) that they go in two requests: put operation {index} before it",
                            ready.index
                        );
                        return Err(Problem::new(Code::Invalid, why).with("index", ready.index));
                    }
                    Some(_) => {}
                }
            }
        }
    }
    Ok(chunks)
}

/// Returns the name that a text refers to.
fn reference(text: &str) -> Option<&str> {
    text.strip_prefix("bulkId:").filter(|name| !name.is_empty())
}

fn references(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => {
            let in_path = text.split('/').filter_map(reference);
            in_path.map(str::to_owned).collect()
        }
        Value::Array(list) => list.iter().flat_map(references).collect(),
        Value::Object(map) => map.values().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

/// Puts ids where names of what earlier requests created stand.
fn resolve(value: &mut Value, made: &HashMap<String, String>) {
    match value {
        Value::String(text) if text.contains("bulkId:") => {
            let parts = text.split('/').map(|part| reference(part).and_then(|name| made.get(name)).map_or(part, String::as_str));
            *text = parts.collect::<Vec<_>>().join("/");
        }
        Value::Array(list) => list.iter_mut().for_each(|value| resolve(value, made)),
        Value::Object(map) => map.values_mut().for_each(|value| resolve(value, made)),
        _ => {}
    }
}

/// Finds the answer of each operation: by its name, else by its place among those without one.
fn matched<'a>(chunk: &[Ready], answers: &'a [Value]) -> Vec<Option<&'a Value>> {
    let name = |value: &Value| texts(value, "bulkId");
    let known: Vec<Option<String>> = chunk.iter().map(|ready| name(&ready.body)).collect();
    let by_name: HashMap<String, &Value> = answers.iter().filter_map(|answer| Some((name(answer)?, answer))).collect();
    let mut nameless = answers.iter().filter(|answer| name(answer).is_none_or(|name| !known.contains(&Some(name))));
    chunk
        .iter()
        .zip(&known)
        .map(|(ready, name)| {
            if let Some(answer) = name.as_ref().and_then(|name| by_name.get(name)) {
                return Some(*answer);
            }
            let method = texts(&ready.body, "method");
            nameless.next().filter(|answer| texts(answer, "method").is_none_or(|own| Some(own) == method))
        })
        .collect()
}
