use serde_json::json;

use super::super::{Imported, changed_by_hand, cut_script, script_table};
use super::{imported, paths};

#[test]
fn one_commands_part_is_the_same_code_with_its_line_alone() {
    let draft = paths(json!({ "/a": { "get": {}, "put": {} }, "/ab": { "get": {} } }));
    let whole = &draft.script_source;
    let part = cut_script(whole, "getA");
    assert!(part.contains("function getA() {\n  return floh.operation(\"getA\");\n}"));
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
    let changed = draft.script_source.replace("function getA() {\n  return floh.operation(\"getA\");\n}", own);
    assert!(cut_script(&changed, "getA").contains(own));
    assert!(!cut_script(&changed, "putA").contains(own));
    assert_eq!(changed_by_hand(&changed), ["getA"]);
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
    // The text appears in comments, in one line of the table and in the schemes, nowhere else.
    let lines = source.lines().filter(|line| line.contains("evil.example.com"));
    let entry = format!("  \"{name}\": {{");
    assert!(
        lines.into_iter().all(|line| line.starts_with(&entry) || line.starts_with("var s") || line.starts_with("// "))
    );
    assert!(Imported::read(source).unwrap().unwrap().untouched.contains(name));
    assert_eq!(cut_script(source, name), *source);
}

#[test]
fn a_function_is_untouched_until_what_it_does_may_be_something_else() {
    let draft = paths(json!({ "/a": { "get": {}, "put": {} } }));
    let whole = &draft.script_source;
    let untouched = |source: &str| {
        let mut names: Vec<String> = Imported::read(source).unwrap().unwrap().untouched.into_iter().collect();
        names.sort_unstable();
        names
    };
    assert_eq!(untouched(whole), ["getA", "putA"]);
    let both = |from: &str, to: &str| untouched(&whole.replacen(from, to, 1));
    // A comment is only read.
    assert_eq!(both("// GET /a", "// Mine: GET /a"), ["getA", "putA"]);
    assert_eq!(both("return floh.operation(\"getA\");", "return { success: true };"), ["putA"]);
    assert_eq!(both("\"method\":\"PUT\"", "\"method\":\"POST\""), ["getA", "putA"]);
    for (from, to) in [("// A connector", "var x = 1;\n// A connector"), ("var schemes", "var x = 1;\nvar schemes")] {
        assert_eq!(both(from, to), Vec::<String>::new(), "{from}");
    }
    assert_eq!(untouched(&format!("{whole}function getA() {{}}\n")), Vec::<String>::new());
    let broken = Imported::read(&whole.replace("\"method\":\"PUT\"", "method: PUT")).unwrap().unwrap_err();
    assert!(broken.contains("`operations`") && broken.contains("import the document again"), "{broken}");
    assert!(Imported::read("function getA() {}").is_none());
}

#[test]
fn a_comment_says_what_is_sent() {
    let draft = imported(json!({ "openapi": "3.1.0",
        "components": { "securitySchemes": { "key": { "type": "apiKey", "in": "header", "name": "X-Key" }, "login": { "type": "http", "scheme": "basic" } } },
        "security": [{ "key": [] }, { "login": [] }],
        "paths": { "/pets/{id}": { "post": { "operationId": "savePet",
            "parameters": [{ "name": "id", "in": "path", "required": true, "schema": {} }, { "name": "dry-run", "in": "query", "schema": {} }],
            "requestBody": { "content": { "application/json": { "schema": { "type": "object", "properties": { "id": {}, "name": {} } } } } } } } } }));
    let comment = "\
//# savePet
// POST /pets/{id}
//   path      id
//   query     dry-run from dryRun
//   body      application/json, id from bodyId, name
//   login     key in the header X-Key or username and password
function savePet() {
  return floh.operation(\"savePet\");
}
";
    assert!(draft.script_source.contains(comment), "{}", draft.script_source);
}

#[test]
fn the_same_document_gives_the_same_source() {
    let document = json!({ "openapi": "3.0.0", "paths": { "/b": { "get": {} }, "/a": { "get": {} } } });
    assert_eq!(imported(document.clone()).script_source, imported(document).script_source);
}
