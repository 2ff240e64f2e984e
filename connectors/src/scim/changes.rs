//! Changes of a resource: what is asked for, whether it holds already, and how it is sent (RFC 7644, sections 3.5.1 and
//! 3.5.2). Operations are in lower case, truth is JSON's: services that read `Replace` and `"True"` read these too.

use connector_runtime::prelude::*;

use super::failure::{Problem, Result};
use super::filter::is_attribute;
use super::resource::{member, same};

/// The schema of a PATCH.
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// The most changes of a call.
const MAX_CHANGES: usize = 1000;

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    pub(super) path: String,
    /// What the attribute becomes; `None` to remove it.
    pub(super) value: Option<Value>,
}

/// The changes of a call, in the order in which they were given.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Changes(pub(super) Vec<Change>);

impl Changes {
    /// Reads the params `set` and `remove`. A null removes.
    pub(super) fn of(set: Option<&Map<String, Value>>, remove: &[String]) -> Result<Self> {
        let invalid = |why: String| Problem::new(Code::Invalid, why);
        let set = set
            .into_iter()
            .flatten()
            .map(|(path, value)| Change { path: path.clone(), value: (!value.is_null()).then(|| value.clone()) });
        let mut changes: Vec<Change> = set.collect();
        for path in remove {
            match changes.iter().find(|change| change.path.eq_ignore_ascii_case(path)) {
                Some(Change { value: Some(_), .. }) => {
                    return Err(invalid(format!("`{path}` is in set and in remove; which of both is wanted?")));
                }
                Some(_) => {}
                None => changes.push(Change { path: path.clone(), value: None }),
            }
        }
        for Change { path, .. } in &changes {
            check_path(path).map_err(invalid)?;
        }
        if changes.len() > MAX_CHANGES {
            return Err(Problem::new(Code::TooLarge, format!("A call has at most {MAX_CHANGES} changes")));
        }
        Ok(Self(changes))
    }

    pub(super) fn one(path: &str, value: impl Into<Value>) -> Self {
        Self(vec![Change { path: path.to_owned(), value: Some(value.into()) }])
    }

    /// Refuses members, which have commands of their own: a change of all would undo those of others.
    pub(super) fn without_members(self) -> Result<Self> {
        let is_about_members =
            |change: &Change| change.path.get(..7).is_some_and(|own| own.eq_ignore_ascii_case("members"));
        if self.0.iter().any(is_about_members) {
            let why = "Members are changed by addMembers, removeMembers and setMembers";
            return Err(Problem::new(Code::Invalid, why));
        }
        Ok(self)
    }

    /// Adds a password, which is not among the attributes that a caller may name.
    pub(super) fn with_password(mut self, password: Option<&Secret>) -> Self {
        let password = password.map(|password| password.expose().to_owned());
        self.0.extend(password.map(|password| Change { path: "password".to_owned(), value: Some(password.into()) }));
        self
    }

    /// Returns those that a resource does not show yet.
    pub(super) fn missing(&self, resource: &Value) -> Self {
        Self(self.0.iter().filter(|change| holds(change, resource) != Some(true)).cloned().collect())
    }

    /// Returns the paths of those that a resource shows otherwise.
    pub(super) fn not_kept(&self, resource: &Value) -> Vec<String> {
        let differs = |change: &&Change| holds(change, resource) == Some(false);
        self.0.iter().filter(differs).map(|change| change.path.clone()).collect()
    }

    /// Writes them as a PATCH.
    pub(super) fn patch(&self) -> Value {
        let operation = |Change { path, value }: &Change| match value {
            Some(value) => json!({ "op": "replace", "path": path, "value": value }),
            None => json!({ "op": "remove", "path": path }),
        };
        patch_of(&self.0.iter().map(operation).collect::<Vec<_>>())
    }

    /// Makes the whole resource that replaces another one, for services without PATCH.
    pub(super) fn applied(&self, resource: &Value) -> Result<Value> {
        let mut whole = resource.clone();
        if let Some(map) = whole.as_object_mut() {
            // What a service makes itself (RFC 7643, section 3.1 and 4.1.2).
            map.retain(|name, _| !["meta", "groups"].iter().any(|own| name.eq_ignore_ascii_case(own)));
        }
        for Change { path, value } in &self.0 {
            let Some(segments) = segments(path) else {
                let why = format!(
                    "The service has no PATCH, and `{path}` selects values by a filter; set the whole attribute instead"
                );
                return Err(Problem::new(Code::Unsupported, why));
            };
            put(&mut whole, &segments, value.as_ref());
        }
        Ok(whole)
    }
}

pub(super) fn patch_of(operations: &[Value]) -> Value {
    json!({ "schemas": [PATCH], "Operations": operations })
}

/// Returns whether a resource shows a change; `None` if that cannot be seen.
fn holds(change: &Change, resource: &Value) -> Option<bool> {
    let segments = segments(&change.path)?;
    // It is never shown.
    if segments.first().is_some_and(|first| first.eq_ignore_ascii_case("password")) {
        return None;
    }
    let found = segments.iter().try_fold(resource, |value, name| member(value, name));
    Some(match &change.value {
        Some(value) => found.is_some_and(|found| same(value, found)),
        None => found.is_none_or(is_unassigned),
    })
}

/// Null and an empty list are no value (RFC 7643, section 2.5).
fn is_unassigned(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

/// Splits a path into the names that lead to its value; `None` if it selects by a filter.
fn segments(path: &str) -> Option<Vec<String>> {
    if path.contains('[') || !is_attribute(path) {
        return None;
    }
    let Some((schema, local)) = path.rsplit_once(':') else {
        return Some(path.split('.').map(str::to_owned).collect());
    };
    // The attributes of the core are at the top, those of an extension below its URN.
    let is_core = schema.to_ascii_lowercase().starts_with("urn:ietf:params:scim:schemas:core:");
    // `urn:...:2.0:User` alone is the whole extension.
    if schema.rsplit(':').next().is_some_and(is_schema_version) {
        return Some(vec![path.to_owned()]);
    }
    let mut segments: Vec<String> = if is_core { Vec::new() } else { vec![schema.to_owned()] };
    segments.extend(local.split('.').map(str::to_owned));
    Some(segments)
}

fn is_schema_version(text: &str) -> bool {
    text.contains('.') && text.chars().all(|c| c.is_ascii_digit() || c == '.')
}

fn put(target: &mut Value, segments: &[String], value: Option<&Value>) {
    let Some((name, rest)) = segments.split_first() else { return };
    if !target.is_object() {
        if value.is_none() {
            return;
        }
        *target = json!({});
    }
    let Some(map) = target.as_object_mut() else { return };
    let own = map.keys().find(|own| own.eq_ignore_ascii_case(name)).cloned().unwrap_or_else(|| name.clone());
    match (rest.is_empty(), value) {
        (true, Some(value)) => {
            map.insert(own, value.clone());
        }
        (true, None) => {
            map.shift_remove(&own);
        }
        (false, Some(_)) => put(map.entry(own).or_insert_with(|| json!({})), rest, value),
        (false, None) => {
            if let Some(inner) = map.get_mut(&own) {
                put(inner, rest, None);
            }
        }
    }
}

/// Refuses what is not a path, and what belongs into a param of its own.
fn check_path(path: &str) -> Result<(), String> {
    // The version of a schema has a dot, and a filter may have a colon.
    let name = path.split('[').next().unwrap_or_default();
    let local = name.rsplit(':').next().unwrap_or_default().split('.').next().unwrap_or_default();
    if local.eq_ignore_ascii_case("password") {
        return Err("A password belongs into the param password, which is kept secret".to_owned());
    }
    if ["id", "meta", "schemas"].iter().any(|own| path.eq_ignore_ascii_case(own)) {
        return Err(format!("`{path}` is the service's own and cannot be set"));
    }
    let is_text = !path.trim().is_empty() && path.len() <= 2000 && !path.chars().any(char::is_control);
    let is_path = is_text && (path.contains('[') && path.contains(']') || is_attribute(path));
    let example = "such as title, name.familyName or emails[type eq \"work\"].value";
    if is_path { Ok(()) } else { Err(format!("`{path}` is not the path of an attribute, {example}")) }
}
