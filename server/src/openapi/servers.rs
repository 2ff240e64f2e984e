//! The servers of an API: the field `baseUrl`, fields for the variables of server URLs, and what a path or an operation
//! overrides.

use connector_runtime::schema::destination::BASE_URL;
use connector_runtime::schema::{Choice, Field, FieldKind, Fields};
use futures_util::FutureExt;
use serde_json::{Map, Value};
use url::{Origin, Url};

use super::names::{camel, capital};
use super::notes::Notes;
use super::operations::Operation;
use super::resolve::cut;
use super::table::Variable;

/// The maximum number of servers that are offered as choices.
const MOST: usize = 50;

/// The servers of a document.
#[derive(Debug)]
pub(super) struct Servers {
    pub(super) fields: Fields,
    /// The variables of base URLs.
    pub(super) variables: Vec<Variable>,
    /// The document's first server URL, unchanged.
    first: Option<String>,
    /// The origin of the default base URL, if it has one.
    origin: Option<Origin>,
}

/// A server that can be called.
struct Offered<'d> {
    url: &'d str,
    description: Option<&'d str>,
    variables: Option<&'d Map<String, Value>>,
}

impl Servers {
    /// Reads a document's servers. `taken` are the connection fields that already exist.
    pub(super) fn read(root: &Value, taken: &Fields, notes: &mut Notes) -> Self {
        let listed = root.get("servers").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let url = |server: &Value| server.get("url").and_then(Value::as_str).map(str::to_owned);
        let mut servers = Self {
            fields: Fields::default(),
            variables: Vec::new(),
            first: listed.first().and_then(url),
            origin: None,
        };
        let mut offered: Vec<Offered<'_>> = Vec::new();
        let mut relative = None;
        for (index, server) in listed.iter().enumerate().take(MOST) {
            let pointer = format!("/servers/{index}");
            let Some(url) = server.get("url").and_then(Value::as_str).map(str::trim) else {
                notes.warn("server_without_url", &pointer, "the server has no URL and is ignored");
                continue;
            };
            let lower = url.to_ascii_lowercase();
            let http = lower.starts_with("http://") || lower.starts_with("https://");
            // A scheme may be a variable, too.
            if !http && !url.starts_with('{') {
                if url.contains("://") {
                    let message = format!("`{}` is not called: only http and https are", cut(url, 200));
                    notes.warn("unsafe_server", &pointer, message);
                } else {
                    relative = relative.or(Some(url));
                }
                continue;
            }
            let variables = server.get("variables").and_then(Value::as_object);
            if !sound(&filled(url, variables)) && names(url).is_empty() {
                let message = format!("`{}` is not a URL and is not offered", cut(url, 200));
                notes.warn("server_invalid", &pointer, message);
                continue;
            }
            judge(&filled(url, variables), &pointer, notes);
            if !offered.iter().any(|known| known.url == url) {
                let description = server.get("description").and_then(Value::as_str);
                offered.push(Offered { url, description, variables });
            }
        }
        servers.origin = offered.first().and_then(|server| origin(&filled(server.url, server.variables)));
        let base = base(&offered, relative);
        if base.required {
            let message = "the document names no server with a host; `baseUrl` must be given";
            notes.warn("server_relative", "/servers", message);
        }
        servers.fields.insert(BASE_URL.to_owned(), base);
        for server in &offered {
            servers.variables_of(server, offered.len() == 1, taken);
        }
        servers
    }

    fn variables_of(&mut self, server: &Offered<'_>, only: bool, taken: &Fields) {
        for name in names(server.url) {
            if self.variables.iter().any(|known| known.name == name) {
                continue;
            }
            let plain = camel(name);
            let free = |key: &str| {
                !taken.contains_key(key) && !self.fields.contains_key(key) && key != "authMethod" && !key.is_empty()
            };
            let plain = if plain.starts_with(|c: char| c.is_ascii_digit()) {
                String::new()
            } else {
                cut(&plain, 96).to_owned()
            };
            let mut key = if free(&plain) { plain.clone() } else { format!("server{}", capital(&plain)) };
            while !free(&key) {
                key.push('2');
            }
            let variable = server.variables.and_then(|variables| variables.get(name));
            let field = variable_field(variable, only);
            self.fields.insert(key.clone(), field);
            self.variables.push(Variable { name: name.to_owned(), field: key });
        }
    }

    /// Returns the URL of an operation's server, if it is not the base URL.
    pub(super) fn of(&self, operation: &Operation<'_>, notes: &mut Notes) -> Option<String> {
        let own = operation.says("servers").or_else(|| operation.shared("servers"))?;
        let server = own.as_array()?.first()?;
        let url = server.get("url").and_then(Value::as_str)?.trim();
        if self.first.as_deref() == Some(url) {
            return None;
        }
        let filled = filled(url, server.get("variables").and_then(Value::as_object));
        let pointer = format!("{}/servers/0", operation.pointer);
        let absolute = filled.contains("://");
        if absolute && !sound(&filled) {
            let message = format!("`{}` is not an http URL; the base URL is used", cut(url, 200));
            notes.degrade("unsafe_server", &pointer, message);
            return None;
        }
        // `//host/path` has the scheme of the base URL.
        let scheme = self.origin.as_ref().map(Origin::ascii_serialization).unwrap_or_default();
        let scheme = scheme.split_once(':').map_or("https", |(scheme, _)| scheme);
        let whole = if filled.starts_with("//") { format!("{scheme}:{filled}") } else { filled.clone() };
        if whole.contains("://") {
            judge(&whole, &pointer, notes);
            let own = Url::parse(&whole).ok();
            if let Some(own) = own.filter(|own| self.origin.as_ref() == Some(&own.origin()) && !whole.contains('{')) {
                // It follows the base URL, wherever that leads.
                return Some(own[url::Position::BeforePath..].to_owned());
            }
            let message = format!(
                "`{}` is another place than `{BASE_URL}`, so its calls are sent without the connection's credentials",
                cut(&filled, 200)
            );
            notes.degrade("foreign_server", &pointer, message);
        }
        Some(filled)
    }
}

fn base(offered: &[Offered<'_>], relative: Option<&str>) -> Field {
    let mut field = Field::new(FieldKind::String);
    let about = "Where the API is served.";
    field.description = Some(about.to_owned());
    field.label = Some("Base URL".to_owned());
    match offered {
        [] => {
            field.required = true;
            field.format = Some("uri".to_owned());
            if let Some(path) = relative.filter(|path| !path.is_empty() && *path != "/") {
                let shown = cut(path, 200);
                field.description = Some(format!("{about} The document gives the path alone: {shown}"));
            }
        }
        [only] => {
            field.default = Some(only.url.into());
            field.format = names(only.url).is_empty().then(|| "uri".to_owned());
            if let Some(description) = only.description.filter(|text| !text.is_empty()) {
                field.description = Some(format!("{about} {}", cut(description, 300)));
            }
        }
        [first, ..] => {
            // A choice that any URL may take the place of: a proxy, a sandbox, an installation of one's own.
            field.kind = FieldKind::Select;
            field.format = Some("uri".to_owned());
            field.default = Some(first.url.into());
            let choice = |server: &Offered<'_>| Choice {
                value: server.url.into(),
                label: server.description.map(|text| format!("{} ({})", cut(text, 100), cut(server.url, 200))),
            };
            field.options = offered.iter().map(choice).collect();
        }
    }
    field
}

fn variable_field(variable: Option<&Value>, only: bool) -> Field {
    let mut field = Field::new(FieldKind::String);
    let said = |key: &str| variable.and_then(|variable| variable.get(key));
    field.description = said("description").and_then(Value::as_str).map(|text| cut(text, 500).to_owned());
    let default = said("default").and_then(plain);
    let options: Vec<String> = said("enum").and_then(Value::as_array).into_iter().flatten().filter_map(plain).collect();
    if options.is_empty() {
        field.required = default.is_none() && only;
        field.default = default.map(Value::String);
        return field;
    }
    field.kind = FieldKind::Select;
    for value in options.into_iter().chain(default.clone()) {
        let value = Value::String(value);
        if !field.options.iter().any(|known| known.value == value) {
            field.options.push(Choice { value, label: None });
        }
    }
    field.default = default.map(Value::String).or_else(|| field.options.first().map(|first| first.value.clone()));
    field
}

/// A scalar as a text; YAML makes numbers of ports.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// The names of the variables in a URL.
fn names(url: &str) -> Vec<&str> {
    let parts = url.split('{').skip(1);
    parts.filter_map(|part| part.split_once('}')).map(|(name, _)| name).collect()
}

/// A URL with the defaults of its variables.
fn filled(url: &str, variables: Option<&Map<String, Value>>) -> String {
    names(url).into_iter().fold(url.to_owned(), |filled, name| {
        let default = variables.and_then(|variables| variables.get(name)?.get("default")).and_then(plain);
        match default {
            Some(default) => filled.replace(&format!("{{{name}}}"), &default),
            None => filled,
        }
    })
}

fn origin(url: &str) -> Option<Origin> {
    Url::parse(url).ok().map(|url| url.origin()).filter(Origin::is_tuple)
}

fn sound(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

/// Reports a server that egress would refuse.
fn judge(url: &str, pointer: &str, notes: &mut Notes) {
    let verdict = notes.egress().check(url, true).now_or_never();
    if verdict.is_some_and(|verdict| !verdict.allowed) {
        let shown = cut(url, 200);
        let message = format!(
            "the server `{shown}` is a private or unsafe address; calls to it are refused unless the operator opens it"
        );
        notes.warn("unsafe_server", pointer, message);
    }
}
