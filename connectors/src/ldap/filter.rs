//! What is looked for: attributes and their values, or a filter of RFC 4515 with places for values.
//!
//! Values are escaped wherever they come from, so a value never changes what is asked.

use connector_runtime::prelude::*;
use ldap3::ldap_escape;

use super::entry::{Form, Forms};
use crate::shared::invalid;

/// The most bytes of a filter.
const MAX_FILTER_BYTES: usize = 64 * 1024;
/// How deep the parts of a filter may be nested.
const MAX_DEPTH: usize = 32;
/// The filter that every entry passes.
const ANY: &str = "(objectClass=*)";

/// Makes the filter of a call: of `where`, or of `filter` with its `values`; without both, of every entry.
pub(super) fn build(
    by: Option<&Map<String, Value>>,
    filter: Option<&str>,
    values: Option<&Map<String, Value>>,
    forms: &Forms,
) -> Result<String, Fail> {
    let built = match (by, filter) {
        (Some(_), Some(_)) => return Err(invalid("Give where or filter, not both")),
        (Some(by), None) => of_attributes(by, forms)?,
        (None, Some(filter)) => fill(filter, values.unwrap_or(&Map::new()))?,
        (None, None) => ANY.to_owned(),
    };
    if filter.is_none() && values.is_some_and(|values| !values.is_empty()) {
        return Err(invalid("values fill the places of a filter, and there is no filter"));
    }
    if built.len() > MAX_FILTER_BYTES {
        return Err(Fail::coded(Code::TooLarge, format!("The filter has more than {MAX_FILTER_BYTES} bytes")));
    }
    if depth(&built) > MAX_DEPTH {
        return Err(Fail::coded(Code::TooLarge, format!("The filter is nested more than {MAX_DEPTH} deep")));
    }
    Ok(built)
}

/// Makes a filter that all of some attributes have to pass.
pub(super) fn of_attributes(by: &Map<String, Value>, forms: &Forms) -> Result<String, Fail> {
    let mut parts = String::new();
    let mut count = 0_usize;
    for (name, value) in by {
        check_attribute(name)?;
        let form = forms.of(name);
        for value in texts(name, value)? {
            if value.is_empty() {
                return Err(invalid(format!(
                    "where.{name} is empty; leave it out, or ask with a filter such as (!({name}=*))"
                )));
            }
            let wrong = |why| invalid(format!("where.{name} is not right: {why}"));
            let escaped = match form {
                Form::Text => ldap_escape(value.as_str()).into_owned(),
                form => bytes(&form.read(&value).map_err(wrong)?),
            };
            parts.push_str(&format!("({name}={escaped})"));
            count += 1;
        }
    }
    Ok(match count {
        0 => ANY.to_owned(),
        1 => parts,
        _ => format!("(&{parts})"),
    })
}

/// Checks that a text is the name of an attribute (RFC 4512, section 2.5), so that it cannot be anything else.
pub(super) fn check_attribute(name: &str) -> Result<(), Fail> {
    let mut parts = name.split(';');
    let bare = parts.next().unwrap_or_default();
    let is_word =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    let is_name = bare.starts_with(|c: char| c.is_ascii_alphabetic()) && is_word(bare);
    let is_number =
        !bare.is_empty() && bare.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if (is_name || is_number) && parts.all(|option| is_word(option) || option.starts_with("range=")) {
        return Ok(());
    }
    let shown: String = name.chars().take(60).collect();
    Err(invalid(format!("{shown:?} is not the name of an attribute; write it as mail or as 0.9.2342.19200300.100.1.3")))
}

/// Returns the values of an attribute as texts: of one value, or of a list.
pub(super) fn texts(name: &str, value: &Value) -> Result<Vec<String>, Fail> {
    let one = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        // As directories write it (RFC 4517, section 3.3.3).
        Value::Bool(true) => Ok("TRUE".to_owned()),
        Value::Bool(false) => Ok("FALSE".to_owned()),
        _ => Err(invalid(format!("{name} has to be a text, a number, a boolean, or a list of these"))),
    };
    match value {
        Value::Array(values) if values.is_empty() => Err(invalid(format!("{name} is an empty list"))),
        Value::Array(values) => values.iter().map(one).collect(),
        value => one(value).map(|text| vec![text]),
    }
}

/// Fills the places `{name}` of a filter with escaped values.
fn fill(filter: &str, values: &Map<String, Value>) -> Result<String, Fail> {
    let mut filled = String::with_capacity(filter.len());
    let mut used = Vec::new();
    let mut rest = filter;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let (name, after) = after
            .split_once('}')
            .ok_or_else(|| invalid("The filter has a { without a }; write a brace in a value as \\7b"))?;
        let value = values
            .get(name)
            .ok_or_else(|| invalid(format!("The filter has a place {{{name}}} and values has no {name}")))?;
        // A value that stood for an attribute could ask for anything.
        if !filled.rsplit('(').next().unwrap_or_default().contains('=') {
            return Err(invalid(format!(
                "The place {{{name}}} of the filter may stand only where a value stands, after ="
            )));
        }
        let [text] =
            texts(name, value)?.try_into().map_err(|_| invalid(format!("values.{name} has to be one value")))?;
        filled.push_str(&ldap_escape(text));
        used.push(name);
        rest = after;
    }
    filled.push_str(rest);
    if let Some(unused) = values.keys().find(|name| !used.contains(&name.as_str())) {
        return Err(invalid(format!("values.{unused} has no place {{{unused}}} in the filter")));
    }
    Ok(filled)
}

/// Writes bytes as a filter has them.
pub(super) fn bytes(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}

fn depth(filter: &str) -> usize {
    let mut depth = 0_usize;
    let mut deepest = 0;
    for byte in filter.bytes() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}
