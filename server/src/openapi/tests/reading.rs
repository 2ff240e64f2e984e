use std::io::Write;

use serde_json::json;

use super::super::{Options, import};
use super::{codes, imported, paths};

fn code(text: &str) -> (&'static str, String) {
    let error = import(text.as_bytes(), &Options::default()).unwrap_err();
    (error.code, error.message)
}

#[test]
fn json_and_yaml_are_told_by_their_content() {
    let json = r#"{"openapi":"3.0.0","paths":{"/a":{"get":{}}}}"#;
    let yaml = "# a comment\nopenapi: 3.1\npaths:\n  /a:\n    get: {responses: {200: {description: ok}}}\n";
    let lenient =
        "{\n  // none\n".replace("  // none\n", "") + "\"openapi\": \"3.0.0\", \"paths\": {\"/a\": {\"get\": {},},},}";
    for text in [json, yaml, &lenient, &format!("\u{feff}{json}")] {
        assert_eq!(import(text.as_bytes(), &Options::default()).unwrap().operations[0].name, "getA", "{text}");
    }
    let utf16: Vec<u8> = json.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(import(&utf16, &Options::default()).unwrap().operations.len(), 1);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(json.as_bytes()).unwrap();
    assert_eq!(import(&packed.finish().unwrap(), &Options::default()).unwrap().operations.len(), 1);
    let latin = b"{\"openapi\":\"3.0.0\",\"info\":{\"title\":\"caf\xe9\"}}";
    let draft = import(latin, &Options::default()).unwrap();
    assert_eq!(draft.description.as_deref(), Some("café"));
    assert!(codes(&draft).contains(&"encoding"));
    let halves = r#"{"openapi":"3.0.0","info":{"title":"a\ud800b \ud83e\udd97 \\ud800 \u0000"},"paths":{}}"#;
    let draft = import(halves.as_bytes(), &Options::default()).unwrap();
    assert_eq!(draft.description.as_deref(), Some("a\u{fffd}b 🦗 \\ud800 "));
    assert!(codes(&draft).contains(&"encoding"));
}

#[test]
fn the_keys_of_a_path_do_not_take_the_square_of_their_number() {
    let mut item: serde_json::Map<String, serde_json::Value> =
        (0..200_000).map(|number| (format!("x-{number}"), json!(number))).collect();
    item.insert("get".to_owned(), json!({}));
    let began = std::time::Instant::now();
    assert_eq!(paths(json!({ "/a": item })).operations.len(), 1);
    // The square of their number takes minutes.
    assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn what_is_no_document_says_why_and_where() {
    assert_eq!(code("").0, "not_an_object");
    assert_eq!(code(" \n ").0, "not_an_object");
    assert_eq!(code("[]").1, "an OpenAPI document must be an object, but this is an array");
    assert_eq!(code("hello").0, "not_an_object");
    let (kind, message) = code("{\"openapi\": \"3.0.0\",\n  \"paths\": {");
    assert_eq!(kind, "invalid_syntax");
    assert!(message.contains("line 2 column 12"), "{message}");
    let (kind, message) = code("openapi: 3.0.0\npaths:\n\t/a: {}\n");
    assert_eq!(kind, "invalid_syntax");
    assert!(message.contains("line 3 column 1"), "{message}");
    assert_eq!(code("{}").0, "missing_version");
    let (kind, message) = code("swagger: '1.2'");
    assert_eq!(kind, "unsupported_version");
    assert!(message.contains("Swagger 2.0 and OpenAPI 3.0 to 3.2 are"), "{message}");
    assert_eq!(code("asyncapi: 3.0.0").0, "unsupported_version");
    assert_eq!(code("openapi: 30.0.0").0, "unsupported_version");
    assert_eq!(code("openapi: [3]").0, "invalid_version");
    assert_eq!(code("openapi: 3.0.0\npaths: 1").0, "invalid_paths");
}

#[test]
fn bombs_are_refused_early() {
    assert_eq!(code(&"[".repeat(100_000)).0, "too_deep");
    assert_eq!(code(&format!("a: {}", "[".repeat(5000))).0, "too_deep");
    assert_eq!(code(&format!("{}x", "- ".repeat(5000))).0, "too_deep");
    let level = |n: usize| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(", "));
    let bomb = format!("openapi: 3.0.0\na0: &a0 [x]\n{}", (1..12).map(level).collect::<String>());
    assert_eq!(code(&bomb).0, "alias_limit");
    // One large anchor, repeated: few aliases, much text.
    let wide = format!("openapi: 3.0.0\na: &a [{}]\nb: [{}]\n", "xxxxxxx, ".repeat(20_000), "*a, ".repeat(2_000));
    assert_eq!(code(&wide).0, "alias_limit");
    assert_eq!(code("openapi: 3.0.0\na: &a {b: *a}\n").0, "alias_cycle");
    assert_eq!(code("openapi: 3.0.0\na: !own x\n").0, "unknown_tag");
}

#[test]
fn sound_aliases_merge_keys_and_repeated_keys() {
    let text = "openapi: 3.0.0\nx: &get {summary: one, deprecated: true}\npaths:\n  /a:\n    get:\n      <<: *get\n      summary: own\n  /b: {get: {}}\n  /b: {post: {}}\n";
    let draft = import(text.as_bytes(), &Options::default()).unwrap();
    assert_eq!(draft.operations.len(), 2);
    assert_eq!((draft.operations[0].summary.as_deref(), draft.operations[0].deprecated), (Some("own"), true));
    let warning = draft.warnings.iter().find(|warning| warning.code == "duplicate_key").unwrap();
    assert_eq!(warning.pointer, "/paths/~1b");
    assert_eq!(draft.operations[1].method, "POST");
}

#[test]
fn the_last_of_repeated_keys_counts_however_long_their_map_is() {
    for length in [2, 11, 12, 13, 40] {
        let keys: Vec<String> = (0..length).map(|number| format!("k{number}")).collect();
        let json: String = keys.iter().map(|key| format!("\"{key}\":[{{\"b\":1,\"b\":2}}],")).collect();
        let json = format!("{{\"x\":{{{json}\"k1\":3,\"k0\":4}}}}");
        let yaml: String = keys.iter().map(|key| format!("  {key}:\n  - b: 1\n    b: 2\n")).collect();
        let yaml = format!("x:\n{yaml}  k1: 3\n  k0: 4\n");
        for text in [json, yaml] {
            let loaded = super::super::read::read(text.as_bytes()).unwrap();
            let map = loaded.value["x"].as_object().unwrap();
            assert!(map.keys().eq(&keys), "{text}");
            assert_eq!((&map["k0"], &map["k1"]), (&json!(4), &json!(3)));
            assert!(map.values().skip(2).all(|value| *value == json!([{ "b": 2 }])), "{text}");
            let inner = keys.iter().map(|key| format!("/x/{key}/0/b"));
            let outer = ["/x/k1", "/x/k0"].map(str::to_owned);
            let repeated: Vec<String> = inner.chain(outer).take(20).collect();
            assert_eq!(loaded.repeated[..repeated.len().min(loaded.repeated.len())], repeated[..], "{text}");
        }
    }
}

#[test]
fn nothing_to_import_is_said() {
    for (document, word) in [
        (json!({ "openapi": "3.1.0", "webhooks": { "a": { "post": {} } } }), "webhooks"),
        (json!({ "openapi": "3.0.0" }), "no `paths`"),
        (json!({ "openapi": "3.0.0", "paths": {} }), "no operations"),
    ] {
        let draft = imported(document);
        let warning = draft.warnings.iter().find(|warning| warning.code == "no_operations").unwrap();
        assert!(warning.message.contains(word), "{}", warning.message);
    }
}

#[test]
fn references_are_followed_inside_the_document_alone() {
    let draft = imported(json!({ "openapi": "3.2.0",
        "paths": {
            "/a": { "$ref": "#/components/pathItems/A~1", "summary": "x" },
            "/b": { "$ref": "#/paths/~1b" },
            "/c": { "$ref": "file:///etc/passwd" },
            "/d": { "query": {}, "additionalOperations": { "COPY": {} }, "get": { "parameters": [{ "$ref": "https://e.example/p" }, { "$ref": "#/components/parameters/One" }, { "$ref": "#/components/parameters/Missing" }] } },
        },
        "components": { "pathItems": { "A/": { "get": {} } },
            "parameters": { "One": { "$ref": "#/components/parameters/Two" }, "Two": { "name": "q", "in": "query" } } },
    }));
    let mut all: Vec<String> = draft.operations.iter().map(|one| format!("{} {}", one.method, one.path)).collect();
    all.sort();
    assert_eq!(all, ["COPY /d", "GET /a", "GET /d", "QUERY /d"]);
    let get = draft.operations.iter().find(|one| one.name == "getD").unwrap();
    assert_eq!(get.reasons.len(), 2, "{:?}", get.reasons);
    assert_eq!(get.reasons[0].pointer, "/paths/~1d/get/parameters/0");
    assert!(draft.config_schema.commands["getD"].params.contains_key("q"));
    assert!(codes(&draft).contains(&"circular_ref"));
    assert!(draft.warnings.iter().any(|warning| warning.message.contains("file:///etc/passwd")));
}

#[test]
fn an_operation_is_never_left_out() {
    let draft = paths(json!({ "/a": {
        "get": { "parameters": 1, "requestBody": [], "responses": "x", "security": {}, "servers": 7, "tags": 1, "summary": [], "operationId": {} },
        "put": { "parameters": [1, {}, { "name": "a", "in": "body" }], "requestBody": { "content": { "x": 1 } } },
        "post": { "requestBody": { "$ref": "#/nowhere" }, "responses": { "200": { "$ref": "#/nowhere" } } },
        "head": 1,
    } }));
    assert_eq!(draft.operations.len(), 3);
    assert!(codes(&draft).contains(&"parameter_in_body"));
}

#[test]
fn keys_that_the_reader_keeps_for_itself_are_refused_however_they_are_spelled() {
    for text in [
        "openapi: 3.0.0\ninfo:\n  \"$serde_json::private::Number\": \"1\"\n",
        "openapi: 3.0.0\ninfo:\n  \"\\x24serde_json::private::RawValue\": \"{}\"\n",
        "{openapi: 3.0.0, info: {\"\\u0024serde_json::private::RawValue\": x}}",
        r#"{"openapi":"3.0.0","info":{"\u0024serde_json::private::Number":"1"}}"#,
    ] {
        let error = import(text.as_bytes(), &Options::default()).unwrap_err();
        assert_eq!(error.code, "reserved_key", "{text}: {}", error.message);
    }
}
