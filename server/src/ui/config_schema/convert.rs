//! A config schema as the values of a form, and back.

use connector_runtime::schema::{ConfigSchema, FieldKind, pointer};
use serde_json::{Map, Value, json};

use super::{FORM, SCHEMA, Written};
use crate::ui::form::{self, Item, JsonOf, Kind, Mistakes, Spec, Typed, choice};

/// The most items of one list of the form.
const MAX_LIST: usize = 400;

/// Where the parts of a schema are in the form: each pointer below the schema with the place of its item.
#[derive(Debug, Default)]
pub(super) struct Places(Vec<(String, String)>);

impl Places {
    /// Returns the place in the form of a pointer of the body.
    pub(super) fn of(&self, at: &str) -> String {
        let Some(rest) = at.strip_prefix(SCHEMA) else { return at.to_owned() };
        if self.0.is_empty() {
            return at.to_owned();
        }
        let within = |known: &str| rest.strip_prefix(known).filter(|tail| tail.is_empty() || tail.starts_with('/'));
        let found = self.0.iter().filter_map(|(known, place)| Some((known.len(), place, within(known)?)));
        let Some((_, place, tail)) = found.max_by_key(|(length, ..)| *length) else {
            return match rest.split('/').nth(1) {
                Some(key @ ("defaultCommand" | "egress")) => format!("{FORM}/{key}"),
                _ => FORM.to_owned(),
            };
        };
        let steps: Vec<&str> = tail.split('/').skip(1).collect();
        match steps.as_slice() {
            [] => format!("{place}/name"),
            ["type", ..] => format!("{place}/kind"),
            ["params", number] => format!("{place}/params/{number}/name"),
            ["paramSchema", ..] => format!("{place}/params"),
            [
                key @ ("required" | "secret" | "default" | "description" | "options" | "outputs" | "effect" | "params"),
                ..,
            ] => {
                format!("{place}/{key}")
            }
            _ => format!("{place}/more"),
        }
    }
}

/// Returns the whole form as one field.
pub(super) fn root() -> Spec {
    let mut root = Spec::text("schema", "Schema");
    root.kind = Kind::Group(of_schema());
    root
}

/// The parts of a schema.
pub(super) fn of_schema() -> Vec<Spec> {
    let mut fields = Spec::text("fields", "Connection fields");
    fields.kind = Kind::Items { fields: of_field(true), most: MAX_LIST };
    let mut commands = Spec::text("commands", "Commands");
    commands.kind = Kind::Items { fields: of_command(), most: MAX_LIST };
    let mut default = Spec::text("defaultCommand", "Default command");
    default.help = Some("Runs where a call names no command.".to_owned());
    let mut egress = Spec::text("egress", "Secrets may go to");
    egress.kind = Kind::Lines(Item::Text);
    egress.help =
        Some("Connection fields with a URL to which the secrets may go; the one URL field if left out.".to_owned());
    vec![fields, commands, default, egress, more("Anything else")]
}

fn more(label: &str) -> Spec {
    let mut spec = Spec::text("more", label);
    spec.kind = Kind::Json(JsonOf::Object);
    spec
}

/// The fields of a connection field, or of a param.
pub(super) fn of_field(is_connection: bool) -> Vec<Spec> {
    let mut name = Spec::text("name", "Name");
    name.required = true;
    let mut kind = Spec::text("kind", "Kind");
    kind.required = is_connection;
    let kinds = FieldKind::ALL.iter().map(|(word, _)| choice(word));
    kind.kind = Kind::Choice { options: kinds.collect(), is_open: false };
    if !is_connection {
        kind.help = Some("Not set takes any JSON.".to_owned());
    }
    let flag = |name: &str, label: &str| {
        let mut spec = Spec::text(name, label);
        spec.kind = Kind::Flag { or_unset: false };
        spec
    };
    let mut default = Spec::text("default", "Default");
    default.placeholder = Some("none".to_owned());
    let mut options = Spec::text("options", "Options");
    options.kind = Kind::Lines(Item::Text);
    options.help = Some("Of a select.".to_owned());
    let mut more = more("More");
    more.help = Some("Such as label, format, minimum, pattern, schema.".to_owned());
    let description = Spec::text("description", "Description");
    vec![name, kind, flag("required", "Required"), flag("secret", "Secret"), default, description, options, more]
}

/// The fields of a command.
pub(super) fn of_command() -> Vec<Spec> {
    let mut name = Spec::text("name", "Name");
    name.required = true;
    name.help = Some("The function of the script that serves it.".to_owned());
    let mut params = Spec::text("params", "Params");
    params.kind = Kind::Items { fields: of_field(false), most: MAX_LIST };
    let mut outputs = Spec::text("outputs", "Outputs");
    outputs.kind = Kind::Lines(Item::Text);
    let mut effect = Spec::text("effect", "Effect");
    let effects = ["read", "create", "update", "delete"];
    effect.kind = Kind::Choice { options: effects.map(choice).to_vec(), is_open: false };
    let mut more = more("More");
    more.help = Some("Such as idempotent, deprecated, outputSchema.".to_owned());
    vec![name, Spec::text("description", "Description"), effect, params, outputs, more]
}

/// Returns a schema as the values of the form; `None` if the form has no place for a part of it.
pub(super) fn to_form(schema: &Value) -> Option<Map<String, Value>> {
    let map = schema.as_object()?;
    let mut rest = map.clone();
    let connection = of_object(rest.shift_remove("connectionConfig"))?;
    let commands = of_object(rest.shift_remove("commands"))?;
    let mut root = Map::new();
    let fields: Option<Vec<Value>> = connection.iter().map(|(name, field)| field_item(name, field)).collect();
    root.insert("fields".to_owned(), fields?.into());
    let commands: Option<Vec<Value>> = commands.iter().map(|(name, command)| command_item(name, command)).collect();
    root.insert("commands".to_owned(), commands?.into());
    for key in ["defaultCommand", "egress"] {
        root.extend(rest.shift_remove(key).map(|value| (key.to_owned(), value)));
    }
    insert_more(rest, &mut root);
    // Empty lists are what the form has where nothing was added.
    root.retain(|_, value| value.as_array().is_none_or(|list| !list.is_empty()));
    Some(root)
}

fn of_object(value: Option<Value>) -> Option<Map<String, Value>> {
    match value {
        None => Some(Map::new()),
        Some(Value::Object(map)) => Some(map),
        Some(_) => None,
    }
}

fn insert_more(rest: Map<String, Value>, item: &mut Map<String, Value>) {
    if !rest.is_empty() {
        item.insert("more".to_owned(), rest.into());
    }
}

fn field_item(name: &str, field: &Value) -> Option<Value> {
    let mut rest = field.as_object()?.clone();
    let mut item = Map::new();
    item.insert("name".to_owned(), name.into());
    let kind = rest.shift_remove("type");
    item.extend(kind.clone().map(|kind| ("kind".to_owned(), kind)));
    for flag in ["required", "secret"] {
        let value = rest.shift_remove(flag).unwrap_or(Value::Bool(false));
        item.insert(flag.to_owned(), value.as_bool()?.into());
    }
    if let Some(text) = rest.get("default").and_then(|default| default_text(default, kind.as_ref())) {
        rest.shift_remove("default");
        item.insert("default".to_owned(), text.into());
    }
    item.extend(rest.shift_remove("description").map(|value| ("description".to_owned(), value)));
    if let Some(options) = rest.get("options").and_then(plain_options) {
        rest.shift_remove("options");
        item.insert("options".to_owned(), options);
    }
    insert_more(rest, &mut item);
    Some(item.into())
}

/// Returns a default as it is typed; `None` if typing it would give another value.
fn default_text(default: &Value, kind: Option<&Value>) -> Option<String> {
    let text = match default {
        Value::String(text) => text.clone(),
        Value::Null => return None,
        other => other.to_string(),
    };
    (!text.is_empty() && default_value(&text, kind.and_then(Value::as_str)) == *default).then_some(text)
}

/// Reads a default that was typed: a text for kinds whose values are texts, else JSON.
fn default_value(text: &str, kind: Option<&str>) -> Value {
    match kind {
        Some("string" | "date" | "select") => text.into(),
        _ => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
    }
}

/// Returns options that are texts without labels, as lines.
fn plain_options(options: &Value) -> Option<Value> {
    let list = options.as_array().filter(|list| !list.is_empty())?;
    let texts = list.iter().map(|option| {
        let option = option.as_object().filter(|option| option.len() == 1)?;
        option.get("value").filter(|value| value.as_str().is_some_and(|text| !text.is_empty()))
    });
    texts.map(Option::<&Value>::cloned).collect::<Option<Vec<Value>>>().map(Value::Array)
}

fn command_item(name: &str, command: &Value) -> Option<Value> {
    let mut rest = command.as_object()?.clone();
    let mut item = Map::new();
    item.insert("name".to_owned(), name.into());
    for key in ["description", "effect"] {
        item.extend(rest.shift_remove(key).map(|value| (key.to_owned(), value)));
    }
    let schemas = of_object(rest.shift_remove("paramSchema"))?;
    let names: Vec<String> = match rest.shift_remove("params") {
        Some(Value::Array(names)) => {
            names.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<_>>()?
        }
        Some(_) => return None,
        None => schemas.keys().cloned().collect(),
    };
    let params = names.iter().map(|name| match schemas.get(name) {
        Some(field) => field_item(name, field),
        None => Some(json!({ "name": name, "required": false, "secret": false })),
    });
    let params = params.collect::<Option<Vec<Value>>>()?;
    if !params.is_empty() {
        item.insert("params".to_owned(), params.into());
    }
    match rest.shift_remove("outputs") {
        Some(Value::Array(outputs)) if outputs.is_empty() => {}
        Some(outputs) => {
            item.insert("outputs".to_owned(), outputs);
        }
        None => {}
    }
    insert_more(rest, &mut item);
    Some(item.into())
}

/// Reads the form.
///
/// # Errors
/// What cannot be read, and names that are missing or there twice, each at its control.
pub(super) fn read(typed: &Typed) -> Result<Written, Mistakes> {
    let reading = form::read(FORM, &of_schema(), typed);
    let mut reader = Reader { mistakes: reading.mistakes, places: Places::default() };
    let value = reader.schema(&reading.values);
    if reader.mistakes.is_empty() { Ok(Written { value, places: reader.places }) } else { Err(reader.mistakes) }
}

struct Reader {
    mistakes: Mistakes,
    places: Places,
}

impl Reader {
    fn schema(&mut self, root: &Map<String, Value>) -> Value {
        let connection = self.named(root, "fields", FORM, "/connectionConfig", Self::field);
        let commands = self.named(root, "commands", FORM, "/commands", Self::command);
        let mut schema = Map::new();
        schema.insert("connectionConfig".to_owned(), connection.into());
        schema.insert("commands".to_owned(), commands.into());
        for key in ["defaultCommand", "egress"] {
            schema.extend(root.get(key).map(|value| (key.to_owned(), value.clone())));
        }
        self.add_more(root, FORM, &mut schema);
        schema.into()
    }

    /// Reads a list of items with names into an object.
    fn named(
        &mut self,
        map: &Map<String, Value>,
        key: &str,
        at: &str,
        known_as: &str,
        read: fn(&mut Self, &Map<String, Value>, &str, &str) -> Value,
    ) -> Map<String, Value> {
        let mut named = Map::new();
        let items = map.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for (number, item) in items.iter().enumerate() {
            let here = format!("{at}/{key}/{number}");
            let Some(item) = item.as_object() else { continue };
            let name = item.get("name").and_then(Value::as_str).unwrap_or_default().trim();
            if name.is_empty() {
                self.mistakes.add(&format!("{here}/name"), "enter a name, or remove the item");
                continue;
            }
            if named.contains_key(name) {
                self.mistakes.add(&format!("{here}/name"), format!("the name {name} is there twice"));
            }
            let known = pointer::join(known_as, name);
            self.places.0.push((known.clone(), here.clone()));
            let value = read(self, item, &here, &known);
            named.insert(name.to_owned(), value);
        }
        named
    }

    fn field(&mut self, item: &Map<String, Value>, at: &str, _: &str) -> Value {
        let kind = item.get("kind").and_then(Value::as_str);
        let mut field = Map::new();
        field.extend(kind.map(|kind| ("type".to_owned(), kind.into())));
        for flag in ["required", "secret"] {
            if item.get(flag) == Some(&Value::Bool(true)) {
                field.insert(flag.to_owned(), true.into());
            }
        }
        field.extend(item.get("description").map(|text| ("description".to_owned(), text.clone())));
        if let Some(text) = item.get("default").and_then(Value::as_str) {
            field.insert("default".to_owned(), default_value(text, kind));
        }
        if let Some(options) = item.get("options").and_then(Value::as_array) {
            let options = options.iter().map(|value| json!({ "value": value }));
            field.insert("options".to_owned(), options.collect());
        }
        self.add_more(item, at, &mut field);
        field.into()
    }

    fn command(&mut self, item: &Map<String, Value>, at: &str, known_as: &str) -> Value {
        let mut command = Map::new();
        command.extend(item.get("description").map(|text| ("description".to_owned(), text.clone())));
        let mut schemas = self.named(item, "params", at, &format!("{known_as}/paramSchema"), Self::field);
        command.insert("params".to_owned(), schemas.keys().map(String::as_str).collect());
        // A param of which nothing is said has no entry.
        schemas.retain(|_, field| field.as_object().is_none_or(|field| !field.is_empty()));
        if !schemas.is_empty() {
            command.insert("paramSchema".to_owned(), schemas.into());
        }
        command.insert("outputs".to_owned(), item.get("outputs").cloned().unwrap_or_else(|| json!([])));
        command.extend(item.get("effect").map(|effect| ("effect".to_owned(), effect.clone())));
        self.add_more(item, at, &mut command);
        command.into()
    }

    /// Adds what the form has no control for.
    fn add_more(&mut self, item: &Map<String, Value>, at: &str, into: &mut Map<String, Value>) {
        let Some(Value::Object(more)) = item.get("more") else { return };
        for (key, value) in more {
            if into.contains_key(key) {
                self.mistakes.add(&format!("{at}/more"), format!("{key} has its own field above"));
            } else {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Returns whether two schemas say the same: what is assumed where nothing is said does not count.
pub(super) fn is_same(left: &Value, right: &Value) -> bool {
    if left == right {
        return true;
    }
    match (ConfigSchema::parse(left), ConfigSchema::parse(right)) {
        (Ok(left), Ok(right)) => left == right,
        _ => whole(left) == whole(right),
    }
}

/// Writes out what is assumed in a schema that has mistakes.
fn whole(schema: &Value) -> Value {
    let mut schema = schema.clone();
    let plain = |fields: &mut Value| {
        for field in fields.as_object_mut().into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
            field.retain(|key, value| !matches!(key.as_str(), "required" | "secret") || *value != Value::Bool(false));
        }
    };
    let Some(root) = schema.as_object_mut() else { return schema };
    for key in ["connectionConfig", "commands"] {
        root.entry(key).or_insert_with(|| json!({}));
    }
    root.get_mut("connectionConfig").map(plain);
    let commands = root.get_mut("commands").and_then(Value::as_object_mut);
    for command in commands.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
        if let Some(fields) = command.get_mut("paramSchema") {
            plain(fields);
        }
        let names = command.get("paramSchema").and_then(Value::as_object).map(|fields| fields.keys().cloned());
        let names: Value = names.map(|names| names.map(Value::from).collect()).unwrap_or_else(|| json!([]));
        command.entry("params").or_insert(names);
        command.entry("outputs").or_insert_with(|| json!([]));
        command.retain(|key, value| key != "paramSchema" || value.as_object().is_none_or(|fields| !fields.is_empty()));
    }
    schema
}
