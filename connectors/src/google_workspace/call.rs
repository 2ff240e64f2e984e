//! Any method of the API, for what no command is for.

use std::collections::BTreeSet;

use connector_runtime::context::Context;
use connector_runtime::prelude::*;

use super::GoogleWorkspace;
use super::api::Ask;
use super::failure::invalid;
use super::methods;
use super::types::Called;

/// HTTP methods that the API knows.
const VERBS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

impl GoogleWorkspace {
    pub(super) async fn send_any(
        &self,
        cx: &Context,
        method: &str,
        path: Option<&str>,
        params: &Map<String, Value>,
        body: Option<Value>,
    ) -> Result<Called, Fail> {
        let (verb, template) = match (VERBS.contains(&method), path) {
            (true, Some(path)) => (method, path.trim_start_matches('/').to_owned()),
            (true, None) => return Err(invalid("path", "an HTTP method needs it, such as admin/directory/v1/users")),
            (false, Some(_)) => return Err(invalid("path", "it is for an HTTP method; an id has its own path")),
            (false, None) => methods::find(method)
                .map(|(verb, path)| (verb, format!("admin/{path}")))
                .ok_or_else(|| invalid("method", "the API has no method of this id; give GET and a path for others"))?,
        };
        let (url, used) = self.fill_path(&template, params)?;
        let mut ask = Ask::new(verb, &[], "do this");
        for (name, value) in params.iter().filter(|(name, _)| !used.contains(name.as_str())) {
            for text in texts(name, value)? {
                ask = ask.query(name, text);
            }
        }
        if verb != "GET" && body.is_none() && verb != "DELETE" {
            ask = ask.body(json!({}));
        }
        let ask = body.into_iter().fold(ask, Ask::body);
        let answered = self.api(cx)?.send_to(url, ask).await?;
        let status = answered.status;
        Ok(Called { status, body: answered.ok()? })
    }

    /// Fills the places of a path. Each value is one segment, but for `{+name}`, whose slashes stay.
    fn fill_path(&self, template: &str, params: &Map<String, Value>) -> Result<(Url, BTreeSet<String>), Fail> {
        if template.contains(['?', '#', '%', '\\']) {
            return Err(invalid("path", "it has ?, #, % or a backslash; give values in params, which are encoded"));
        }
        let mut used = BTreeSet::new();
        let mut segments = Vec::new();
        // Which colons are the API's own: they begin a verb, such as users:createGuest.
        let mut with_verb = Vec::new();
        for part in template.split('/') {
            let (part, verb) = match part.split_once(':') {
                Some((part, verb)) => (part, Some(verb)),
                None => (part, None),
            };
            match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                Some(place) => {
                    let (name, is_path) = match place.strip_prefix('+') {
                        Some(name) => (name, true),
                        None => (place, false),
                    };
                    let value = params.get(name).ok_or_else(|| invalid("params", format!("{name} is missing")))?;
                    let text = text(name, value)?;
                    used.insert(name.to_owned());
                    match is_path {
                        true => segments.extend(text.split('/').filter(|s| !s.is_empty()).map(str::to_owned)),
                        false => segments.push(text),
                    }
                }
                None => segments.push(part.to_owned()),
            }
            if let Some(verb) = verb {
                with_verb.push((segments.len(), verb.to_owned()));
            }
        }
        let url = self.base_url.at(&segments).map_err(|error| invalid("path", error))?;
        let Some((count, verb)) = with_verb.pop() else { return Ok((Url::from(url), used)) };
        // It can only be at the end.
        if count != segments.len() || !with_verb.is_empty() || !verb.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(invalid("path", "a colon begins the verb at its end"));
        }
        let mut url = url;
        url.set_path(&format!("{}:{verb}", url.path()));
        Ok((Url::from(url), used))
    }
}

fn text(name: &str, value: &Value) -> Result<String, Fail> {
    match value {
        Value::String(text) if !text.is_empty() => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(invalid("params", format!("{name} is a part of the path: give a text or a number"))),
    }
}

/// The values of a query parameter: a list repeats its name, null leaves it out.
fn texts(name: &str, value: &Value) -> Result<Vec<String>, Fail> {
    let one = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        _ => Err(invalid("params", format!("{name} is neither a text, a number, true or false, nor a list of them"))),
    };
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(list) => list.iter().map(one).collect(),
        value => Ok(vec![one(value)?]),
    }
}
