//! What is refused when a script is saved: commands that only the engine has, and top levels without an end.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use test_support::{Answer, Client, Floh};

/// How long a source may take to be judged: its top level has 2 s, and this machine may be busy.
const MOST: Duration = Duration::from_secs(20);

/// Functions and objects that every script finds without having made them.
const GLOBALS: &[&str] = &[
    "toString",
    "Array",
    "constructor",
    "eval",
    "floh",
    "console",
    "__proto__",
    "hasOwnProperty",
    "valueOf",
    "Function",
    "Object",
    "Proxy",
    "globalThis",
    "isPrototypeOf",
    "__defineGetter__",
    "parseInt",
    "undefined",
    "delete",
    "class",
];

fn connector(name: &str, commands: &[&str], source: &str) -> Value {
    let commands: Map<String, Value> = commands.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
    json!({
        "name": name, "type": name, "executionModel": "script", "version": "1.0.0",
        "configSchema": { "commands": commands }, "scriptSource": source,
    })
}

async fn make(client: &Client, name: &str, commands: &[&str], source: &str) -> Answer {
    let began = Instant::now();
    let answer = client.post("/api/connectors", &connector(name, commands, source)).await;
    assert!(began.elapsed() < MOST, "{source:.100} took {:?}", began.elapsed());
    answer
}

async fn run(client: &Client, name: &str, body: Value) -> Value {
    client.post(&format!("/api/connectors/{name}/execute"), &body).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_engine_has_is_no_command() {
    let floh = Floh::start([]).await;
    let client = floh.admin();
    for global in GLOBALS {
        for source in
            ["function main() {}".to_owned(), format!("function main() {{}} this['{global}'] = this['{global}'];")]
        {
            let refused = make(&client, "bare", &["main", global], &source).await;
            let problem = refused.problem(422);
            assert_eq!(problem["errors"][0]["pointer"], "/scriptSource", "{global}: {problem}");
            assert_eq!(problem["errors"].as_array().unwrap().len(), 1, "{global}: {problem}");
        }
    }
    // A function of the script's own is a command, whatever else has its name.
    let own = "function toString() { return { success: true, payload: 'own' }; } var valueOf = () => ({ success: true, payload: 2 });";
    make(&client, "own", &["toString", "valueOf"], own).await.expect(201);
    assert_eq!(run(&client, "own", json!({ "command": "toString" })).await["payload"], "own");
    assert_eq!(run(&client, "own", json!({ "command": "valueOf" })).await["payload"], 2);
    // Neither a new command of the type nor a mock script brings one.
    let schema = json!({ "commands": { "toString": {}, "valueOf": {}, "eval": {} } });
    let change = json!({ "configSchema": schema, "version": "1.1.0" });
    let refused = client.put("/api/connector-types/own", &change).await.problem(422);
    assert!(refused.to_string().contains("eval"), "{refused}");
    let mock = json!({ "mock": { "enabled": true, "script": "var x = 1;" } });
    client.put("/api/connectors/own", &mock).await.expect(200);
    let mocked = run(&client, "own", json!({ "command": "toString" })).await;
    assert!(mocked["error"].as_str().unwrap().starts_with("No mock scenario default"), "{mocked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_top_level_that_never_ends_or_eats_everything_is_refused_in_time() {
    let floh = Floh::start([]).await;
    let client = floh.admin();
    make(&client, "host", &["main"], "function main() {}").await.expect(201);
    let bad = [
        ("for (;;) {}", "come to an end"),
        ("'x'.padStart(2 ** 29).split('').join().indexOf('y');", "memory"),
        ("var a = []; for (;;) a.push([a]);", "memory"),
        ("(function f() { f(); })();", "stack"),
        ("JSON.parse('['.repeat(1e6));", ""),
        ("/(a+)+b/.test('a'.repeat(64));", "come to an end"),
        ("function main() {} \0", "NUL"),
    ];
    for (source, said) in bad {
        let problem = make(&client, "bad", &["main"], source).await.problem(422);
        let errors = problem["errors"].to_string();
        assert!(errors.contains("/scriptSource") && errors.contains(said), "{source}: {problem}");
        let began = Instant::now();
        let mock = json!({ "mock": { "script": source } });
        let problem = client.put("/api/connectors/host", &mock).await.problem(422);
        let errors = problem["errors"].to_string();
        assert!(errors.contains("/mock/script") && errors.contains(said), "{source}: {problem}");
        assert!(began.elapsed() < MOST, "{source} took {:?}", began.elapsed());
    }
    // How lines end, and a mark of the encoding, are no mistakes.
    let source =
        "\u{feff}// A script.\r\nfunction main() {\r\n  return { success: true, payload: 'a\\\r\nb' };\r\n}\r\n";
    make(&client, "windows", &["main"], source).await.expect(201);
    assert_eq!(run(&client, "windows", json!({ "command": "main" })).await["payload"], "ab");
    let stored = client.get("/api/connector-types/windows").await.expect(200);
    assert_eq!(stored["scriptSource"], source);
}
