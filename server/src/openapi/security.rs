//! Credentials: the security schemes of a document as connection fields, and which of them each operation needs.

mod earlier;

use std::collections::BTreeSet;

use connector_runtime::schema::destination::BASE_URL;
use connector_runtime::schema::{Choice, Field, FieldKind, Fields};
use indexmap::IndexMap;
use serde_json::Value;

use super::names::camel;
use super::notes::Notes;
use super::operations::{Operation, escape};
use super::params::is_token;
use super::resolve::{Document, cut};
use super::table::{Need, Scheme};

/// The security of a document.
#[derive(Debug)]
pub(super) struct Security {
    /// Schemes by their names in the table.
    pub(super) schemes: IndexMap<String, Scheme>,
    pub(super) fields: Fields,
    /// Schemes by their names in the document, with the name in the table if the scheme can be used.
    names: IndexMap<String, Option<String>>,
    /// What operations need that do not say so themselves.
    usual: Option<Value>,
    /// Whether no operation says what it needs.
    silent: bool,
}

/// Names of connection fields with another meaning.
const TAKEN: [&str; 9] = [
    BASE_URL,
    "authMethod",
    "bearerToken",
    "username",
    "password",
    "clientId",
    "clientSecret",
    "tokenUrl",
    "openIdConnectUrl",
];

impl Security {
    pub(super) fn read<'d>(document: &Document<'d>, operations: &[Operation<'d>], notes: &mut Notes) -> Self {
        let usual = document.root.get("security").filter(|usual| usual.is_array()).cloned();
        let silent = usual.is_none() && !operations.iter().any(|operation| operation.own.contains_key("security"));
        let mut security =
            Self { schemes: IndexMap::new(), fields: Fields::default(), names: IndexMap::new(), usual, silent };
        let listed = document.root.get("components").and_then(|components| components.get("securitySchemes"));
        match listed {
            Some(Value::Object(listed)) => {
                for (key, node) in listed {
                    let pointer = format!("/components/securitySchemes/{}", escape(key));
                    let named = security.scheme(document, key, node, &pointer, notes);
                    security.names.insert(key.clone(), named);
                }
            }
            None | Some(Value::Null) => {}
            Some(_) => {
                let message = "securitySchemes is not an object and is ignored";
                notes.warn("securitySchemes_not_object", "/components/securitySchemes", message);
            }
        }
        if security.silent && !security.schemes.is_empty() {
            let message = "schemes are declared, but no operation says which it takes; what is filled in is sent";
            notes.warn("security_not_used", "/components/securitySchemes", message);
        }
        security
    }

    /// Reads a scheme; returns its name in the table if it can be used.
    fn scheme<'d>(
        &mut self,
        document: &Document<'d>,
        key: &str,
        node: &'d Value,
        pointer: &str,
        notes: &mut Notes,
    ) -> Option<String> {
        let found = match document.resolve(node) {
            Ok(found) => found,
            Err((broken, reference)) => {
                notes.warn(broken.code(), pointer, broken.tell(reference));
                return None;
            }
        };
        let text = |key: &str| found.get(key).and_then(Value::as_str);
        let about = text("description").map(|text| cut(text, 500).to_owned());
        let kind = text("type").unwrap_or_default().to_ascii_lowercase();
        let id = self.id(key);
        let scheme = match kind.as_str() {
            "apikey" => {
                let field = if TAKEN.contains(&id.as_str()) { format!("{id}Key") } else { id.clone() };
                self.add(&field, true, about.as_deref().or(Some("API key.")));
                let location = text("in").unwrap_or("header").to_owned();
                let name = text("name").unwrap_or(key).to_owned();
                if !matches!(location.as_str(), "header" | "query" | "cookie")
                    || (location == "header" && !is_token(&name))
                {
                    notes.warn(
                        "security_scheme_invalid",
                        pointer,
                        "the key's name or place cannot be sent; it is left out",
                    );
                    return None;
                }
                Scheme::ApiKey { location, name, field }
            }
            "http" => match text("scheme").unwrap_or_default().to_ascii_lowercase().as_str() {
                "bearer" => {
                    self.add("bearerToken", true, about.as_deref().or(Some("Bearer token.")));
                    Scheme::Bearer
                }
                "basic" => {
                    self.add("username", false, Some("User name."));
                    self.add("password", true, Some("Password."));
                    Scheme::Basic
                }
                other => {
                    let message =
                        format!("HTTP authentication `{}` is not supported; calls go without it", cut(other, 60));
                    notes.warn("unsupported_http_scheme", pointer, message);
                    return None;
                }
            },
            "oauth2" => {
                self.client();
                self.token_url(document.root, found, pointer, notes);
                Scheme::Oauth2
            }
            "openidconnect" => {
                self.client();
                self.add("openIdConnectUrl", false, Some("Address of the OpenID Connect discovery document."));
                self.default_of("openIdConnectUrl", text("openIdConnectUrl"), pointer, notes);
                Scheme::OpenIdConnect
            }
            other => {
                let message = format!("security of type `{}` is not supported; calls go without it", cut(other, 60));
                notes.warn("unsupported_scheme_type", pointer, message);
                return None;
            }
        };
        self.schemes.insert(id.clone(), scheme);
        Some(id)
    }

    /// Returns a name for the table that no other scheme has.
    fn id(&self, key: &str) -> String {
        let plain = camel(key);
        let plain = if plain.is_empty() { "field".to_owned() } else { cut(&plain, 96).to_owned() };
        let plain = if plain.starts_with(|c: char| c.is_ascii_digit()) { format!("_{plain}") } else { plain };
        let mut id = plain.clone();
        let mut number = 2;
        while self.schemes.contains_key(&id) || self.fields.contains_key(&id) && !TAKEN.contains(&id.as_str()) {
            id = format!("{plain}{number}");
            number += 1;
        }
        id
    }

    fn add(&mut self, name: &str, secret: bool, description: Option<&str>) {
        let field = self.fields.entry(name.to_owned()).or_insert_with(|| Field::new(FieldKind::String));
        field.secret |= secret;
        if field.description.is_none() {
            field.description = description.map(str::to_owned);
        }
    }

    fn client(&mut self) {
        self.add("clientId", false, Some("OAuth client id."));
        self.add("clientSecret", true, Some("OAuth client secret."));
    }

    fn token_url(&mut self, root: &Value, scheme: &Value, pointer: &str, notes: &mut Notes) {
        self.add("tokenUrl", false, Some("Where access tokens are fetched with the client's credentials."));
        let Some(flows) = scheme.get("flows").and_then(Value::as_object) else {
            return notes.warn("oauth2_without_flows", pointer, "the scheme has no flows; `tokenUrl` must be given");
        };
        let url = |flow: &Value| flow.get("tokenUrl").and_then(Value::as_str).map(str::to_owned);
        let told = flows.get("clientCredentials").and_then(url).or_else(|| flows.values().find_map(url));
        if !flows.contains_key("clientCredentials") {
            let message = "the client credentials flow is not declared; tokens are fetched that way all the same";
            notes.warn("oauth2_flow", pointer, message);
        }
        let base = root.get("servers").and_then(|servers| servers.get(0)?.get("url")).and_then(Value::as_str);
        let told = told.map(|told| {
            let base = base.and_then(|base| url::Url::parse(base).ok());
            base.and_then(|base| base.join(&told).ok()).map_or(told, String::from)
        });
        self.default_of("tokenUrl", told.as_deref(), pointer, notes);
    }

    fn default_of(&mut self, name: &str, url: Option<&str>, pointer: &str, notes: &mut Notes) {
        let Some(field) = self.fields.get_mut(name) else { return };
        field.format = Some("uri".to_owned());
        let Some(url) = url.filter(|url| field.check(&Value::from(*url)).is_ok()).map(Value::from) else { return };
        match &field.default {
            None => field.default = Some(url),
            Some(known) if *known != url => {
                notes.warn(
                    "config_collision",
                    pointer,
                    format!("`{name}` has several defaults; the first one is kept"),
                );
            }
            Some(_) => {}
        }
    }

    /// Returns the alternatives that an operation accepts.
    pub(super) fn of(&self, operation: &Operation<'_>, notes: &mut Notes) -> Vec<Vec<Need>> {
        let own = operation.own.get("security").filter(|own| own.is_array()).or(self.usual.as_ref());
        let Some(listed) = own.and_then(Value::as_array) else {
            if !self.silent || self.schemes.is_empty() {
                return Vec::new();
            }
            let each = self.schemes.keys().map(|scheme| vec![Need { scheme: scheme.clone(), scopes: Vec::new() }]);
            return each.chain([Vec::new()]).collect();
        };
        let pointer = format!("{}/security", operation.pointer);
        let mut alternatives = Vec::new();
        let mut lacking = Vec::new();
        for alternative in listed.iter().filter_map(Value::as_object) {
            let mut needs = Vec::new();
            let mut whole = true;
            for (key, scopes) in alternative {
                match self.names.get(key) {
                    Some(Some(scheme)) => {
                        let scopes = scopes.as_array().into_iter().flatten().filter_map(Value::as_str);
                        needs.push(Need { scheme: scheme.clone(), scopes: scopes.map(str::to_owned).collect() });
                    }
                    known => {
                        whole = false;
                        lacking.push((known.is_some(), cut(key, 100)));
                    }
                }
            }
            if whole {
                alternatives.push(needs);
            }
        }
        if alternatives.is_empty() {
            for (declared, key) in lacking {
                let (code, why) = if declared {
                    ("security_scheme_unsupported", "cannot be used")
                } else {
                    ("security_scheme_undefined", "is not declared")
                };
                notes.degrade(code, &pointer, format!("the security scheme `{key}` {why}; calls go without it"));
            }
        }
        alternatives
    }

    /// Marks the fields that a call requires, and adds a choice if there are alternatives.
    pub(super) fn finish(&mut self, taken: &[&Vec<Vec<Need>>]) -> Option<Field> {
        let name = |needs: &[Need]| needs.iter().map(|need| need.scheme.as_str()).collect::<Vec<_>>().join("+");
        let all: BTreeSet<String> = taken.iter().flat_map(|auth| auth.iter()).map(|needs| name(needs)).collect();
        let always = taken.iter().all(|auth| auth.len() == 1);
        let all: Vec<&String> = all.iter().filter(|name| !name.is_empty()).collect();
        match all.as_slice() {
            [] => None,
            [only] => {
                if always {
                    for id in only.split('+') {
                        self.require(id);
                    }
                }
                None
            }
            several => {
                let mut field = Field::new(FieldKind::Select);
                field.description =
                    Some("Which credentials are used; the first ones that are filled in, if not set.".to_owned());
                field.options =
                    several.iter().take(50).map(|name| Choice { value: name.as_str().into(), label: None }).collect();
                Some(field)
            }
        }
    }

    fn require(&mut self, id: &str) {
        let names: &[&str] = match self.schemes.get(id) {
            Some(Scheme::ApiKey { field, .. }) => &[field.as_str()],
            Some(Scheme::Bearer) => &["bearerToken"],
            // Some services expect a key as user name and no password.
            Some(Scheme::Basic) => &["username"],
            Some(Scheme::Oauth2) => &["clientId", "clientSecret", "tokenUrl"],
            Some(Scheme::OpenIdConnect) => &["clientId", "clientSecret", "openIdConnectUrl"],
            None => &[],
        };
        for name in names {
            if let Some(field) = self.fields.get_mut(*name) {
                field.required = field.default.is_none();
            }
        }
    }
}
