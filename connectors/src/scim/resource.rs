//! Reads resources as services write them: names in any case, truth as a text, locations with and without a host.

use std::borrow::Cow;

use connector_runtime::prelude::*;

use super::Scim;

/// Begins the version of a resource that this connector made, because the service has none.
const MADE: &str = "read:";

/// Returns a member of an object by its name, whose case does not matter (RFC 7643, section 2.1).
pub(super) fn member<'v>(object: &'v Value, name: &str) -> Option<&'v Value> {
    let map = object.as_object()?;
    map.get(name).or_else(|| map.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// Returns a member that is a text and not empty; a number is written as one.
pub(super) fn texts(object: &Value, name: &str) -> Option<String> {
    match member(object, name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Reads true and false, which some services write as `"True"` and `"False"`.
pub(super) fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Returns whether two values mean the same: true is the text of it too.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Bool(one), other) | (other, Value::Bool(one)) => truth(other) == Some(*one),
        (Value::Array(ones), Value::Array(others)) => {
            ones.len() == others.len() && ones.iter().zip(others).all(|(one, other)| same(one, other))
        }
        // What a service adds to a value, such as `$ref` or a type, does not make it another one.
        (Value::Object(ones), Value::Object(_)) => {
            ones.iter().all(|(name, value)| member(other, name).is_some_and(|other| same(value, other)))
        }
        (one, other) => one == other,
    }
}

/// Takes what is secret out of a resource: a service that shows a password would show it to every reader of the outcome.
pub(super) fn without_password(mut resource: Value) -> Value {
    if let Some(map) = resource.as_object_mut() {
        map.retain(|name, _| !name.eq_ignore_ascii_case("password"));
    }
    resource
}

/// Returns the id.
pub(super) fn id(resource: &Value) -> Option<String> {
    texts(resource, "id")
}

/// Returns the ids of a group's members, or `None` if it shows none.
pub(super) fn members(group: &Value) -> Option<Vec<String>> {
    let list = match member(group, "members")? {
        Value::Array(list) => list.iter().collect(),
        Value::Object(_) => vec![member(group, "members")?],
        _ => Vec::new(),
    };
    // Some services list the ids alone.
    let value = |member: &Value| member.as_str().map(str::to_owned).or_else(|| texts(member, "value"));
    Some(list.into_iter().filter_map(value).collect())
}

/// Returns the version of a resource: that of the service, else one that is made of what was read.
pub(super) fn version(resource: &Value) -> String {
    let own = member(resource, "meta").and_then(|meta| texts(meta, "version"));
    own.unwrap_or_else(|| format!("{MADE}{:032x}", fingerprint(resource)))
}

/// Returns whether a version was made here.
pub(super) fn is_made(version: &str) -> bool {
    version.starts_with(MADE)
}

/// Returns whether two versions are the same; one may be weak (RFC 9110, section 8.8.3.2).
pub(super) fn same_version(one: &str, other: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").trim_matches('"').to_owned();
    opaque(one) == opaque(other)
}

/// Hashes a resource without its metadata, which no order of names changes (FNV-1a, 128 bits).
fn fingerprint(resource: &Value) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let mut hash = OFFSET;
    let mut add = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u128::from(*byte)).wrapping_mul(PRIME);
        }
    };
    fn walk(value: &Value, add: &mut impl FnMut(&[u8])) {
        match value {
            Value::Object(map) => {
                let mut names: Vec<&String> = map.keys().filter(|name| !name.eq_ignore_ascii_case("meta")).collect();
                names.sort_unstable();
                add(b"{");
                for name in names {
                    add(Value::from(name.as_str()).to_string().as_bytes());
                    walk(&map[name], add);
                }
                add(b"}");
            }
            Value::Array(list) => {
                add(b"[");
                list.iter().for_each(|value| walk(value, add));
                add(b"]");
            }
            other => {
                add(other.to_string().as_bytes());
                add(b",");
            }
        }
    }
    walk(resource, &mut add);
    hash
}

/// Returns a resource without what every change touches.
pub(super) fn without_meta(resource: &Value) -> Value {
    let mut resource = resource.clone();
    if let Some(map) = resource.as_object_mut() {
        map.retain(|name, _| !name.eq_ignore_ascii_case("meta"));
    }
    resource
}

impl Scim {
    /// Returns where a resource is, with a host, also if the service names a path alone.
    pub(super) fn location(&self, resource: &Value) -> Option<String> {
        let told = texts(member(resource, "meta")?, "location")?;
        self.absolute(&told)
    }

    /// Makes a location absolute. It is shown, and never called.
    pub(super) fn absolute(&self, told: &str) -> Option<String> {
        // The path of a service that stands behind a proxy, or one below the base URL.
        let told: Cow<'_, str> = match told.strip_prefix('/') {
            Some(_) => told.into(),
            None if told.contains("://") => told.into(),
            None => format!("{}/{told}", self.base_url.path().trim_end_matches('/')).into(),
        };
        Some(self.base_url.join(&told).ok()?.to_string())
    }
}
