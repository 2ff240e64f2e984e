use std::io::Write;

use flate2::Crc;
use flate2::write::DeflateEncoder;
use floh_client::answers::{ConnectorDraft, Verdict};
use serde_json::{Value, json};

use super::space::normal;
use super::{MAX_FILES, Space, is_archive};
use crate::openapi::{ImportError, Options, import, import_value, script_table};

const LINK: u32 = 0o120_777;

/// A zip archive, as its parts are given.
#[derive(Default)]
struct Zip {
    files: Vec<u8>,
    directory: Vec<u8>,
    count: u16,
}

impl Zip {
    fn of(files: &[(&str, &str)]) -> Vec<u8> {
        files.iter().fold(Self::default(), |zip, (name, text)| zip.file(name, text.as_bytes(), None, 0)).end()
    }

    /// Adds a file that says to have `told` bytes.
    fn file(mut self, name: &str, bytes: &[u8], told: Option<u32>, mode: u32) -> Self {
        let mut packed = DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        packed.write_all(bytes).unwrap();
        let packed = packed.finish().unwrap();
        let mut crc = Crc::new();
        crc.update(bytes);
        let offset = u32::try_from(self.files.len()).unwrap();
        let length = told.unwrap_or_else(|| u32::try_from(bytes.len()).unwrap());
        let mut middle = [20_u16, 0, 8, 0, 0].map(u16::to_le_bytes).concat();
        middle.extend(crc.sum().to_le_bytes());
        middle.extend(u32::try_from(packed.len()).unwrap().to_le_bytes());
        middle.extend(length.to_le_bytes());
        middle.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        middle.extend([0, 0]);
        self.files.extend(b"PK\x03\x04".iter().chain(&middle).chain(name.as_bytes()).chain(&packed));
        self.directory.extend(b"PK\x01\x02\x14\x03".iter().chain(&middle));
        self.directory.extend([0; 6]);
        self.directory.extend((mode << 16).to_le_bytes());
        self.directory.extend(offset.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.count += 1;
        self
    }

    fn end(self) -> Vec<u8> {
        let mut all = self.files;
        let at = u32::try_from(all.len()).unwrap();
        all.extend(&self.directory);
        all.extend(b"PK\x05\x06\0\0\0\0");
        all.extend([self.count, self.count].map(u16::to_le_bytes).concat());
        all.extend(u32::try_from(self.directory.len()).unwrap().to_le_bytes());
        all.extend(at.to_le_bytes());
        all.extend([0, 0]);
        all
    }
}

#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
fn several(files: Value) -> Result<ConnectorDraft, ImportError> {
    import_value(&json!({ "files": files }), &Options::default())
}

fn code(files: Value) -> (&'static str, String) {
    let error = several(files).unwrap_err();
    (error.code, error.pointer.unwrap_or_default())
}

const ROOT: &str = "
openapi: 3.1.0
info: { title: Several, version: 1.0.0 }
paths:
  $ref: paths/_index.yaml
components:
  schemas:
    $ref: 'schemas/_index.yaml'
  securitySchemes: { key: { $ref: 'common.yaml#/key' } }
";

fn parts() -> [(&'static str, &'static str); 6] {
    [
        ("api/openapi.yaml", ROOT),
        ("api/paths/_index.yaml", "/pets: { $ref: pets.yaml }\n/zoo: { get: { $ref: 'pets.yaml#/post' } }\n"),
        (
            "api/paths/pets.yaml",
            "parameters: [{ $ref: '../common.yaml#/params/Limit' }]\npost:\n  operationId: addPet\n  requestBody: { content: { application/json: { schema: { $ref: '../openapi.yaml#/components/schemas/Pet' } } } }\n",
        ),
        ("api/schemas/_index.yaml", "Pet: { $ref: './Pet.yaml' }\n"),
        (
            "api/schemas/Pet.yaml",
            "type: object\nrequired: [name]\nproperties:\n  name: { type: string }\n  kind: { $ref: '#/$defs/Kind' }\n  mother: { $ref: _index.yaml#/Pet }\n  default: { $ref: '../common.yaml#/params/Limit/schema' }\n$defs: { Kind: { enum: [cat, dog] } }\nexample: { $ref: nowhere.yaml }\n",
        ),
        (
            "api/common.yaml",
            "params: { Limit: { name: limit, in: query, schema: { type: integer } } }\nkey: { type: apiKey, in: header, name: X-Key }\n",
        ),
    ]
}

fn sound(draft: &ConnectorDraft) {
    assert_eq!(draft.operations.len(), 2);
    for operation in &draft.operations {
        assert_eq!(operation.verdict, Verdict::Exact, "{:?}", operation.reasons);
    }
    let params: Vec<&String> = draft.config_schema.commands["addPet"].params.keys().collect();
    assert_eq!(params, ["limit", "name", "kind", "mother", "default"]);
    assert_eq!(draft.config_schema.commands["addPet"].params["kind"].options.len(), 2);
    assert!(draft.config_schema.connection.contains_key("key"));
    assert!(!draft.warnings.iter().any(|warning| warning.code == "file_not_read"), "{:?}", draft.warnings);
}

#[test]
fn files_of_a_map_and_of_an_archive_are_one_document() {
    let map: serde_json::Map<String, Value> =
        parts().map(|(name, text)| (name.to_owned(), json!(text))).into_iter().collect();
    let of_map = several(Value::Object(map.clone())).unwrap();
    sound(&of_map);
    let zip = Zip::of(&parts());
    assert!(is_archive(&zip));
    assert_eq!(import(&zip, &Options::default()).unwrap(), of_map);
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(&zip);
    assert_eq!(import_value(&json!({ "zip": text }), &Options::default()).unwrap(), of_map);
    assert_eq!(import_value(&json!(text), &Options::default()).unwrap(), of_map);
    let named = json!({ "files": map, "root": "./api/openapi.yaml" });
    assert_eq!(import_value(&named, &Options::default()).unwrap(), of_map);
}

#[test]
fn swagger_files_move_into_their_sections() {
    let draft = several(json!({
        "spec/main.json": { "swagger": "2.0", "info": { "title": "Old", "version": "1" }, "host": "a.example", "schemes": ["https"],
            "paths": { "/a": { "post": { "operationId": "a", "parameters": [
                { "$ref": "../common/types.json#/parameters/Version" }, { "$ref": "../common/types.json#/parameters/Body" }],
                "responses": { "200": { "$ref": "../common/types.json#/responses/Ok" } } } },
                "/b": { "$ref": "b.json" } } },
        "spec/b.json": { "get": { "operationId": "b", "parameters": [{ "$ref": "../common/types.json#/parameters/Version" }],
            "responses": { "200": { "description": "", "schema": { "$ref": "#/own" } } } }, "own": { "type": "object", "properties": { "x": { "type": "string" } } } },
        "common/types.json": {
            "parameters": { "Version": { "name": "api-version", "in": "query", "type": "string", "required": true },
                "Body": { "name": "body", "in": "body", "schema": { "$ref": "#/definitions/Thing" } } },
            "responses": { "Ok": { "description": "", "schema": { "$ref": "#/definitions/Thing" } } },
            "definitions": { "Thing": { "type": "object", "properties": { "next": { "$ref": "#/definitions/Thing" }, "n": { "type": "integer" } } } } },
    }))
    .unwrap();
    for operation in &draft.operations {
        assert_eq!(operation.verdict, Verdict::Exact, "{:?}", operation.reasons);
    }
    let params = |name: &str| draft.config_schema.commands[name].params.keys().cloned().collect::<Vec<_>>();
    assert_eq!(params("a"), ["apiVersion", "next", "n"]);
    assert_eq!(params("b"), ["apiVersion"]);
    assert_eq!(draft.config_schema.commands["b"].outputs, ["x"]);
}

#[test]
fn what_lies_outside_or_is_lacking_makes_its_operations_degraded() {
    let draft = several(json!({ "a/openapi.json": { "openapi": "3.0.0", "paths": {
        "/a": { "get": { "$ref": "get.yaml" }, "put": { "$ref": "../../etc/passwd" } },
        "/b": { "$ref": "b.yaml", "get": { "operationId": "b" } },
        "/c": { "post": { "operationId": "c", "requestBody": { "content": { "application/json": { "schema": { "$ref": "https://a.example/x.json" } } } } } },
        "/d": { "post": { "operationId": "d", "parameters": [{ "$ref": "/etc/passwd" }] } },
    } } }))
    .unwrap();
    assert_eq!(draft.operations.len(), 5);
    for operation in &draft.operations {
        assert_eq!(operation.verdict, Verdict::Degraded, "{}", operation.name);
        assert!(operation.reasons[0].message.contains("its file was not given"), "{:?}", operation.reasons);
    }
    let told: Vec<&str> =
        draft.warnings.iter().filter(|one| one.code == "file_not_read").map(|one| one.message.as_str()).collect();
    assert_eq!(told.len(), 5, "{told:?}");
    assert!(told.iter().any(|told| told.contains("../../etc/passwd") && told.contains("outside")), "{told:?}");
    // A single document has no files at all.
    let alone = json!({ "openapi": "3.0.0", "paths": { "/a": { "get": { "$ref": "get.yaml" } } } });
    assert_eq!(import_value(&alone, &Options::default()).unwrap().operations[0].verdict, Verdict::Degraded);
}

#[test]
fn files_that_no_document_needs_are_refused() {
    assert_eq!(code(json!({ "../a.yaml": "openapi: 3.0.0" })), ("unsafe_path", "/files/..~1a.yaml".to_owned()));
    assert_eq!(code(json!({ "/a.yaml": "openapi: 3.0.0" })).0, "unsafe_path");
    assert_eq!(code(json!({ "a\\b.yaml": "openapi: 3.0.0" })).0, "unsafe_path");
    assert_eq!(
        code(json!({ "a.yaml": "openapi: 3.0.0", "./a.yaml": "" })),
        ("duplicate_file", "/files/.~1a.yaml".to_owned())
    );
    assert_eq!(code(json!({ "a.yaml": 1 })), ("invalid_file", "/files/a.yaml".to_owned()));
    assert_eq!(code(json!({ "a.zip": "PK\u{3}\u{4}" })).0, "nested_archive");
    assert_eq!(code(json!({ "a.yaml": "x: 1", "b.md": "openapi" })), ("no_root", "/files".to_owned()));
    let error = several(json!({ "a.yaml": "openapi: 3.0.0", "b.json": "{\"swagger\":\"2.0\"}" })).unwrap_err();
    assert_eq!(error.code, "ambiguous_root");
    assert!(error.message.contains("a.yaml, b.json"), "{}", error.message);
    let chosen = json!({ "files": { "a.yaml": "openapi: 3.0.0" }, "root": "c.yaml" });
    assert_eq!(import_value(&chosen, &Options::default()).unwrap_err().code, "invalid_root");
    let many: serde_json::Map<String, Value> = (0..=MAX_FILES).map(|n| (format!("{n}.yaml"), json!(""))).collect();
    assert_eq!(code(Value::Object(many)), ("too_many", "/files".to_owned()));
}

#[test]
fn bombs_and_tricks_of_archives_are_refused() {
    let code = |zip: Vec<u8>| {
        let error = import(&zip, &Options::default()).unwrap_err();
        (error.code, error.pointer.unwrap_or_default())
    };
    let root = ("a.yaml", "openapi: 3.0.0");
    let with = |name: &str, bytes: &[u8], told, mode| {
        Zip::default().file(root.0, root.1.as_bytes(), None, 0).file(name, bytes, told, mode).end()
    };
    // It unpacks to more than it says, and says more than may be.
    assert_eq!(code(with("b.yaml", &[b' '; 1 << 20], Some(10), 0)), ("archive_broken", "/files/b.yaml".to_owned()));
    assert_eq!(code(with("b.yaml", b"x", Some(u32::MAX), 0)), ("too_large", "/files/b.yaml".to_owned()));
    assert_eq!(code(with("../b.yaml", b"x", None, 0)), ("unsafe_path", "/files/..~1b.yaml".to_owned()));
    assert_eq!(code(with("b.yaml", b"a.yaml", None, LINK)).0, "unsafe_path");
    assert_eq!(code(with("./a.yaml", b"x", None, 0)).0, "duplicate_file");
    assert_eq!(code(with("b.zip", &Zip::of(&[root]), None, 0)).0, "nested_archive");
    assert_eq!(code(with("b.yaml.gz", &[0x1f, 0x8b, 8], None, 0)).0, "nested_archive");
    let sound = Zip::of(&[root]);
    assert_eq!(import(&sound, &Options::default()).unwrap().operations.len(), 0);
    for end in 0..sound.len() {
        if is_archive(&sound[..end]) {
            assert_eq!(code(sound[..end].to_vec()).0, "archive_broken", "{end}");
        }
    }
    let error = import_value(&json!({ "zip": "no base64!" }), &Options::default()).unwrap_err();
    assert_eq!((error.code, error.pointer.as_deref()), ("archive_broken", Some("/zip")));
}

#[test]
fn files_that_repeat_each_other_stay_bounded() {
    // Each file refers to the next one twice, in a definition of its own.
    let mut files = serde_json::Map::new();
    files.insert(
        "a.json".to_owned(),
        json!({ "swagger": "2.0", "paths": {}, "definitions": { "A": { "$ref": "0.json" } } }),
    );
    let wide: Vec<Value> = (0..30).map(|n| json!({ "$ref": format!("#/all/{n}") })).collect();
    for n in 0..20 {
        let all: Vec<Value> =
            (0..30).map(|_| json!({ "allOf": wide, "not": { "$ref": format!("{}.json#/all", n + 1) } })).collect();
        files.insert(format!("{n}.json"), json!({ "all": all }));
    }
    drop(several(Value::Object(files)));
    // Steps that are references themselves are not followed without an end.
    let step = json!({ "$ref": "#/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x" });
    let draft = import_value(&json!({ "openapi": "3.0.0", "x": step, "paths": { "/a": { "get": { "parameters": [{ "$ref": "#/x/x/x/x" }] } } } }), &Options::default()).unwrap();
    assert_eq!(draft.operations[0].verdict, Verdict::Degraded);
    assert!(script_table(&draft.script_source).is_some());
}

#[test]
fn paths_are_normal_or_refused() {
    for (folder, path, found) in [
        ("a/b", "../c.yaml", Some("a/c.yaml")),
        ("", "./x//y.yaml", Some("x/y.yaml")),
        ("a", "../../c", None),
        ("", "", None),
        ("a", "/c", None),
        ("a", "c\0", None),
        ("a", "C:/c", None),
    ] {
        assert_eq!(normal(folder, path).ok().as_deref(), found, "{path}");
    }
    let web =
        |reference: &str| Space::Web.target("https://a.example/x/openapi.json", reference).map(|target| target.file);
    assert_eq!(web("../y.json#/a").unwrap(), "https://a.example/y.json");
    assert_eq!(web("#/a").unwrap(), "https://a.example/x/openapi.json");
    for other in [
        "http://a.example/y",
        "//b.example/y",
        "https://a.example:444/y",
        "file:///etc/passwd",
        "https://u@a.example/y",
    ] {
        web(other).unwrap_err();
    }
    Space::Folder.target("openapi.json", "%2e%2e/secret").unwrap_err();
    Space::Folder.target("openapi.json", "file:///etc/passwd").unwrap_err();
}
