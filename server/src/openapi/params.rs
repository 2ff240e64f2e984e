//! Parameters outside the body. The path's template decides which path parameters exist, whatever is declared. A
//! param's key is an identifier; its wire name is stored with it.

use connector_runtime::schema::Fields;
use serde_json::{Map, Value};

use super::command::{DESCRIPTION, Making};
use super::operations::Operation;
use super::resolve::{Broken, cut, get, reference};
use super::schema::{Way, allow_empty, field, hide_secret, is_small};
use super::security::SIGNING_HEADERS;
use super::table::{Form, Param};

const LOCATIONS: [&str; 5] = ["path", "query", "querystring", "header", "cookie"];
/// Headers that OpenAPI declares in other places. What becomes of `authorization` without a scheme is decided in `security`.
const IGNORED_HEADERS: [&str; 3] = ["accept", "content-type", "authorization"];

/// A declared parameter and its place.
struct Declared<'d> {
    map: &'d Map<String, Value>,
    pointer: String,
}

/// Adds an operation's parameters to its fields and returns their entries.
/// A signature brings its own headers.
pub(super) fn params<'d>(
    making: &mut Making<'_, 'd>,
    operation: &Operation<'d>,
    is_signed: bool,
    fields: &mut Fields,
) -> Vec<Param> {
    let mut declared = declared(making, operation);
    let mut params = Vec::with_capacity(declared.len());
    for name in template(operation.path) {
        let plain = name.trim_start_matches('+').trim_end_matches('*');
        let found = take(&mut declared, ("path", name)).or_else(|| take(&mut declared, ("path", plain)));
        let reserved = name.starts_with('+');
        match found {
            Some(found) => params.push(param(making, &found, name, "path", reserved, fields)),
            None => {
                let message = format!("`{{{name}}}` is in the path but not declared; it is added as a required text");
                making.notes.warn("path_parameter_undeclared", &operation.pointer, message);
                let (key, _) = making.keys.take(plain, "path");
                let mut text = connector_runtime::schema::Field::new(connector_runtime::schema::FieldKind::String);
                text.required = true;
                fields.insert(key.clone(), text);
                let form = Form { reserved, ..Form::default() };
                params.push(Param { key, name: name.to_owned(), location: "path".to_owned(), required: true, form });
            }
        }
    }
    for location in &LOCATIONS[1..] {
        for ((_, name), found) in declared.iter().filter(|((place, _), _)| place == location) {
            if *location == "header" {
                let name = name.to_ascii_lowercase();
                if IGNORED_HEADERS.contains(&&*name) || is_signed && SIGNING_HEADERS.contains(&&*name) {
                    continue;
                }
            }
            let required = get(found.map, "required") == Some(&Value::Bool(true));
            if *location == "header" && !is_token(name) {
                let message = "the header's name is not an HTTP token, so it cannot be sent";
                if required {
                    making.notes.refuse("unsafe_name", &found.pointer, message);
                } else {
                    making.notes.degrade("unsafe_name", &found.pointer, message);
                }
            }
            let made = param(making, found, name, location, false, fields);
            params.push(made);
        }
    }
    for ((_, name), found) in declared.iter().filter(|((place, _), _)| *place == "path") {
        let message = format!("the path has no `{{{name}}}`; the parameter is ignored");
        making.notes.warn("path_parameter_not_in_template", &found.pointer, message);
    }
    params
}

/// Returns whether a text may be a header's name (RFC 9110).
pub(super) fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// The names in a path's template, each once.
fn template(path: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = path;
    while let Some((_, after)) = rest.split_once('{') {
        let Some((name, next)) = after.split_once('}') else { break };
        // If braces are nested, the innermost pair counts.
        let name = name.rsplit('{').next().unwrap_or(name);
        if !names.contains(&name) {
            names.push(name);
        }
        rest = next;
    }
    names
}

/// The place of a parameter, and its name.
type Key<'d> = (&'static str, &'d str);

/// The parameters of an operation: a few, which are found without hashing; [`super::limits`] bounds how many.
type All<'d> = Vec<(Key<'d>, Declared<'d>)>;

fn take<'d>(all: &mut All<'d>, key: Key<'_>) -> Option<Declared<'d>> {
    let index = all.iter().position(|(known, _)| *known == key)?;
    Some(all.remove(index).1)
}

/// Returns the parameters that path and operation declare; of two with the same name and location the last one counts.
fn declared<'d>(making: &mut Making<'_, 'd>, operation: &Operation<'d>) -> All<'d> {
    let mut all = All::new();
    for (source, level) in [(operation.shared("parameters"), "path"), (operation.says("parameters"), "operation")] {
        let Some(source) = source.filter(|source| !source.is_null()) else { continue };
        let pointer = match level {
            "path" => operation.pointer.rsplit_once('/').map_or("", |(path, _)| path).to_owned() + "/parameters",
            _ => format!("{}/parameters", operation.pointer),
        };
        let listed = match source {
            Value::Array(list) => Some(list.iter().collect()),
            Value::Object(map) if reference(source).is_none() => {
                making.notes.warn("parameters_not_array", &pointer, "parameters are a list; its values are taken");
                Some(map.values().collect::<Vec<_>>())
            }
            Value::Object(_) => match making.document.resolve(source) {
                Ok(Value::Array(list)) => Some(list.iter().collect()),
                _ => None,
            },
            _ => None,
        };
        let Some(listed) = listed else {
            making.notes.degrade("parameters_not_array", &pointer, "parameters are a list; these are ignored");
            continue;
        };
        for (index, node) in listed.into_iter().enumerate() {
            let pointer = format!("{pointer}/{index}");
            if let Some((place, name, map)) = sound(making, node, &pointer) {
                let key = (place, name);
                let declared = Declared { map, pointer };
                match all.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, earlier)) => *earlier = declared,
                    None => all.push((key, declared)),
                }
            }
        }
    }
    all
}

fn sound<'d>(
    making: &mut Making<'_, 'd>,
    node: &'d Value,
    pointer: &str,
) -> Option<(&'static str, &'d str, &'d Map<String, Value>)> {
    let mut degrade = |code, message: String| {
        making.notes.degrade(code, pointer, message);
        None
    };
    let map = match making.document.resolve(node) {
        Ok(node) if node.is_object() => node.as_object()?,
        Ok(_) => return degrade("parameter_not_object", "the parameter is not an object and is ignored".to_owned()),
        Err((broken, reference)) => {
            let what = if broken == Broken::Circular { "parameter " } else { "" };
            return degrade(broken.code(), format!("{what}{}", broken.tell(reference)));
        }
    };
    let (Some(name), Some(place)) = (text(map, "name"), text(map, "in")) else {
        let message = "the parameter has no `name` or no `in` and is ignored";
        return degrade("parameter_without_name_or_in", message.to_owned());
    };
    let Some(place) = LOCATIONS.into_iter().find(|known| *known == place) else {
        let (code, message) = match place {
            "body" | "formData" => {
                ("parameter_in_body", format!("`in: {place}` is Swagger 2.0 and is ignored; use requestBody"))
            }
            _ => ("parameter_in_unknown", format!("`in: {}` is unknown and ignored", super::resolve::cut(place, 60))),
        };
        return degrade(code, message);
    };
    Some((place, name, map))
}

fn text<'d>(map: &'d Map<String, Value>, key: &str) -> Option<&'d str> {
    get(map, key).and_then(Value::as_str)
}

fn param<'d>(
    making: &mut Making<'_, 'd>,
    declared: &Declared<'d>,
    name: &str,
    location: &str,
    reserved: bool,
    fields: &mut Fields,
) -> Param {
    let Declared { map, pointer } = declared;
    let required = location == "path" || get(map, "required") == Some(&Value::Bool(true));
    let content = get(map, "content").and_then(Value::as_object).and_then(|content| content.iter().next());
    let schema = get(map, "schema").or_else(|| content.and_then(|(_, media)| media.get("schema")));
    let mut written = match schema {
        Some(schema) => making.write(schema, Way::In, pointer),
        None => Map::new(),
    };
    if schema.is_none() && content.is_none() {
        written.insert("type".to_owned(), "string".into());
    }
    if let Some(description) = text(map, "description") {
        written.insert("description".to_owned(), cut(description, DESCRIPTION).into());
    }
    if let Some(flag @ Value::Bool(_)) = get(map, "deprecated") {
        written.insert("deprecated".to_owned(), flag.clone());
    }
    let examples = get(map, "examples").and_then(Value::as_object).and_then(|all| all.values().next());
    if let Some(example) = get(map, "example").or_else(|| examples.and_then(|example| example.get("value")))
        && is_small(example)
    {
        written.insert("examples".to_owned(), Value::Array(vec![example.clone()]));
    }
    if get(map, "deprecated") == Some(&Value::Bool(true)) {
        let said = written.get("description").and_then(Value::as_str).unwrap_or_default();
        written.insert("description".to_owned(), format!("Deprecated. {said}").trim_end().into());
    }
    hide_secret(name, &mut written);
    let mut form = form(making, map, location, pointer);
    form.reserved |= reserved;
    form.json = content.is_some_and(|(media, _)| super::body::is_json(media));
    if location == "querystring" && content.is_some_and(|(media, _)| media.contains("x-www-form-urlencoded")) {
        form.style = Some("form".to_owned());
    }
    if !form.json && location != "querystring" && form.style.as_deref() != Some("deepObject") && nests(&written) {
        let message = "the style has no way to write lists or objects inside of the value; they are sent as JSON text";
        making.notes.degrade("style_cannot_nest", pointer, message);
    }
    let plain = name.trim_start_matches('+').trim_end_matches('*');
    let (key, moved) = making.keys.take(if location == "path" { plain } else { name }, location);
    if moved {
        let message = format!("several parameters are called `{name}`, or the name is reserved; this one is {key}");
        making.notes.warn("parameter_renamed", pointer, message);
    }
    // A path without the value would be another one, whatever the service assumes.
    if location == "path"
        && let Some(default) = written.shift_remove("default")
    {
        written.entry("examples").or_insert_with(|| Value::Array(vec![default]));
    }
    let mut made = field(making.schemas, written, required, making.notes, pointer);
    if location != "path" {
        allow_empty(&mut made);
    }
    form.explode &= made.kind.is_structured();
    fields.insert(key.clone(), made);
    Param { key, name: name.to_owned(), location: location.to_owned(), required, form }
}

/// Returns whether the items or the properties of a value are lists or objects themselves.
fn nests(schema: &Map<String, Value>) -> bool {
    let is = |schema: &Value, wanted: &str| match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == wanted),
        Some(kind) => kind == wanted,
        None => false,
    };
    let structured = |schema: &Value| is(schema, "array") || is(schema, "object");
    let properties = schema.get("properties").and_then(Value::as_object);
    schema.get("items").is_some_and(structured) || properties.is_some_and(|all| all.values().any(structured))
}

fn form(making: &mut Making<'_, '_>, map: &Map<String, Value>, location: &str, pointer: &str) -> Form {
    let (usual, known): (&str, &[&str]) = match location {
        "path" => ("simple", &["simple", "label", "matrix"]),
        "query" => ("form", &["form", "spaceDelimited", "pipeDelimited", "deepObject"]),
        "header" => ("simple", &["simple"]),
        // The media type says how it is written.
        "querystring" => ("content", &[]),
        _ => ("form", &["form", "cookie"]),
    };
    let style = match text(map, "style") {
        Some(style) if known.contains(&style) => style,
        None => usual,
        Some(_) => {
            making.notes.degrade("style_unknown", pointer, format!("the style does not fit; {usual} is used"));
            usual
        }
    };
    let explode = get(map, "explode").and_then(Value::as_bool).unwrap_or(matches!(style, "form" | "cookie"));
    let reserved = get(map, "allowReserved") == Some(&Value::Bool(true));
    Form { style: (style != usual).then(|| style.to_owned()), explode, reserved, json: false }
}
