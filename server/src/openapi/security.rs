//! Credentials: the security schemes of a document as connection fields, and which of them each operation needs.

mod authorization;
mod aws;
mod earlier;
mod fields;

use std::collections::{BTreeSet, HashMap};

use connector_runtime::schema::{Choice, Field, FieldKind, Fields};
use indexmap::IndexMap;
use serde_json::Value;

use self::authorization::Parameter;
pub(super) use self::aws::SIGNING_HEADERS;
pub use self::aws::signing_name;
use self::fields::SchemeFields;
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
    fields: SchemeFields,
    /// Schemes by their names in the document, with the name in the table if the scheme can be used.
    names: IndexMap<String, Option<String>>,
    /// What operations need that do not say so themselves.
    usual: Option<Value>,
    /// Whether no operation says what it needs.
    silent: bool,
    /// The schemes of headers `Authorization` that are parameters, and whether they must be sent, by operation.
    parameters: HashMap<String, (String, bool)>,
}

impl Security {
    pub(super) fn read<'d>(document: &Document<'d>, operations: &[Operation<'d>], notes: &mut Notes) -> Self {
        let usual = document.root.get("security").filter(|usual| usual.is_array()).cloned();
        let silent = usual.is_none() && !operations.iter().any(|operation| operation.own.contains_key("security"));
        let mut security = Self {
            schemes: IndexMap::new(),
            fields: SchemeFields::default(),
            names: IndexMap::new(),
            usual,
            silent,
            parameters: HashMap::new(),
        };
        let listed = document.root.get("components").and_then(|components| components.get("securitySchemes"));
        match listed {
            Some(Value::Object(listed)) => {
                for (key, node) in listed {
                    let Ok(found) = document.resolve(node) else { continue };
                    let is = |kind: &str| {
                        found.get("type").and_then(Value::as_str).is_some_and(|own| own.eq_ignore_ascii_case(kind))
                    };
                    security.fields.has_oauth |= is("oauth2") || is("openIdConnect");
                    security.fields.has_mutual_tls |= is("mutualTLS");
                    security.fields.has_aws |= aws::is_aws(document.root, key, found);
                }
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
        for operation in operations {
            if let Some(parameter) = authorization::parameter(document, operation) {
                security.parameter(operation, &parameter, notes);
            }
        }
        security
    }

    /// Makes a secret of the connection from a header `Authorization` that is a parameter, unless a scheme of the
    /// operation sends that header.
    fn parameter(&mut self, operation: &Operation<'_>, parameter: &Parameter<'_>, notes: &mut Notes) {
        let pointer = format!("{}/parameters", operation.pointer);
        let Parameter { required, description, field } = parameter;
        let sends = |needs: &Vec<Need>| needs.iter().any(|need| self.sends_authorization(&need.scheme));
        if self.alternatives(operation).0.iter().any(sends) {
            let message = "the header Authorization is a parameter and a security scheme; the scheme sends it";
            notes.warn("authorization_parameter", &pointer, message);
            return;
        }
        let known = self.parameters.values().find(|(id, _)| self.field_of(id).is_some_and(|own| own == *field));
        let id = match known {
            Some((id, _)) => id.clone(),
            None => {
                let id = self.id(field);
                let field = if self.fields.is_taken(&id) { format!("{id}Header") } else { id.clone() };
                let about =
                    "The whole value of the header Authorization, with the word in front, such as `Bearer ...`.";
                let about = description.map_or_else(|| about.to_owned(), |own| format!("{about} {}", cut(own, 500)));
                self.fields.add(&field, true, Some(&about));
                let message = format!(
                    "the header Authorization is a parameter; it becomes the connection's secret `{field}`, because a \
                     credential among params is seen by every caller"
                );
                notes.warn("authorization_parameter", &pointer, message);
                let (location, name) = ("header".to_owned(), "Authorization".to_owned());
                self.schemes.insert(id.clone(), Scheme::ApiKey { location, name, field });
                id
            }
        };
        self.parameters.insert(operation.pointer.clone(), (id, *required));
    }

    fn field_of(&self, scheme: &str) -> Option<&str> {
        match self.schemes.get(scheme) {
            Some(Scheme::ApiKey { field, .. }) => Some(field),
            _ => None,
        }
    }

    fn sends_authorization(&self, scheme: &str) -> bool {
        match self.schemes.get(scheme) {
            Some(Scheme::ApiKey { location, name, .. }) => {
                location == "header" && name.eq_ignore_ascii_case("authorization")
            }
            Some(Scheme::MutualTls) | None => false,
            Some(_) => true,
        }
    }

    /// Returns whether an operation may be signed for AWS.
    pub(super) fn signs(&self, operation: &Operation<'_>) -> bool {
        let is_aws = |need: &Need| self.schemes.get(&need.scheme) == Some(&Scheme::AwsSigV4);
        self.fields.has_aws && self.alternatives(operation).0.iter().flatten().any(is_aws)
    }

    /// Adds what the schemes need to know of the servers, whose fields these are.
    pub(super) fn meet(&mut self, root: &Value, servers: &Fields) {
        self.fields.aws_place(servers, aws::service(root));
    }

    /// Returns the fields of the schemes.
    pub(super) fn fields(&self) -> &Fields {
        &self.fields.fields
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
            _ if aws::is_aws(document.root, key, found) => {
                self.fields.aws();
                Scheme::AwsSigV4
            }
            "apikey" => {
                let field = if self.fields.is_taken(&id) { format!("{id}Key") } else { id.clone() };
                self.fields.add(&field, true, about.as_deref().or(Some("API key.")));
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
                    self.fields.add("bearerToken", true, about.as_deref().or(Some("Bearer token.")));
                    Scheme::Bearer
                }
                "basic" => {
                    self.fields.add("username", false, Some("User name."));
                    self.fields.add("password", true, Some("Password."));
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
                self.token_url(document.root, found, pointer, notes);
                Scheme::Oauth2
            }
            "openidconnect" => {
                self.fields.oauth("openIdConnectUrl", "Address of the OpenID Connect discovery document.");
                if text("openIdConnectUrl").is_none() {
                    let message = "the scheme has no openIdConnectUrl; without one only `accessToken` can be used";
                    notes.warn("open_id_connect_without_url", pointer, message);
                }
                self.fields.default_of("openIdConnectUrl", text("openIdConnectUrl"), pointer, notes);
                Scheme::OpenIdConnect
            }
            "mutualtls" => {
                self.fields.mutual_tls();
                Scheme::MutualTls
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
        while self.schemes.contains_key(&id) || self.fields.fields.contains_key(&id) && !self.fields.is_taken(&id) {
            id = format!("{plain}{number}");
            number += 1;
        }
        id
    }

    fn token_url(&mut self, root: &Value, scheme: &Value, pointer: &str, notes: &mut Notes) {
        self.fields
            .oauth("tokenUrl", "Where access tokens are fetched; the client's secret and the refresh token go there.");
        let Some(flows) = scheme.get("flows").and_then(Value::as_object) else {
            let message = "the scheme has no flows; without `tokenUrl` only `accessToken` can be used";
            return notes.warn("oauth2_without_flows", pointer, message);
        };
        if !flows.contains_key("clientCredentials") {
            let message = "the document has no flow of client credentials: sign in elsewhere, and fill in `accessToken`, or \
                 `refreshToken` and `clientId`; client credentials are used if they are filled in";
            notes.warn("oauth2_flow", pointer, message);
        }
        let base = root.get("servers").and_then(|servers| servers.get(0)?.get("url")).and_then(Value::as_str);
        let told = fields::token_url(flows).map(|told| {
            let base = base.and_then(|base| url::Url::parse(base).ok());
            base.and_then(|base| base.join(told).ok()).map_or_else(|| told.to_owned(), String::from)
        });
        self.fields.default_of("tokenUrl", told.as_deref(), pointer, notes);
    }

    /// Returns the alternatives that an operation accepts.
    pub(super) fn of(&self, operation: &Operation<'_>, notes: &mut Notes) -> Vec<Vec<Need>> {
        let (mut alternatives, lacking) = self.alternatives(operation);
        if alternatives.is_empty() {
            let pointer = format!("{}/security", operation.pointer);
            for (declared, key) in lacking {
                let (code, why) = if declared {
                    ("security_scheme_unsupported", "cannot be used")
                } else {
                    ("security_scheme_undefined", "is not declared")
                };
                notes.degrade(code, &pointer, format!("the security scheme `{key}` {why}; calls go without it"));
            }
        }
        if let Some((scheme, required)) = self.parameters.get(&operation.pointer) {
            let without = if *required { Vec::new() } else { alternatives.clone() };
            let need = Need { scheme: scheme.clone(), scopes: Vec::new() };
            if alternatives.is_empty() {
                alternatives.push(Vec::new());
            }
            alternatives.iter_mut().for_each(|needs| needs.push(need.clone()));
            alternatives.extend(without);
            if !required && !alternatives.iter().any(Vec::is_empty) && alternatives.len() == 1 {
                alternatives.push(Vec::new());
            }
        }
        alternatives
    }

    /// Returns the alternatives that an operation accepts, and the schemes that it lacks for others: whether they are
    /// declared, and their names.
    fn alternatives(&self, operation: &Operation<'_>) -> (Vec<Vec<Need>>, Vec<(bool, String)>) {
        let own = operation.says("security").filter(|own| own.is_array()).or(self.usual.as_ref());
        let Some(listed) = own.and_then(Value::as_array) else {
            if !self.silent || self.names.values().all(Option::is_none) {
                return Default::default();
            }
            let each =
                self.names.values().flatten().map(|scheme| vec![Need { scheme: scheme.clone(), scopes: Vec::new() }]);
            return (each.chain([Vec::new()]).collect(), Vec::new());
        };
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
                        lacking.push((known.is_some(), cut(key, 100).to_owned()));
                    }
                }
            }
            if whole {
                alternatives.push(needs);
            }
        }
        (alternatives, lacking)
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
                        self.fields.require(self.schemes.get(id));
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
}
