//! The connection fields of security schemes.

use connector_runtime::schema::destination::BASE_URL;
use connector_runtime::schema::{CLIENT_CERTIFICATE, CLIENT_KEY, Choice, Field, FieldKind, Fields};
use serde_json::{Map, Value};

use super::super::notes::Notes;
use super::super::table::Scheme;

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
/// Those that only a document with OAuth has.
const OAUTH: [&str; 6] = ["accessToken", "refreshToken", "scope", "audience", "resource", "clientAuthentication"];
/// Those that only a document with AWS signatures has.
const AWS: [&str; 5] = ["accessKeyId", "secretAccessKey", "sessionToken", "region", "service"];
/// Those that only a document with certificates of clients has.
const MUTUAL_TLS: [&str; 2] = [CLIENT_CERTIFICATE, CLIENT_KEY];

/// The fields of the schemes that were read so far.
#[derive(Debug, Default)]
pub(super) struct SchemeFields {
    pub(super) fields: Fields,
    pub(super) has_oauth: bool,
    pub(super) has_aws: bool,
    pub(super) has_mutual_tls: bool,
}

impl SchemeFields {
    /// Returns whether a name has another meaning in this document.
    pub(super) fn is_taken(&self, name: &str) -> bool {
        TAKEN.contains(&name)
            || self.has_oauth && OAUTH.contains(&name)
            || self.has_aws && AWS.contains(&name)
            || self.has_mutual_tls && MUTUAL_TLS.contains(&name)
    }

    pub(super) fn add(&mut self, name: &str, secret: bool, description: Option<&str>) {
        let field = self.fields.entry(name.to_owned()).or_insert_with(|| Field::new(FieldKind::String));
        field.secret |= secret;
        if field.description.is_none() {
            field.description = description.map(str::to_owned);
        }
    }

    /// Adds the fields of OAuth; `place` is the one that says where tokens are fetched.
    pub(super) fn oauth(&mut self, place: &str, about: &str) {
        self.add("clientId", false, Some("OAuth client id."));
        self.add("clientSecret", true, Some("OAuth client secret. It is sent to the token endpoint alone."));
        self.add(place, false, Some(about));
        let known = "An access token that you got elsewhere. It is used until the service rejects it; then one is fetched \
             with `refreshToken` or `clientSecret`, if they are filled in.";
        self.add("accessToken", true, Some(known));
        let known = "A refresh token. The server gets access tokens with it, keeps the refresh tokens that the service \
             answers in its place, and prefers it to the client's credentials.";
        self.add("refreshToken", true, Some(known));
        let known = "The scopes to ask for, separated by spaces, instead of those that the document lists.";
        self.add("scope", false, Some(known));
        self.add("audience", false, Some("The `audience` of the access token, for services that ask for one."));
        self.add(
            "resource",
            false,
            Some("The `resource` of the access token (RFC 8707), for services that ask for one."),
        );
        let authentication = self.fields.entry("clientAuthentication".to_owned()).or_insert_with(|| {
            let mut field = Field::new(FieldKind::Select);
            let choice = |value: &str, label: &str| Choice { value: value.into(), label: Some(label.to_owned()) };
            field.options = vec![choice("basic", "In the header (basic)"), choice("post", "In the body (post)")];
            field
        });
        let known = "How `clientId` and `clientSecret` are sent to the token endpoint. Without a choice the header is tried \
             first.";
        authentication.description = Some(known.to_owned());
    }

    /// Adds the fields of AWS signatures, without region and service.
    pub(super) fn aws(&mut self) {
        self.add("accessKeyId", false, Some("AWS access key id."));
        self.add("secretAccessKey", true, Some("AWS secret access key. It signs requests and is never sent."));
        self.add("sessionToken", true, Some("AWS session token, for temporary credentials."));
    }

    /// Adds the fields of a client's certificate, which the runtime knows by their names.
    pub(super) fn mutual_tls(&mut self) {
        let about = "The certificate that the service asks for (PEM), with the authorities between after it.";
        self.add(CLIENT_CERTIFICATE, false, Some(about));
        self.add(CLIENT_KEY, true, Some("The key of the certificate (PEM). It is never sent."));
    }

    /// Adds what a signature names besides its key, unless a variable of the server's URL is called so.
    pub(super) fn aws_place(&mut self, servers: &Fields, service: Option<&str>) {
        let about = "The AWS region, such as eu-central-1; that of the host in `baseUrl`, if empty.";
        if self.has_aws && !servers.contains_key("region") {
            self.add("region", false, Some(about));
        }
        let about =
            "The name under which the AWS service signs, such as execute-api; that of the host in `baseUrl`, if empty.";
        if self.has_aws && !servers.contains_key("service") {
            self.add("service", false, Some(about));
            if let Some(field) = self.fields.get_mut("service") {
                field.default = service.map(Value::from);
            }
        }
    }

    pub(super) fn default_of(&mut self, name: &str, url: Option<&str>, pointer: &str, notes: &mut Notes) {
        let Some(field) = self.fields.get_mut(name) else { return };
        field.format = Some("uri".to_owned());
        let Some(url) = url.filter(|url| field.check_connection(&Value::from(*url)).is_ok()).map(Value::from) else {
            return;
        };
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

    /// Marks the fields that a scheme cannot do without.
    pub(super) fn require(&mut self, scheme: Option<&Scheme>) {
        let names: &[&str] = match scheme {
            Some(Scheme::ApiKey { field, .. }) => &[field.as_str()],
            Some(Scheme::Bearer) => &["bearerToken"],
            // Some services expect a key as user name and no password.
            Some(Scheme::Basic) => &["username"],
            Some(Scheme::AwsSigV4) => &["accessKeyId", "secretAccessKey"],
            Some(Scheme::MutualTls) => &MUTUAL_TLS,
            // An access token, a refresh token or the client's credentials: none of the fields is always needed.
            Some(Scheme::Oauth2 | Scheme::OpenIdConnect) | None => &[],
        };
        for name in names {
            if let Some(field) = self.fields.get_mut(*name) {
                field.required = field.default.is_none();
            }
        }
    }
}

/// Returns where a scheme's tokens are fetched: by client credentials if there is such a flow, else with a refresh token.
pub(super) fn token_url(flows: &Map<String, Value>) -> Option<&str> {
    let url = |key: &str| flows.values().find_map(|flow| flow.get(key)?.as_str());
    let by_client = flows.get("clientCredentials").and_then(|flow| flow.get("tokenUrl")?.as_str());
    by_client.or_else(|| url("refreshUrl")).or_else(|| url("tokenUrl"))
}
