//! Script connectors through the real binary: the guide's script against a real service, the sample, and what a
//! script that loops, throws a secret or loses its worker leaves behind.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::collections::BTreeSet;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use test_support::run;
use test_support::{Client, Floh, Gate, Reply, Setup, Upstream, eventually};

const SECRET: &str = "canary/script+\"k&ey\" 3Zt";

/// A script as most are: it lists, makes and checks.
const CRM: &str = include_str!("../../server/tests/script/crm.js");

fn crm(upstream: &Upstream, source: &str, key: &str) -> Value {
    json!({
        "name": "my-crm", "type": "my-crm", "description": "Contacts.", "version": "1.0.0",
        "executionModel": "script", "category": "crm", "tags": ["sales", "contacts"],
        "configSchema": {
            "connectionConfig": {
                "baseUrl": { "type": "string", "required": true, "description": "Where the CRM answers" },
                "apiKey": { "type": "string", "required": true, "secret": true, "description": "Key of the CRM" },
            },
            "commands": {
                "listContacts": {
                    "params": ["limit", "offset"], "description": "Lists contacts", "outputs": ["contacts", "total"],
                    "paramSchema": { "limit": { "type": "number", "default": 50 }, "offset": { "type": "number", "default": 0 } },
                },
                "createContact": { "params": ["email", "firstName", "lastName"], "description": "Makes a contact", "outputs": ["contactId"] },
                "test": { "params": [], "description": "Checks the connection", "outputs": [] },
            },
        },
        "scriptSource": source,
        "config": { "baseUrl": upstream.url(""), "apiKey": key },
    })
}

/// Makes a connector of a script without a connection but for a secret; every function is a command.
async fn script(client: &Client, name: &str, commands: &[&str], source: &str) {
    let commands: serde_json::Map<String, Value> =
        commands.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
    let fields = json!({ "apiKey": { "type": "string", "secret": true }, "url": { "type": "string" } });
    let body = json!({
        "name": name, "type": name, "executionModel": "script", "version": "1.0.0", "logLevel": "trace",
        "configSchema": { "connectionConfig": fields, "commands": commands }, "scriptSource": source,
        "config": { "apiKey": SECRET },
    });
    client.post("/api/connectors", &body).await.expect(201);
}

async fn call(client: &Client, name: &str, body: Value) -> Value {
    client.post(&format!("/api/connectors/{name}/execute"), &body).await.expect(200)
}

/// Starts a server whose connector runs a script of the CRM, and tries each of its commands.
async fn started(source: &str) -> (Floh, Upstream) {
    let upstream = Upstream::start(|request| {
        if request.header("authorization") != Some("Bearer sk-1") {
            return Reply::json(401, &json!({}));
        }
        match (request.method.as_str(), request.target.as_str()) {
            ("GET", "/api/contacts?limit=2&offset=0") => {
                Reply::json(200, &json!({ "data": [{ "id": 1 }], "total": 12 }))
            }
            ("POST", "/api/contacts") => Reply::json(201, &json!({ "id": "c-1" })),
            ("GET", "/api/health") => Reply::text(204, ""),
            _ => Reply::json(404, &json!({})),
        }
    })
    .await;
    let floh = Floh::start([&upstream]).await;
    let client = floh.admin();
    let made = client.post("/api/connectors", &crm(&upstream, source, "sk-1")).await.expect(201);
    assert_eq!((&made["ready"], &made["secrets"]["apiKey"]["set"]), (&json!(true), &json!(true)));
    let list = call(&client, "my-crm", json!({ "command": "listContacts", "params": { "limit": 2 } })).await;
    let wanted = json!({ "success": true, "payload": { "contacts": [{ "id": 1 }], "total": 12 }, "variables": { "contactCount": 12 } });
    assert_eq!(list, wanted);
    let contact = json!({ "email": "a@example.com", "firstName": "A", "lastName": "B" });
    let created = call(&client, "my-crm", json!({ "command": "createContact", "params": contact })).await;
    assert_eq!(created, json!({ "success": true, "payload": { "contactId": "c-1" } }));
    let sent = upstream.arrival("/api/contacts").await;
    assert_eq!(sent.header("authorization"), Some("Bearer sk-1"));
    let posted = upstream.received().into_iter().find(|request| request.method == "POST").unwrap();
    assert_eq!(posted.header("content-type"), Some("application/json"));
    let body: Value = serde_json::from_str(&posted.body).unwrap();
    assert_eq!(body, json!({ "email": "a@example.com", "first_name": "A", "last_name": "B" }));
    assert_eq!(client.post("/api/connectors/my-crm/test", &json!({})).await.expect(200), json!({ "success": true }));
    client.put("/api/connectors/my-crm", &json!({ "config": { "apiKey": "wrong" } })).await.expect(200);
    let refused = call(&client, "my-crm", json!({ "command": "listContacts" })).await;
    assert_eq!(refused, json!({ "success": false, "error": "API returned 401" }));
    (floh, upstream)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_is_made_called_and_changed() {
    let (floh, _upstream) = started(CRM).await;
    let client = floh.admin();
    // What does not compile is told with its place, and what was there stays.
    let broken =
        client.put("/api/connector-types/my-crm", &json!({ "scriptSource": format!("{CRM}\nfunction (") })).await;
    let message = broken.problem(422)["errors"][0]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with(&format!("line {}, column ", CRM.lines().count() + 2)), "{message}");
    let longer = format!("{CRM}\n//{}", "x".repeat(256 << 10));
    let long = client.put("/api/connector-types/my-crm", &json!({ "scriptSource": longer })).await;
    assert_eq!(long.problem(422)["errors"][0]["pointer"], "/scriptSource");
    let changed = CRM.replace(".status < 400 }", ".status < 400, payload: \"changed\" }");
    let put = client.put("/api/connector-types/my-crm", &json!({ "scriptSource": changed })).await.expect(200);
    assert_eq!(put["version"], "1.0.1");
    let tested = client.post("/api/connectors/my-crm/test", &json!({})).await.expect(200);
    assert_eq!(tested, json!({ "success": false, "payload": "changed" }), "the change counts from the next call on");
}

/// The script that the guide prints, where the tests are compiled with `FLOH_GUIDE` naming its text.
#[tokio::test(flavor = "multi_thread")]
async fn the_guides_script_works_as_printed() {
    let Some(path) = option_env!("FLOH_GUIDE") else {
        println!("skipped: the guide's script, as FLOH_GUIDE named no text when this was compiled");
        return;
    };
    let guide = std::fs::read_to_string(path).unwrap();
    let script = guide.split_once("\nStep 2: Write the script\n").and_then(|(_, rest)| rest.split_once("\nStep 3:"));
    drop(started(script.unwrap().0).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_shows_what_the_guide_lists() {
    let floh = Floh::start([]).await;
    let client = floh.admin();
    let run = async |command: &str, params: Value| {
        let body = json!({ "command": command, "params": params, "variables": { "initiated_by": "u-1" } });
        call(&client, "sample-script", body).await
    };
    let tested = client.post("/api/connectors/sample-script/test", &json!({})).await.expect(200);
    assert_eq!(tested["payload"], json!({ "version": "1.0.0", "employees": 5, "greeting": "hello" }));
    let found = run("lookupEmployee", json!({ "email": "ADA@example.com" })).await;
    assert_eq!(
        (&found["payload"]["employee"]["id"], &found["variables"]["employeeId"]),
        (&json!("e-1001"), &json!("e-1001"))
    );
    let none = run("lookupEmployee", json!({ "id": "e-0" })).await;
    assert_eq!((&none["error"], &none["diagnostics"]["known"]), (&json!("Employee not found"), &json!(5)));
    assert_eq!(run("lookupEmployee", json!({})).await["error"], "Give an id or an email");
    let list = run("listEmployees", json!({ "department": "research", "limit": 1 })).await;
    assert_eq!((list["payload"]["employees"].as_array().unwrap().len(), &list["payload"]["total"]), (1, &json!(2)));
    assert_eq!(run("listEmployees", json!({ "limit": 0 })).await["success"], false, "the schema is checked before");
    let mistaken = run("createEmployee", json!({ "email": "no" })).await;
    assert_eq!(mistaken["diagnostics"]["mistakes"].as_array().unwrap().len(), 3);
    let created = run("createEmployee", json!({ "email": "x@example.com", "firstName": "X", "lastName": "Y" })).await;
    assert_eq!(created["payload"]["employee"]["requestedBy"], "u-1");
    let echo = run("echo", json!({ "message": [1], "other": true })).await;
    assert_eq!(echo["payload"]["params"], json!({ "command": "echo", "message": [1], "other": true }));
    assert_eq!(echo["payload"]["variables"], json!({ "initiated_by": "u-1" }));
    let rows = client.get("/api/executions?connector=sample-script&command=listEmployees").await.expect(200);
    let ids: Vec<&str> = rows["items"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    let row = client.get(&format!("/api/executions/{}", ids[1])).await.expect(200);
    assert_eq!(row["logs"][0]["message"], "listing 2 employees");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_without_end_ends_and_the_server_goes_on() {
    let floh = Floh::start([]).await;
    let client = floh.admin();
    script(
        &client,
        "looping",
        &["loop", "fine"],
        "function loop() { for (;;) {} } function fine() { return { success: true, payload: 7 }; }",
    )
    .await;
    let began = Instant::now();
    let answer = call(&client, "looping", json!({ "command": "loop", "timeoutMs": 300 })).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(
        (&answer["error"], &answer["diagnostics"]["class"]),
        (&json!("Timed out after 300 ms"), &json!("timeout"))
    );
    assert_eq!(call(&client, "looping", json!({ "command": "fine" })).await["payload"], 7);
    let metrics = client.get("/metrics").await.to_string();
    assert!(metrics.contains("floh_script_failures_total{class=\"timeout\"} 1"), "{metrics}");
    assert!(metrics.contains("floh_script_workers{state=\"waiting\"}"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_a_script_leaves() {
    let upstream = Upstream::fixed(json!({})).await;
    let setup = Setup::default().allow(upstream.address()).env("FLOH_LOG", "trace");
    let mut floh = setup.start().await;
    let client = floh.admin();
    let source = "
        function logs() { floh.log.error(floh.config.apiKey, floh.config); console.log(JSON.stringify(floh.config)); }
        function throws() { throw new Error('no: ' + encodeURIComponent(floh.config.apiKey)); }
        function fails() { return { success: false, error: floh.config.apiKey, diagnostics: floh.config }; }
        function named() { var e = new Error('x'); e.name = floh.config.apiKey; e.code = floh.util.base64(floh.config.apiKey); throw e; }
        function answers() { return { success: true, payload: floh.config, variables: { k: floh.config.apiKey } }; }
    ";
    let commands = ["logs", "throws", "fails", "named", "answers"];
    script(&client, "leaky", &commands, source).await;
    for command in commands {
        let answer = call(&client, "leaky", json!({ "command": command })).await.to_string();
        assert!(command == "answers" || !answer.contains("canary"), "{answer}");
    }
    let rows = client.get("/api/executions?connector=leaky").await.expect(200);
    let mut seen = rows.to_string();
    for row in rows["items"].as_array().unwrap() {
        seen.push_str(
            &client.get(&format!("/api/executions/{}", row["id"].as_str().unwrap())).await.expect(200).to_string(),
        );
    }
    floh.terminate();
    floh.exit().await;
    seen.push_str(&floh.logs());
    for entry in std::fs::read_dir(floh.setup().data_dir()).unwrap() {
        seen.push_str(&String::from_utf8_lossy(&std::fs::read(entry.unwrap().path()).unwrap()));
    }
    assert!(seen.contains("[redacted]"));
    assert!(!seen.contains("canary"), "{}", &seen[seen.find("canary").unwrap_or_default()..][..200]);
}

/// The script workers of a server: its children.
fn workers(floh: &Floh) -> BTreeSet<u32> {
    let of = floh.id().to_string();
    let all =
        std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    all.filter(|id| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let after_name = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
        let mut fields = after_name.split_whitespace();
        fields.next() != Some("Z") && fields.next() == Some(of.as_str())
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_killed_workers_fail_and_the_next_find_new_ones() {
    let gate = Gate::shut();
    let held = gate.clone();
    let upstream = Upstream::start(move |_| Reply::json(200, &json!({})).behind(&held)).await;
    let floh = Floh::start([&upstream]).await;
    let client = floh.admin();
    let source = "function wait() { return { success: true, payload: floh.http.request({ url: floh.params.url, method: floh.params.method }).status }; }";
    for name in ["victim", "neighbour"] {
        script(&client, name, &["wait"], source).await;
    }
    let ask = |name: &'static str| {
        let (client, url) = (client.clone(), upstream.url(&format!("/{name}")));
        // The victim writes, its neighbour reads.
        let params = json!({ "url": url, "method": if name == "victim" { "POST" } else { "GET" } });
        tokio::spawn(async move { call(&client, name, json!({ "command": "wait", "params": params })).await })
    };
    let before = workers(&floh);
    let victims = [ask("victim"), ask("victim")];
    eventually("both victims", || {
        let both = upstream.received().iter().filter(|request| request.target == "/victim").count() == 2;
        std::future::ready(both.then_some(()))
    })
    .await;
    let busy = workers(&floh);
    let neighbours = [ask("neighbour"), ask("neighbour")];
    eventually("all four", || std::future::ready((upstream.received().len() == 4).then_some(()))).await;
    // Blank workers of before may have been bound; what is at work now and hangs in a call is one of the busy ones.
    let metrics = client.get("/metrics").await.to_string();
    assert!(metrics.contains("floh_script_workers{state=\"working\"} 4"), "{before:?} {busy:?} {metrics}");
    for id in workers(&floh) {
        kill_process(Pid::from_raw(i32::try_from(id).unwrap()).unwrap(), Signal::KILL).unwrap();
    }
    let unknown = [json!("unknown"), json!("unknown"), Value::Null, Value::Null];
    for (call, outcome) in victims.into_iter().chain(neighbours).zip(unknown) {
        let answer = call.await.unwrap();
        assert_eq!((&answer["success"], &answer["diagnostics"]["class"]), (&json!(false), &json!("crash")), "{answer}");
        assert_eq!(answer["diagnostics"]["outcome"], outcome, "what left tells");
    }
    gate.open();
    for name in ["victim", "neighbour"] {
        assert_eq!(ask(name).await.unwrap()["payload"], 200, "the next call finds a worker");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_under_load_fail_no_more_calls_than_workers() {
    const KILLS: usize = 12;
    let upstream = Upstream::fixed(json!({})).await;
    let floh = Floh::start([&upstream]).await;
    let client = floh.admin();
    let source = "function ask() { return { success: true, payload: floh.http.get(floh.params.url).status }; }";
    let stop = Arc::new(AtomicBool::new(false));
    let mut callers = Vec::new();
    for name in ["one", "two", "three", "four"] {
        script(&client, name, &["ask"], source).await;
        let (client, url, stop) = (client.clone(), upstream.url("/"), Arc::clone(&stop));
        callers.push(tokio::spawn(async move {
            let mut answers = Vec::new();
            // However quick the kills were, there is something to count.
            while !stop.load(Ordering::Relaxed) || answers.len() < KILLS {
                let body = json!({ "command": "ask", "params": { "url": url } });
                answers.push(client.post(&format!("/api/connectors/{name}/execute"), &body).await);
            }
            answers
        }));
    }
    for kill in 0..KILLS {
        let some = || std::future::ready(Some(workers(&floh)).filter(|ids| !ids.is_empty()));
        let found = eventually("a worker", some).await;
        let id = *found.iter().nth(kill % found.len()).unwrap();
        // It may have ended by itself meanwhile.
        kill_process(Pid::from_raw(i32::try_from(id).unwrap()).unwrap(), Signal::KILL).ok();
        eventually("its end", || std::future::ready((!workers(&floh).contains(&id)).then_some(()))).await;
    }
    stop.store(true, Ordering::Relaxed);
    let mut answers = Vec::new();
    for caller in callers {
        answers.extend(caller.await.unwrap());
    }
    // A call whose workers were all killed before they were ready has run nothing, and is told so.
    let (refused, ran): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 503);
    for answer in &refused {
        assert_eq!(answer.problem(503)["code"], "unavailable", "{answer}");
    }
    let (good, bad): (Vec<_>, Vec<_>) =
        ran.into_iter().map(|answer| answer.expect(200)).partition(|answer| answer["success"] == true);
    let failed = bad.len() + refused.len();
    assert!(failed <= KILLS, "{failed} calls failed of {KILLS} kills: {:?}", bad.last());
    assert!(bad.iter().all(|answer| answer["diagnostics"]["class"] == "crash"), "{bad:?}");
    assert!(good.len() > KILLS && good.iter().all(|answer| answer["payload"] == 200), "{} good", good.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mocked_connector_sends_nothing() {
    let upstream = Upstream::fixed(json!({})).await;
    let floh = Floh::start([&upstream]).await;
    let client = floh.admin();
    client.post("/api/connectors", &crm(&upstream, CRM, "sk-1")).await.expect(201);
    let mock = "function listContacts() { return { success: true, payload: [floh.mockScenario, floh.params.limit] }; }
        function test() { floh.http.get(floh.config.baseUrl); }
        function createContact() {}";
    let put = json!({ "mock": { "enabled": true, "script": mock } });
    client.put("/api/connectors/my-crm", &put).await.expect(200);
    let list = call(&client, "my-crm", json!({ "command": "listContacts" })).await;
    assert_eq!(list["payload"], json!(["default", 50]));
    let tested = client.post("/api/connectors/my-crm/test", &json!({})).await.expect(200);
    assert_eq!(tested["diagnostics"]["code"], "mocked", "{tested}");
    let passed_on = call(&client, "my-crm", json!({ "command": "createContact" })).await;
    assert_eq!(passed_on["error"], "No mock scenario default for command createContact; the command has none");
    assert!(upstream.received().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_author_checks_and_runs_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("crm.js");
    let path = file.to_str().unwrap();
    std::fs::write(
        &file,
        "function hello() {\n  return { success: true, payload: floh.params };\n}\nfunction bad() {\n  null.x;\n}",
    )
    .unwrap();
    let checked = run(["script", "check", path], &[]).await;
    assert_eq!((checked.code, checked.stdout.contains("sound")), (Some(0), true), "{checked:?}");
    let ran =
        run(["script", "run", path, "--command", "hello", "--param", "n=1", "--param", "t=x y", "--json"], &[]).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.stdout.trim(), r#"{"success":true,"payload":{"command":"hello","n":1,"t":"x y"}}"#);
    let bad = run(["script", "run", path, "--command", "bad"], &[]).await;
    assert_eq!((bad.code, bad.stderr.contains("crm.js:5:")), (Some(1), true), "{bad:?}");
    std::fs::write(folder.path().join("crm.schema.json"), r#"{ "commands": { "hello": {}, "gone": {} } }"#).unwrap();
    let missing = run(["script", "check", path, "--json"], &[]).await;
    let told: Value = serde_json::from_str(&missing.stdout).unwrap();
    assert_eq!((missing.code, told["problems"].as_array().unwrap().len()), (Some(1), 1), "{missing:?}");
    std::fs::write(&file, "function hello() {\n  let 1;\n}").unwrap();
    let broken = run(["script", "check", path], &[]).await;
    assert_eq!((broken.code, broken.stdout.contains("crm.js:2:")), (Some(1), true), "{broken:?}");
    for wrong in [
        vec!["script", "check", "/nowhere.js"],
        vec!["script", "run", path],
        vec!["script", "run", path, "--command", "nope"],
    ] {
        assert_eq!(run(&wrong, &[]).await.code, Some(2), "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn watching_runs_again_when_the_file_changes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("seen.js");
    let write = |answer: &str| {
        std::fs::write(&file, format!("function go() {{ return {{ success: true, payload: {answer} }}; }}"))
    };
    write("'first'").unwrap();
    let child = Command::new(test_support::program::floh())
        .args(["script", "run", "--command", "go", "--watch", "--json"])
        .arg(&file)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut child = Killed(child);
    let seen = Arc::<Mutex<String>>::default();
    let (written, mut output) = (Arc::clone(&seen), child.0.stdout.take().unwrap());
    let reader = std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = output.read(&mut bytes) {
            written.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    });
    for answer in ["first", "second, after a change"] {
        write(&format!("'{answer}'")).unwrap();
        eventually(answer, || std::future::ready(seen.lock().unwrap().contains(answer).then_some(()))).await;
    }
    drop(child);
    reader.join().unwrap();
}

/// A process that does not outlive its test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}
