//! Filters (RFC 7644, section 3.4.2.2). Values never reach the text as they are: each becomes one literal.

use std::collections::{BTreeMap, BTreeSet};

use connector_runtime::prelude::*;

use super::failure::{Problem, Result};

/// The most characters of a filter. It is part of a URL, which many services cut off at 8 KiB.
const MAX_FILTER: usize = 6000;

/// Which resources are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Filter {
    /// All.
    All,
    /// Those that a filter selects.
    Text(String),
    /// None: a value has to be one of an empty list.
    Nothing,
}

impl Filter {
    /// Makes the filter of a call's params.
    pub(super) fn of(
        conditions: Option<&Map<String, Value>>,
        filter: Option<&str>,
        values: Option<&Map<String, Value>>,
    ) -> Result<Self> {
        let made = match (conditions, filter) {
            (Some(_), Some(_)) => return Err(invalid("give where or filter, not both")),
            (None, None) if values.is_some() => {
                return Err(invalid("values are for the names in filter, which is missing"));
            }
            (Some(_), None) if values.is_some() => return Err(invalid("values belong to filter; where has its own")),
            (None, None) => Self::All,
            (Some(conditions), None) => all_of(conditions)?,
            (None, Some(filter)) => Self::Text(filled(filter, values.unwrap_or(&Map::new()))?),
        };
        match &made {
            Self::Text(text) if text.chars().count() > MAX_FILTER => Err(Problem::new(
                Code::TooLarge,
                format!("The filter is longer than {MAX_FILTER} characters; ask with fewer values at a time"),
            )),
            _ => Ok(made),
        }
    }

    /// Makes the filter of one attribute and one text.
    pub(super) fn equal(attribute: &str, value: &str) -> String {
        format!("{attribute} eq {}", text(value))
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

fn invalid(why: impl std::fmt::Display) -> Problem {
    Problem::new(Code::Invalid, format!("The filter cannot be made: {why}"))
}

/// Joins conditions, each of which must hold.
fn all_of(conditions: &Map<String, Value>) -> Result<Filter> {
    let mut parts = Vec::with_capacity(conditions.len());
    for (attribute, value) in conditions {
        if !is_attribute(attribute) {
            let why = format!("`{attribute}` is not the name of an attribute, such as userName or name.familyName");
            return Err(invalid(why));
        }
        match value {
            Value::Array(values) if values.is_empty() => return Ok(Filter::Nothing),
            Value::Array(values) => {
                let any: Result<Vec<_>> = values.iter().map(|value| condition(attribute, value)).collect();
                let any = any?;
                parts.push(if any.len() == 1 { any.concat() } else { format!("({})", any.join(" or ")) });
            }
            value => parts.push(condition(attribute, value)?),
        }
    }
    Ok(if parts.is_empty() { Filter::All } else { Filter::Text(parts.join(" and ")) })
}

fn condition(attribute: &str, value: &Value) -> Result<String> {
    match value {
        // Services differ in what they take `eq null` for.
        Value::Null => Ok(format!("not ({attribute} pr)")),
        value => Ok(format!("{attribute} eq {}", literal(attribute, value)?)),
    }
}

fn literal(name: &str, value: &Value) -> Result<String> {
    match value {
        Value::String(value) => Ok(text(value)),
        Value::Number(_) | Value::Bool(_) | Value::Null => Ok(value.to_string()),
        _ => Err(invalid(format!("the value of {name} has to be a text, a number, true, false or null"))),
    }
}

/// Writes a text as a JSON string without a quote or a backslash in it, but as escapes by number: a service that reads
/// filters carelessly finds no end of the string inside of it.
pub(super) fn text(value: &str) -> String {
    let mut literal = String::with_capacity(value.len() + 2);
    literal.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => literal.push_str(&format!("\\u{:04x}", u32::from(c))),
            c if c.is_control() && u32::from(c) <= 0xffff => literal.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => literal.push(c),
        }
    }
    literal.push('"');
    literal
}

/// Returns whether a text names an attribute, perhaps with the URN of its schema before it and a part after a dot.
pub(super) fn is_attribute(name: &str) -> bool {
    let local = match name.get(..4) {
        Some(urn) if urn.eq_ignore_ascii_case("urn:") => match name.rsplit_once(':') {
            Some((schema, local)) if schema.chars().all(|c| c.is_ascii_alphanumeric() || ":.-_".contains(c)) => local,
            _ => return false,
        },
        _ => name,
    };
    let is_name = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '$')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "_-$".contains(c))
    };
    local.len() <= 200 && local.split('.').count() <= 3 && local.split('.').all(is_name)
}

/// Fills `{name}` in a filter with literals. What stands in quotes is left as it is.
fn filled(filter: &str, values: &Map<String, Value>) -> Result<String> {
    let mut made = String::with_capacity(filter.len());
    let mut used = BTreeSet::new();
    let mut rest = filter;
    while let Some(at) = rest.find(['"', '{']) {
        let (before, from) = rest.split_at(at);
        made.push_str(before);
        if from.starts_with('"') {
            let end = end_of_string(from).ok_or_else(|| invalid("a quote in filter has no end"))?;
            let (string, after) = from.split_at(end);
            if let Some(name) = values.keys().find(|name| string.contains(&format!("{{{name}}}"))) {
                return Err(invalid(format!("take the quotes around {{{name}}} away: a text gets its own")));
            }
            made.push_str(string);
            rest = after;
            continue;
        }
        let Some((name, after)) = from.strip_prefix('{').and_then(|from| from.split_once('}')) else {
            return Err(invalid("a `{` in filter has no `}`"));
        };
        let value = values.get(name).ok_or_else(|| invalid(format!("values has no `{name}`, which filter names")))?;
        used.insert(name);
        made.push_str(&literal(name, value)?);
        rest = after;
    }
    made.push_str(rest);
    if let Some(unused) = values.keys().find(|name| !used.contains(name.as_str())) {
        return Err(invalid(format!("filter does not name `{unused}`, which values has")));
    }
    if made.trim().is_empty() { Err(invalid("filter is empty; leave it out to ask for all")) } else { Ok(made) }
}

/// Returns where a JSON string ends that a text begins with.
fn end_of_string(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Says of some attributes what a query asks for; `None` for all.
pub(super) fn listed(attributes: &[String], field: &str) -> Result<Option<String>> {
    let names: BTreeMap<String, &str> =
        attributes.iter().map(|name| (name.to_ascii_lowercase(), name.as_str())).collect();
    if let Some(wrong) = names.values().find(|name| !is_attribute(name)) {
        return Err(Problem::new(Code::Invalid, format!("{field}: `{wrong}` is not the name of an attribute")));
    }
    Ok((!names.is_empty()).then(|| names.values().copied().collect::<Vec<_>>().join(",")))
}
