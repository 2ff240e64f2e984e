//! The operations of a bulk request as they are sent: checked, split by the limits of a service, and told apart.

use std::collections::HashMap;

use connector_runtime::prelude::*;

use super::super::capabilities::BulkLimits;
use super::super::failure::{Problem, Result};
use super::super::resource::texts;
use super::{BulkMethod, BulkOperation};

/// The most operations of a call.
const MAX_OPERATIONS: usize = 10_000;
/// Begins the names that operations without one get, so that their answers are found.
const OWN: &str = "floh-";
/// The bytes of a request around its operations.
const FRAME: usize = 160;

/// An operation that is ready to be sent.
pub(super) struct Ready {
    pub(super) index: usize,
    pub(super) given: Option<String>,
    pub(super) body: Value,
}

/// Checks the operations and writes each as it is sent.
pub(super) fn prepared(operations: Vec<BulkOperation>) -> Result<Vec<Ready>> {
    if operations.len() > MAX_OPERATIONS {
        return Err(Problem::new(Code::TooLarge, format!("A call has at most {MAX_OPERATIONS} operations")));
    }
    let mut names = HashMap::new();
    let mut all = Vec::with_capacity(operations.len());
    for (index, operation) in operations.into_iter().enumerate() {
        let invalid =
            |why: String| Problem::new(Code::Invalid, format!("Operation {index}: {why}")).with("index", index);
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
                return Err(invalid(
                    "a password belongs into password beside data, where it is kept secret".to_owned(),
                ));
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
pub(super) fn split(all: Vec<Ready>, limits: BulkLimits) -> Result<Vec<Vec<Ready>>> {
    let most = usize::try_from(limits.operations).unwrap_or(usize::MAX).max(1);
    let payload = usize::try_from(limits.payload).unwrap_or(usize::MAX);
    let mut chunks: Vec<Vec<Ready>> = Vec::new();
    let mut size = 0;
    for ready in all {
        let own = ready.body.to_string().len() + 1;
        if own + FRAME > payload {
            let why =
                format!("Operation {} has {own} bytes, and the service takes {payload} in a request", ready.index);
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
pub(super) fn resolve(value: &mut Value, made: &HashMap<String, String>) {
    match value {
        Value::String(text) if text.contains("bulkId:") => {
            let parts = text
                .split('/')
                .map(|part| reference(part).and_then(|name| made.get(name)).map_or(part, String::as_str));
            *text = parts.collect::<Vec<_>>().join("/");
        }
        Value::Array(list) => list.iter_mut().for_each(|value| resolve(value, made)),
        Value::Object(map) => map.values_mut().for_each(|value| resolve(value, made)),
        _ => {}
    }
}

/// Finds the answer of each operation: by its name, else by its place among those without one.
pub(super) fn matched<'a>(chunk: &[Ready], answers: &'a [Value]) -> Vec<Option<&'a Value>> {
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
