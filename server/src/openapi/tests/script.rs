use serde_json::json;

use super::super::{cut_script, script_table};
use super::{imported, paths};

#[test]
fn one_commands_part_is_the_same_code_with_its_line_alone() {
    let draft = paths(json!({ "/a": { "get": {}, "put": {} }, "/ab": { "get": {} } }));
    let whole = &draft.script_source;
    let part = cut_script(whole, "getA");
    assert!(part.contains("function getA() {\n  return api.call(operations.getA);\n}"));
    assert!(!part.contains("getAb") && !part.contains("putA"));
    let table = script_table(&part).unwrap();
    assert_eq!(table.keys().collect::<Vec<_>>(), ["getA"]);
    assert_eq!(table["getA"], script_table(whole).unwrap()["getA"]);
    // Cutting again changes nothing, and an unknown name leaves everything.
    assert_eq!(cut_script(&part, "getA"), part);
    assert_eq!(cut_script(whole, "none"), *whole);
    assert_eq!(cut_script("function getA() {}", "getA"), "function getA() {}");
}

#[test]
fn a_changed_function_goes_along() {
    let draft = paths(json!({ "/a": { "get": {}, "put": {} } }));
    let own = "function getA() {\n  var n = 1;\n\n  return { success: n === 1 };\n}";
    let changed = draft.script_source.replace("function getA() {\n  return api.call(operations.getA);\n}", own);
    assert!(cut_script(&changed, "getA").contains(own));
    assert!(!cut_script(&changed, "putA").contains(own));
}

#[test]
fn no_text_of_the_document_becomes_code() {
    let evil = "</script><!-- \u{2028}\u{2029} ${x} `*/ \"});floh.http.get('https://evil.example.com');//";
    let draft = imported(json!({ "openapi": "3.0.0", "info": { "title": evil, "version": evil, "description": evil },
        "servers": [{ "url": format!("https://x/{{{evil}}}") }],
        "components": { "securitySchemes": { evil: { "type": "apiKey", "in": "query", "name": evil }, "__proto__": { "type": "apiKey", "in": "query", "name": "__proto__" } } },
        "security": [{ evil: ["__proto__"] }],
        "paths": { format!("/{{{evil}}}\n//# x"): { "post": { "operationId": evil, "summary": evil, "description": evil, "tags": [evil],
            "parameters": [{ "name": evil, "in": "query" }],
            "requestBody": { "content": { "application/json": { "schema": { "type": "object", "properties": { evil: {}, "__proto__": {} } } } } } } } } }));
    let source = &draft.script_source;
    assert!(!source.contains(['\u{2028}', '\u{2029}']) && !source.contains("</") && !source.contains("<!--"));
    let name = &draft.operations[0].name;
    let table = script_table(source).unwrap();
    assert_eq!(table.len(), 1);
    assert_eq!(table[name].params.last().unwrap().name, evil);
    // The text appears in one line of the table and in the schemes, nowhere else.
    let lines = source.lines().filter(|line| line.contains("evil.example.com"));
    assert!(lines.into_iter().all(|line| line.starts_with(&format!("  \"{name}\": {{")) || line.starts_with("var s")));
    assert_eq!(cut_script(source, name), *source);
}

#[test]
fn the_same_document_gives_the_same_source() {
    let document = json!({ "openapi": "3.0.0", "paths": { "/b": { "get": {} }, "/a": { "get": {} } } });
    assert_eq!(imported(document.clone()).script_source, imported(document).script_source);
}
