use connector_runtime::schema::{ConfigSchema, Field, FieldKind};
use serde_json::{Value, json};

use floh_client::answers::{ConnectorDraft, Verdict};

use super::super::{Options, import_value, script_table};
use super::{imported, paths};

#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
fn body(schema: Value) -> ConnectorDraft {
    let draft = paths(json!({ "/a": { "post": { "operationId": "x",
        "requestBody": { "required": true, "content": { "application/json": { "schema": schema } } },
        "responses": { "201": { "content": { "application/json": { "schema": schema } } }, "404": {} } } } }));
    let parsed = ConfigSchema::parse(&draft.config_schema.to_value()).unwrap();
    assert_eq!(parsed, draft.config_schema);
    draft
}

fn field(draft: &ConnectorDraft, name: &str) -> Field {
    draft.config_schema.commands["x"].params[name].clone()
}

#[test]
fn values_of_every_kind() {
    let draft = body(json!({ "type": "object", "required": ["s", "d"], "properties": {
        "s": { "type": "string", "minLength": 1, "maxLength": 5, "pattern": "^a", "description": "Text.", "example": "ab" },
        "i": { "type": "integer", "minimum": 1, "exclusiveMaximum": true, "maximum": 10, "default": 5 },
        "n": { "type": ["number", "null"], "exclusiveMinimum": 0.5 },
        "d": { "type": "string", "format": "date-time" },
        "e": { "type": "string", "enum": ["a", "b", "a", null] },
        "b": { "type": "boolean" },
        "p": { "type": "string", "format": "password" },
        "l": { "type": "array", "items": { "type": "string" }, "maxItems": 2 },
        "u": { "oneOf": [{ "type": "string" }, { "type": "integer" }] },
        "o": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
        "any": {},
        "bad": { "type": "int", "minimum": "x", "pattern": "(?<!a)b", "required": true, "default": "no" },
    } }));
    let s = field(&draft, "s");
    assert_eq!((s.kind, s.required, s.min_length, s.max_length), (FieldKind::String, true, Some(1), Some(5)));
    assert_eq!((s.description.as_deref(), s.example.clone()), (Some("Text."), Some(json!("ab"))));
    let i = field(&draft, "i");
    assert!(i.integer && i.minimum == Some(1.into()) && i.maximum == Some(9.into()) && i.default == Some(json!(5)));
    assert_eq!((field(&draft, "n").kind, field(&draft, "d").kind), (FieldKind::Number, FieldKind::Date));
    let options: Vec<Value> = field(&draft, "e").options.into_iter().map(|choice| choice.value).collect();
    assert_eq!(options, [json!("a"), json!("b")]);
    assert_eq!(field(&draft, "b").kind, FieldKind::Boolean);
    assert!(field(&draft, "p").secret);
    let l = field(&draft, "l");
    assert_eq!(l.schema.unwrap().document(), &json!({ "type": "array", "items": { "type": "string" }, "maxItems": 2 }));
    assert_eq!(field(&draft, "u").kind, FieldKind::Raw);
    assert_eq!(field(&draft, "o").kind, FieldKind::String);
    assert_eq!((field(&draft, "any").kind, field(&draft, "any").schema), (FieldKind::Raw, None));
    let bad = field(&draft, "bad");
    assert_eq!((bad.kind, bad.integer, bad.default), (FieldKind::Number, true, None));
}

#[test]
fn all_of_is_merged_deeply_and_what_is_read_only_is_not_sent() {
    let draft = body(json!({ "allOf": [
        { "type": "object", "required": ["id", "a"], "properties": { "id": { "type": "string", "readOnly": true }, "a": { "type": "object", "properties": { "x": { "type": "string" } } } } },
        { "required": ["b"], "properties": { "a": { "properties": { "y": { "type": "integer" } }, "required": ["y"] }, "b": { "type": "string", "writeOnly": true } }, "additionalProperties": false },
    ] }));
    let command = &draft.config_schema.commands["x"];
    assert_eq!(command.params.keys().collect::<Vec<_>>(), ["a", "b"]);
    assert!(command.params["a"].required && command.params["b"].required);
    let expected = json!({ "type": "object", "properties": { "x": { "type": "string" }, "y": { "type": "integer" } }, "required": ["y"] });
    assert_eq!(command.params["a"].schema.as_ref().unwrap().document(), &expected);
    assert_eq!(command.outputs, ["id", "a"]);
    let output = command.output_schema.as_ref().unwrap();
    assert_eq!(output["required"], json!(["id", "a"]));
}

#[test]
fn what_is_no_plain_object_is_one_param() {
    for (schema, kind) in [
        (json!({ "type": "array", "items": { "type": "string" } }), FieldKind::Array),
        (json!({ "type": "object", "additionalProperties": { "type": "string" } }), FieldKind::Object),
        (json!({ "oneOf": [{ "type": "object", "properties": { "a": {} } }, { "type": "string" }] }), FieldKind::Raw),
        (json!({ "type": "string" }), FieldKind::String),
        (json!(true), FieldKind::Raw),
    ] {
        let draft = body(schema.clone());
        let made = field(&draft, "body");
        assert_eq!((made.kind, made.required), (kind, true), "{schema}");
        assert_eq!(
            script_table(&draft.script_source).unwrap()["x"].body.as_ref().unwrap().key.as_deref(),
            Some("body")
        );
    }
}

#[test]
fn cycles_and_repetitions_end() {
    let mut schemas = serde_json::Map::new();
    schemas.insert("Tree".to_owned(), json!({ "type": "object", "properties": {
        "name": { "type": "string" }, "children": { "type": "array", "items": { "$ref": "#/components/schemas/Tree" } } } }));
    for level in 0..60 {
        let next = format!("#/components/schemas/D{}", level + 1);
        let twice = json!({ "allOf": [{ "$ref": next }, { "properties": { "x": { "$ref": next } } }] });
        schemas.insert(format!("D{level}"), twice);
    }
    schemas.insert("D60".to_owned(), json!({ "type": "object", "properties": { "last": { "type": "string" } } }));
    let post = |name: &str| {
        json!({ "post": { "operationId": name.to_lowercase(), "requestBody": { "content": { "application/json": {
        "schema": { "$ref": format!("#/components/schemas/{name}") } } } } } })
    };
    // Each of two hundred refers to many others: 40^24 schemas, if they were written out.
    for number in 0..200 {
        let property = |field: usize| {
            let target = format!("#/components/schemas/S{}", (number * 7 + field) % 200);
            (format!("f{field}"), json!({ "$ref": target }))
        };
        let properties: serde_json::Map<String, Value> = (0..40).map(property).collect();
        schemas.insert(format!("S{number}"), json!({ "type": "object", "properties": properties }));
    }
    let draft = imported(json!({ "openapi": "3.0.0", "components": { "schemas": schemas },
        "paths": { "/tree": post("Tree"), "/d": post("D0"), "/s": post("S0") } }));
    assert_eq!(draft.config_schema.commands["s0"].params.len(), 40);
    let tree = &draft.config_schema.commands["tree"].params;
    let expected = json!({ "type": "array", "items": {} });
    assert_eq!(tree["children"].schema.as_ref().unwrap().document(), &expected);
    assert!(draft.config_schema.to_value().to_string().len() < 200_000);
    ConfigSchema::parse(&draft.config_schema.to_value()).unwrap();
}

#[test]
fn servers_become_connection_fields() {
    let draft = imported(json!({ "openapi": "3.0.0", "servers": [
        { "url": "https://{region}.example.com:{port}/v1", "variables": { "region": { "default": "eu", "enum": ["eu", "us"] }, "port": { "default": 443 } } } ] }));
    let fields = &draft.config_schema.connection;
    assert_eq!(fields["baseUrl"].default, Some(json!("https://{region}.example.com:{port}/v1")));
    assert_eq!((fields["region"].kind, fields["region"].default.clone()), (FieldKind::Select, Some(json!("eu"))));
    assert_eq!(fields["port"].default, Some(json!("443")));
    let draft = imported(json!({ "openapi": "3.0.0", "servers": [{ "url": "/api" }] }));
    let base = &draft.config_schema.connection["baseUrl"];
    assert!(base.required && base.default.is_none() && base.description.as_ref().unwrap().contains("/api"));
    let draft = imported(json!({ "openapi": "3.0.0", "servers": [
        { "url": "https://a.example.com", "description": "Live" }, { "url": "https://b.example.com" }, { "url": "ftp://c" }, { "url": "http://10.0.0.1" }] }));
    let base = &draft.config_schema.connection["baseUrl"];
    assert_eq!((base.kind, base.options.len()), (FieldKind::Select, 3));
    assert_eq!(draft.warnings.iter().filter(|warning| warning.code == "unsafe_server").count(), 2);
}

#[test]
fn credentials_are_required_only_where_nothing_goes_without() {
    let document = |security: Value| {
        json!({ "openapi": "3.0.0", "security": security, "paths": { "/a": { "get": {} } },
        "components": { "securitySchemes": {
            "b": { "type": "http", "scheme": "bearer" }, "api-key": { "type": "apiKey", "in": "header", "name": "X" },
            "o": { "type": "oauth2", "flows": { "clientCredentials": { "tokenUrl": "https://id.example.com/t", "scopes": {} } } } } } })
    };
    let only = imported(document(json!([{ "b": [] }])));
    let fields = &only.config_schema.connection;
    assert!(fields["bearerToken"].required && fields["bearerToken"].secret && !fields["apiKey"].required);
    assert!(fields["clientSecret"].secret && !fields["clientId"].secret);
    assert_eq!(fields["tokenUrl"].default, Some(json!("https://id.example.com/t")));
    assert!(!fields.contains_key("authMethod"));
    let either = imported(document(json!([{ "b": [] }, { "api-key": [] }])));
    let fields = &either.config_schema.connection;
    assert!(!fields["bearerToken"].required);
    let options: Vec<Value> = fields["authMethod"].options.iter().map(|choice| choice.value.clone()).collect();
    assert_eq!(options, [json!("apiKey"), json!("b")]);
    let optional = imported(document(json!([{ "b": [] }, {}])));
    assert!(!optional.config_schema.connection["bearerToken"].required);
}

#[test]
fn a_server_of_an_operation_is_judged_wherever_it_leads() {
    use floh_client::answers::Verdict;
    for (base, own, verdict) in [
        ("https://a.example.com/v1", "https://A.example.com:443/v2", Verdict::Exact),
        ("https://a.example.com", "/v2", Verdict::Exact),
        ("https://a.example.com", "//a.example.com/v2", Verdict::Exact),
        ("https://a.example.com", "//b.example.com/v2", Verdict::Degraded),
        ("https://a.example.com", "https://a.example.com:8443", Verdict::Degraded),
        ("https://a.example.com", "http://a.example.com", Verdict::Degraded),
        ("https://{t}.example.com", "https://a.example.com", Verdict::Exact),
        ("/relative", "https://a.example.com", Verdict::Degraded),
    ] {
        let operation = json!({ "servers": [{ "url": own }], "responses": {} });
        let servers = json!([{ "url": base, "variables": { "t": { "default": "a" } } }]);
        let draft =
            imported(json!({ "openapi": "3.0.0", "servers": servers, "paths": { "/x": { "get": operation } } }));
        assert_eq!(draft.operations[0].verdict, verdict, "{base} {own}: {:?}", draft.operations[0].reasons);
    }
}

#[test]
fn what_repeats_is_not_written_out_without_end() {
    let long: Vec<String> = (0..5000).map(|number| format!("choice number {number} of very many")).collect();
    let properties: Value =
        (0..60).map(|n| (format!("f{n}"), json!({ "$ref": "#/components/schemas/Long" }))).collect();
    let body = json!({ "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Many" } } } });
    let paths: Value =
        (0..200).map(|n| (format!("/p{n}"), json!({ "post": { "requestBody": body, "responses": {} } }))).collect();
    let document = json!({ "openapi": "3.0.3", "info": { "title": "t", "version": "1" }, "paths": paths, "components": { "schemas": {
        "Many": { "type": "object", "properties": properties }, "Long": { "type": "string", "enum": long } } } });
    let draft = imported(document.clone());
    let (given, made) = (document.to_string().len(), draft.config_schema.to_value().to_string().len());
    assert!(made < 8 * given, "{made} bytes of {given}");
    assert_eq!(draft.config_schema.commands["postP0"].params.len(), 60);
    assert_eq!(draft.config_schema.commands["postP0"].params["f0"].kind, FieldKind::String);
}

#[test]
fn what_no_connector_could_hold_is_refused() {
    let shared =
        json!({ "description": "", "content": { format!("application/{}", "x".repeat(200_000)): { "schema": {} } } });
    let answers = json!({ "get": { "responses": { "200": { "$ref": "#/components/responses/R" } } } });
    let paths: Value = (0..400).map(|n| (format!("/p{n}"), answers.clone())).collect();
    let document = json!({ "openapi": "3.0.3", "info": { "title": "t", "version": "1" }, "paths": paths, "components": { "responses": { "R": shared } } });
    let error = import_value(&document, &Options::default()).unwrap_err();
    assert_eq!(error.code, "too_large");
    assert!(error.to_string().contains("include"), "{error}");
    let few = Options { include: Some(vec!["getP1".to_owned()]), ..Options::default() };
    assert_eq!(import_value(&document, &few).unwrap().operations.len(), 1);
}

#[test]
fn a_style_that_cannot_write_a_value_is_no_exact_promise() {
    let verdict = |more: Value| {
        let mut param = json!({ "name": "p", "in": "query" });
        param.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        paths(json!({ "/a": { "get": { "parameters": [param] } } })).operations[0].verdict
    };
    let nested = json!({ "type": "array", "items": { "type": "object" } });
    let object = json!({ "type": "object", "properties": { "a": { "type": ["array", "null"] } } });
    for schema in [&nested, &object] {
        assert_eq!(verdict(json!({ "schema": schema })), Verdict::Degraded, "{schema}");
        assert_eq!(verdict(json!({ "schema": schema, "style": "deepObject", "explode": true })), Verdict::Exact);
        assert_eq!(verdict(json!({ "content": { "application/json": { "schema": schema } } })), Verdict::Exact);
    }
    assert_eq!(verdict(json!({ "schema": { "type": "array", "items": { "type": "string" } } })), Verdict::Exact);
}

#[test]
fn a_header_authorization_that_is_a_parameter_becomes_a_secret_of_the_connection() {
    let header = |name: &str, required: bool, description: &str| json!({ "name": name, "in": "header", "required": required, "description": description, "schema": { "type": "string" } });
    let document = json!({ "openapi": "3.0.0", "paths": {
        "/me": { "get": { "operationId": "me", "parameters": [header("authorization", true, "Bearer {token}")] } },
        "/open": { "get": { "operationId": "open", "parameters": [{ "$ref": "#/components/parameters/auth" }] } },
        "/login": { "post": { "operationId": "login", "parameters": [header("Authorization", true, "Basic base64(user:password)")] } },
        "/keyed": { "get": { "operationId": "keyed", "security": [{ "key": [] }], "parameters": [header("Authorization", true, "")] } },
        "/schemed": { "get": { "operationId": "schemed", "security": [{ "b": [] }], "parameters": [header("Authorization", true, "")] } },
        "/digest": { "get": { "operationId": "digest", "security": [{ "d": [] }] } } },
        "components": { "parameters": { "auth": header("Authorization", false, "") }, "securitySchemes": {
            "b": { "type": "http", "scheme": "bearer" }, "key": { "type": "apiKey", "in": "query", "name": "key" },
            "d": { "type": "http", "scheme": "digest" } } } });
    let draft = imported(document);
    let fields = &draft.config_schema.connection;
    assert!(fields["authorization"].secret && fields["basicAuthorization"].secret);
    assert!(fields["authorization"].description.as_ref().unwrap().contains("Bearer {token}"));
    let params = draft.config_schema.commands.values().flat_map(|command| command.params.keys());
    assert_eq!(params.count(), 0, "a credential is no param");
    let taken = |name: &str| {
        let table = crate::openapi::Imported::read(&draft.script_source).unwrap().unwrap();
        let entry: Value = serde_json::from_str(table.operations.get(name).unwrap().get()).unwrap();
        let names = |needs: &Value| {
            needs
                .as_array()
                .unwrap()
                .iter()
                .map(|need| need["scheme"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
                .join("+")
        };
        entry["auth"].as_array().unwrap().iter().map(names).collect::<Vec<_>>()
    };
    assert_eq!(taken("me"), ["authorization"]);
    assert_eq!(taken("open"), ["authorization", ""]);
    assert_eq!(taken("login"), ["basicAuthorization"]);
    assert_eq!(taken("keyed"), ["key+authorization"]);
    assert_eq!(taken("schemed"), ["b"]);
    assert_eq!(draft.warnings.iter().filter(|warning| warning.code == "authorization_parameter").count(), 3);
    let degraded: Vec<&str> = draft
        .operations
        .iter()
        .filter(|operation| !operation.reasons.is_empty())
        .map(|operation| operation.name.as_str())
        .collect();
    assert_eq!(degraded, ["digest"]);
}

#[test]
fn a_certificate_of_the_client_is_two_fields_of_the_connection() {
    let key = |name: &str| json!({ "type": "apiKey", "in": "header", "name": name });
    let document = json!({ "openapi": "3.1.0", "security": [{ "mtls": [] }],
        "paths": { "/a": { "get": { "operationId": "a" } }, "/b": { "get": { "operationId": "b", "security": [{ "mtls": [], "clientKey": [] }] } },
            "/c": { "get": { "operationId": "c", "parameters": [{ "name": "Authorization", "in": "header", "required": true, "schema": { "type": "string" } }] } } },
        "components": { "securitySchemes": { "mtls": { "type": "mutualTLS" }, "clientKey": key("X-Key") } } });
    let draft = imported(document);
    let fields = &draft.config_schema.connection;
    assert!(connector_runtime::schema::has_client_certificate(fields));
    // A key of another meaning has another name.
    assert!(fields["clientKeyKey"].secret && fields["authorization"].secret);
    assert!(draft.operations.iter().all(|operation| operation.reasons.is_empty()), "{:?}", draft.operations);
    assert!(draft.script_source.contains("the certificate in clientCertificate and clientKeyKey in the header X-Key"));
    // Where no document speaks of certificates, these names mean nothing.
    let draft = imported(json!({ "openapi": "3.1.0", "security": [{ "clientKey": [], "clientCertificate": [] }],
        "paths": { "/a": { "get": {} } },
        "components": { "securitySchemes": { "clientKey": key("X-Key"), "clientCertificate": key("X-Cert") } } }));
    assert!(draft.config_schema.connection["clientKey"].secret);
    assert!(!connector_runtime::schema::has_client_certificate(&draft.config_schema.connection));
    // Alone it is required.
    let alone = imported(json!({ "openapi": "3.1.0", "security": [{ "mtls": [] }], "paths": { "/a": { "get": {} } },
        "components": { "securitySchemes": { "mtls": { "type": "mutualTLS" } } } }));
    let fields = &alone.config_schema.connection;
    assert!(fields["clientCertificate"].required && fields["clientKey"].required);
}

#[test]
fn what_stands_for_aws_signatures_and_what_does_not() {
    let scheme = |key: &str, scheme: Value, host: &str| {
        let draft = imported(
            json!({ "openapi": "3.0.0", "servers": [{ "url": format!("https://{host}") }], "security": [{ key: [] }],
            "paths": { "/a": { "get": {} } }, "components": { "securitySchemes": { key: scheme } } }),
        );
        draft.config_schema.connection.contains_key("secretAccessKey")
    };
    let key = |name: &str| json!({ "type": "apiKey", "in": "header", "name": name });
    let (own, aws) = ("api.example.com", "x.execute-api.eu-west-1.amazonaws.com");
    assert!(scheme("sigv4", key("Authorization"), own));
    assert!(scheme("hmac", key("authorization"), aws));
    assert!(!scheme("hmac", key("Authorization"), own));
    assert!(!scheme("hmac", key("X-Signature"), aws));
    assert!(scheme(
        "a",
        json!({ "type": "apiKey", "in": "header", "name": "Authorization", "x-amazon-apigateway-authtype": "awsSigv4" }),
        own
    ));
    assert!(scheme("a", json!({ "type": "http", "scheme": "AWS4-HMAC-SHA256" }), own));
    assert!(!scheme(
        "api_key",
        json!({ "type": "apiKey", "in": "header", "name": "x-api-key", "x-amazon-apigateway-authtype": "custom" }),
        aws
    ));
}
