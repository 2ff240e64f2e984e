//! Documents of 2.0, and what they become.

use floh_client::answers::Verdict;

use super::*;
use crate::openapi::{Options, import_value, script_table};

fn rewritten(document: Value) -> Value {
    rewrite(document, &mut Notes::default()).unwrap()
}

fn pets() -> Value {
    json!({
        "swagger": "2.0", "info": { "title": "Pets", "version": "1.0" }, "host": "pets.example.com", "basePath": "/v1",
        "schemes": ["http", "https"], "consumes": ["application/json"], "produces": ["application/json"],
        "securityDefinitions": {
            "key": { "type": "apiKey", "in": "header", "name": "X-Key" }, "user": { "type": "basic" },
            "app": { "type": "oauth2", "flow": "application", "tokenUrl": "https://pets.example.com/token", "scopes": {} } },
        "security": [{ "key": [] }],
        "parameters": {
            "page": { "name": "page", "in": "query", "type": "integer", "default": 1 },
            "pet": { "name": "pet", "in": "body", "required": true, "schema": { "$ref": "#/definitions/Pet" } },
            "owner": { "name": "owner", "in": "body", "schema": { "type": "object", "properties": { "name": { "type": "string" } } } } },
        "responses": { "Failed": { "description": "no", "schema": { "$ref": "#/definitions/Pet" } } },
        "definitions": { "Pet": { "type": "object", "required": ["name"], "discriminator": "kind", "properties": {
            "name": { "type": "string", "x-nullable": true }, "kind": { "type": "string" },
            "default": { "$ref": "#/definitions/Pet" } } } },
        "paths": {
            "/pets": {
                "get": { "operationId": "listPets", "parameters": [
                    { "$ref": "#/parameters/page" },
                    { "name": "tags", "in": "query", "type": "array", "items": { "type": "string" }, "collectionFormat": "multi" },
                    { "name": "ids", "in": "query", "type": "array", "items": { "type": "integer" } } ],
                    "responses": { "200": { "description": "ok", "schema": { "type": "array", "items": { "$ref": "#/definitions/Pet" } },
                        "headers": { "X-Total": { "type": "integer" } } }, "400": { "$ref": "#/responses/Failed" } } },
                "post": { "operationId": "addPet", "parameters": [{ "$ref": "#/parameters/pet" }], "responses": {} } },
            "/pets/{id}/photo": {
                "parameters": [{ "name": "id", "in": "path", "required": true, "type": "string" }],
                "post": { "operationId": "addPhoto", "consumes": ["multipart/form-data"], "parameters": [
                    { "name": "photo", "in": "formData", "type": "file", "required": true },
                    { "name": "label", "in": "formData", "type": "string" } ], "responses": {} },
                "get": { "operationId": "getPhoto", "produces": ["image/png"],
                    "responses": { "200": { "description": "ok", "schema": { "type": "file" } } } } },
            "/odd": { "post": { "operationId": "odd", "parameters": [
                { "name": "rows", "in": "formData", "type": "array", "items": { "type": "string" }, "collectionFormat": "tsv" } ],
                "responses": {} } },
        },
    })
}

#[test]
fn a_document_becomes_one_of_3_0() {
    let document = rewritten(pets());
    assert_eq!(document["openapi"], "3.0.3");
    assert_eq!(
        document["servers"],
        json!([{ "url": "https://pets.example.com/v1" }, { "url": "http://pets.example.com/v1" }])
    );
    let list = &document["paths"]["/pets"]["get"];
    assert_eq!(list["parameters"][0], json!({ "$ref": "#/components/parameters/page" }));
    assert_eq!(
        list["parameters"][1],
        json!({ "name": "tags", "in": "query", "style": "form", "explode": true,
                "schema": { "type": "array", "items": { "type": "string" } } })
    );
    assert_eq!(list["parameters"][2]["explode"], false, "commas, unless it says otherwise");
    let pet = json!({ "$ref": "#/components/schemas/Pet" });
    assert_eq!(list["responses"]["200"]["content"]["application/json"]["schema"]["items"], pet);
    assert_eq!(list["responses"]["200"]["headers"]["X-Total"], json!({ "schema": { "type": "integer" } }));
    assert_eq!(list["responses"]["400"], json!({ "$ref": "#/components/responses/Failed" }));
    let body = json!({ "required": true, "content": { "application/json": { "schema": pet } } });
    assert_eq!(document["paths"]["/pets"]["post"]["requestBody"], body);
    let form = &document["paths"]["/pets/{id}/photo"]["post"]["requestBody"];
    assert_eq!(
        form["content"]["multipart/form-data"]["schema"],
        json!({ "type": "object", "required": ["photo"], "properties": {
            "photo": { "type": "string", "format": "binary" }, "label": { "type": "string" } } })
    );
    let image = &document["paths"]["/pets/{id}/photo"]["get"]["responses"]["200"]["content"]["image/png"];
    assert_eq!(image["schema"], json!({ "type": "string", "format": "binary" }));
    let components = &document["components"];
    assert_eq!(components["parameters"]["page"]["schema"], json!({ "type": "integer", "default": 1 }));
    let schema = &components["schemas"]["Pet"];
    assert_eq!(
        (&schema["discriminator"], &schema["properties"]["default"]),
        (&json!({ "propertyName": "kind" }), &pet)
    );
    assert_eq!(schema["properties"]["name"]["nullable"], true);
    assert_eq!(components["schemas"]["parameter.owner"]["properties"]["name"]["type"], "string");
    let schemes = &components["securitySchemes"];
    assert_eq!((&schemes["user"]["type"], &schemes["user"]["scheme"]), (&json!("http"), &json!("basic")));
    assert_eq!(schemes["app"]["flows"]["clientCredentials"]["tokenUrl"], "https://pets.example.com/token");
}

#[test]
fn it_is_imported_and_says_what_it_cannot_send() {
    let draft = import_value(&pets(), &Options::default()).unwrap();
    let verdicts: Vec<(&str, Verdict)> = draft.operations.iter().map(|one| (one.name.as_str(), one.verdict)).collect();
    let exact = |name| (name, Verdict::Exact);
    assert_eq!(
        verdicts,
        [exact("listPets"), exact("addPet"), exact("addPhoto"), exact("getPhoto"), ("odd", Verdict::Degraded)]
    );
    let reason = &draft.operations[4].reasons[0];
    assert_eq!(reason.pointer, "/paths/~1odd/post");
    assert_eq!(
        reason.message,
        "`rows` separates the items of its list by `tsv`, which is not supported; commas are sent"
    );
    assert!(draft.warnings.iter().any(|warning| warning.code == "swagger_2"));
    let fields: Vec<&str> = draft.config_schema.connection.keys().map(String::as_str).collect();
    assert_eq!(
        fields,
        [
            "baseUrl",
            "key",
            "username",
            "password",
            "clientId",
            "clientSecret",
            "tokenUrl",
            "accessToken",
            "refreshToken",
            "scope",
            "audience",
            "resource",
            "clientAuthentication"
        ]
    );
    assert_eq!(draft.config_schema.commands["addPet"].params.keys().collect::<Vec<_>>(), ["name", "kind", "default"]);
    assert!(script_table(&draft.script_source).is_some());
}

#[test]
fn where_it_is_served_is_told_or_assumed() {
    let of = |more: Value| {
        let mut document = json!({ "swagger": 2.0, "paths": {} });
        document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut notes = Notes::default();
        let servers = rewrite(document, &mut notes).unwrap()["servers"].clone();
        (servers, notes.into_warnings().into_iter().skip(1).map(|warning| warning.code).collect::<Vec<_>>())
    };
    assert_eq!(of(json!({})), (json!([{ "url": "/" }]), vec![]));
    assert_eq!(of(json!({ "basePath": "v2" })), (json!([{ "url": "/v2" }]), vec![]));
    assert_eq!(
        of(json!({ "host": "a.example:8443" })),
        (json!([{ "url": "https://a.example:8443" }]), vec!["scheme_assumed".into()])
    );
    assert_eq!(
        of(json!({ "host": "a.example", "basePath": "/v2/", "schemes": ["ws", "http"] })),
        (json!([{ "url": "http://a.example/v2" }]), vec!["unsafe_server".into()])
    );
}

#[test]
fn what_is_odd_stops_nothing() {
    for paths in
        [json!({ "/a": null }), json!({ "/a": { "get": 1 } }), json!({ "/a": { "get": { "parameters": {} } } })]
    {
        let document = json!({ "swagger": "2.0", "paths": paths, "parameters": [], "definitions": 1, "responses": "x",
            "securityDefinitions": { "a": 1 } });
        assert!(import_value(&document, &Options::default()).is_ok(), "{document}");
    }
    let wrong = import_value(&json!({ "swagger": "2.0", "paths": [] }), &Options::default()).unwrap_err();
    assert_eq!((wrong.code, wrong.pointer.as_deref()), ("invalid_paths", Some("/paths")));
    assert!(!is_swagger(&json!({ "swagger": "1.2" })) && !is_swagger(&json!({ "swagger": "2.0", "openapi": "3.0.0" })));
}

#[test]
fn shared_parts_of_bodies_are_copied_within_a_limit() {
    let values: Vec<usize> = (0..20_000).collect();
    let refs = vec![json!({ "$ref": "#/parameters/P" }); 100];
    let document = json!({ "swagger": "2.0", "host": "a.example", "paths": { "/a": { "post": { "parameters": refs } } },
        "parameters": { "P": { "name": "p", "in": "formData", "type": "integer", "enum": values } } });
    let error = import_value(&document, &Options::default()).unwrap_err();
    assert_eq!((error.code, error.pointer.as_deref()), ("too_many", Some("/parameters")));
}
