//! The command line: what it prints, and the exit codes 0 done, 1 the work failed, 2 wrong usage.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use serde_json::{Value, json};
use test_support::{Exit, Floh, Reply, Upstream};
use test_support::{run, run_in, run_with_input};

#[track_caller]
fn assert_code(exit: &Exit, code: i32) {
    assert_eq!(exit.code, Some(code), "{exit:?}");
    for word in ["panicked", "backtrace", "src/", ".rs:"] {
        assert!(!exit.stderr.contains(word) && !exit.stdout.contains(word), "{exit:?}");
    }
    if code == 2 {
        assert!(exit.stdout.is_empty() && !exit.stderr.is_empty(), "{exit:?}");
    }
}

#[track_caller]
fn json_of(exit: &Exit) -> Value {
    serde_json::from_str(&exit.stdout).unwrap_or_else(|error| panic!("{error}: {exit:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn help_is_there_at_every_level() {
    for args in [&["--help"][..], &["help"], &["serve", "--help"], &["call", "--help"], &["token", "create", "--help"]]
    {
        let exit = run(args, &[]).await;
        assert_code(&exit, 0);
        assert!(exit.stdout.contains("Usage: floh"), "{exit:?}");
    }
    let exit = run(["--help"], &[]).await;
    for command in ["serve", "types", "schema", "call", "connector", "egress", "lock", "new-connector", "token"] {
        assert!(exit.stdout.contains(command), "{command}: {exit:?}");
    }
    let serve = run(["serve", "--help"], &[]).await;
    for setting in ["FLOH_LISTEN", "FLOH_DATA_DIR", "FLOH_DATABASE_URL", "FLOH_EGRESS_ALLOW", "--log-format"] {
        assert!(serve.stdout.contains(setting), "{setting}: {serve:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn types_are_listed() {
    let exit = run(["types"], &[]).await;
    assert_code(&exit, 0);
    let names: Vec<_> = exit.stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains(&"delay") && names.contains(&"http"), "{exit:?}");

    let exit = run(["types", "--json"], &[]).await;
    assert_code(&exit, 0);
    let types = json_of(&exit);
    let listed: Vec<_> = types.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(listed, names);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_is_printed_as_json() {
    let exit = run(["schema", "http"], &[]).await;
    assert_code(&exit, 0);
    let schema = json_of(&exit);
    assert_eq!(schema["defaultCommand"], "request");
    assert_eq!(schema["commands"]["request"]["paramSchema"]["url"]["required"], true);
    assert_eq!(schema["connectionConfig"]["token"]["secret"], true);
    let exit = run(["schema", "nope"], &[]).await;
    assert_code(&exit, 2);
    let known = json_of(&run(["types", "--json"], &[]).await);
    let known: Vec<_> = known.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert!(exit.stderr.contains("nope") && exit.stderr.contains(&known.join(", ")), "{exit:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_runs_here_and_prints_its_result() {
    let exit = run(["call", "delay", "wait", "--param", "delayMs=1"], &[]).await;
    assert_code(&exit, 0);
    assert_eq!(json_of(&exit), json!({ "success": true, "payload": { "delayed": 1 } }));

    let upstream = Upstream::start(|request| match request.target.as_str() {
        "/v1/missing" => Reply::json(404, &json!({ "message": "gone" })),
        _ => Reply::json(200, &json!({ "hello": "world" })),
    })
    .await;
    let (base, allow) = (format!("baseUrl={}", upstream.url("/v1")), upstream.address().to_string());
    let env = [("FLOH_EGRESS_ALLOW", allow.as_str()), ("UPSTREAM_TOKEN", "t0ken-4711")];
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("body.json"), r#"{"a":[1]}"#).unwrap();
    let args = [
        "call",
        "http",
        "request",
        "--config",
        &base,
        "--config",
        "token=env:UPSTREAM_TOKEN",
        "--param",
        "url=things",
        "--param",
        "method=POST",
        "--param",
        "body=@body.json",
        "--param",
        r#"query={"deep":true}"#,
        "--param",
        "failOnStatus=false",
    ];
    let exit = run_in(folder.path(), args, &env).await;
    assert_code(&exit, 0);
    assert_eq!(json_of(&exit)["payload"]["body"], json!({ "hello": "world" }));
    let [request] = &upstream.received()[..] else { panic!("one request") };
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/v1/things?deep=true"));
    assert_eq!((request.body.as_str(), request.header("authorization")), (r#"{"a":[1]}"#, Some("Bearer t0ken-4711")));
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["body.json"], "no database, no key");

    let exit = run(["call", "http", "--config", &base, "--param", "url=missing"], &env).await;
    assert_code(&exit, 1);
    let result = json_of(&exit);
    assert_eq!((&result["success"], &result["diagnostics"]["statusCode"]), (&json!(false), &json!(404)));
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_fails_is_one() {
    for (args, error) in [
        (&["call", "http", "request"][..], "Missing required field(s): url"),
        (&["call", "http", "request", "--param", "url=/x"], "The url is relative"),
        (&["call", "http", "request", "--param", "url=http://127.0.0.1:9"], "refused to call"),
        (
            &[
                "call",
                "http",
                "request",
                "--config=baseUrl=http://127.0.0.1:9",
                "--config=token=t0ken-1",
                "--param=url=http://127.0.0.1:10/x",
            ],
            "the secrets of this connection may only be sent to http://127.0.0.1:9 (field baseUrl) [scope]",
        ),
        (&["call", "delay", "wait", "--mock", "nowhere"], "No mock scenario nowhere"),
        (&["call", "delay", "wait", "--param", "delayMs=-1"], "delayMs: expected at least 0"),
    ] {
        let exit = run(args, &[]).await;
        assert_code(&exit, 1);
        let result = json_of(&exit);
        assert!(result["error"].as_str().is_some_and(|text| text.contains(error)), "{exit:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_is_two() {
    for (args, named) in [
        (&["fly"][..], "fly"),
        (&["call"], "TYPE"),
        (&["call", "nope", "x"], "nope"),
        (&["call", "http", "fly"], "fly"),
        (&["call", "http", "request", "--param", "url"], "url"),
        (&["call", "http", "request", "--param", "nope=1"], "nope"),
        (&["call", "http", "request", "--config", "nope=1"], "nope"),
        (&["call", "delay", "wait", "--param", "delayMs=soon"], "delayMs"),
        (&["call", "http", "request", "--param", "url=@no-such-file"], "no-such-file"),
        (&["call", "http", "request", "--config", "token=env:NO_SUCH_VARIABLE"], "NO_SUCH_VARIABLE"),
        (&["schema"], "TYPE"),
        (&["token", "create"], "--name"),
        (&["serve", "--port", "1"], "--port"),
    ] {
        let exit = run(args, &[]).await;
        assert_code(&exit, 2);
        assert!(exit.stderr.contains(named), "{args:?}: {exit:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_made_by_hand_opens_the_server() {
    let floh = Floh::start([]).await;
    let data = floh.setup().data_dir();
    let data = data.to_str().unwrap();
    let create = ["token", "--data-dir", data, "create", "--name", "ci", "--scope", "connectors:read"];
    let exit = run(create, &[]).await;
    assert_code(&exit, 0);
    let token = exit.stdout.trim();
    assert!(!token.contains(char::is_whitespace), "one line to copy: {exit:?}");
    let client = floh.anyone().with_token(token);
    assert_eq!(client.get("/api/connectors").await.status, 200);
    assert_eq!(client.get("/api/tokens").await.status, 403);

    let exit = run([&create[..], &["--json"]].concat(), &[]).await;
    assert_code(&exit, 0);
    let made = json_of(&exit);
    assert_eq!(floh.anyone().with_token(made["token"].as_str().unwrap()).get("/api/connectors").await.status, 200);

    let wrong = ["token", "--data-dir", data, "create", "--name", "x", "--scope", "connectors:fly"];
    let exit = run(wrong, &[]).await;
    assert_code(&exit, 2);
    assert!(exit.stderr.contains("connectors:fly"), "{exit:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn egress_check_tells_the_rule() {
    let inputs =
        ["http://10.1.2.3/", "169.254.169.254", "https://93.184.215.14/", "https://named.example/", "ftp://x/"];
    let exit = run([&["egress", "check", "--no-dns", "--json"][..], &inputs].concat(), &[]).await;
    assert_code(&exit, 0);
    let verdicts: Vec<Value> = exit.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected = [
        json!({ "input": inputs[0], "allowed": false, "rule": "address_private", "addresses": ["10.1.2.3"] }),
        json!({ "input": inputs[1], "allowed": false, "rule": "address_metadata", "addresses": [inputs[1]] }),
        json!({ "input": inputs[2], "allowed": true, "addresses": ["93.184.215.14"] }),
        json!({ "input": inputs[3], "allowed": true }),
        json!({ "input": inputs[4], "allowed": false, "rule": "url_scheme" }),
    ];
    assert_eq!(verdicts, expected);

    let exit = run(["egress", "check", "http://a.test\t/", "127.0.0.1", "--no-dns"], &[]).await;
    assert_code(&exit, 0);
    let lines: Vec<&str> = exit.stdout.lines().collect();
    assert_eq!(lines[0], r"refused  http://a.test\t/: a control character [url_control_character]");
    assert_eq!(lines[1], "refused  127.0.0.1: a loopback address [address_loopback] (127.0.0.1)");
}

#[tokio::test(flavor = "multi_thread")]
async fn egress_check_reads_the_settings_of_serve_and_standard_input() {
    let settings = [("FLOH_EGRESS_ALLOW", "10.0.0.0/8,127.0.0.0/8"), ("FLOH_EGRESS_DENY", "10.9.0.0/16")];
    let input = "10.1.1.1\nhttp://10.9.1.1/\n\n127.0.0.1\n10.1.1.1\r\n";
    let exit = run_with_input(["egress", "check", "-", "--json"], &settings, input).await;
    assert_code(&exit, 0);
    let rules: Vec<String> = exit
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["rule"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(rules, ["operator_allow", "operator_deny", "url_scheme", "address_loopback", "url_control_character"]);
    assert!(exit.stderr.contains("`127.0.0.0/8` opens nothing"), "{exit:?}");

    for (args, text) in [
        (&["egress", "check"][..], "URL|ADDRESS"),
        (&["egress"], "check"),
        (&["egress", "check", "--egress-allow", "http://x", "1.1.1.1"], "`http://x` cannot be used"),
    ] {
        let exit = run(args.iter().copied(), &[]).await;
        assert_code(&exit, 2);
        assert!(exit.stderr.contains(text), "{exit:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_locks_of_this_repository_are_up_to_date() {
    let repository = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let exit = run_in(repository, ["lock", "--check"], &[]).await;
    assert_code(&exit, 0);
    assert!(exit.stdout.ends_with("lock(s) up to date\n"), "{exit:?}");
    let exit = run_in(repository, ["lock", "diff", "http", "--json"], &[]).await;
    assert_code(&exit, 0);
    let answer = json_of(&exit);
    assert_eq!((&answer["name"], &answer["upToDate"]), (&json!("http"), &json!(true)));
    assert!(answer["change"]["changes"].is_array(), "{answer}");

    let exit = run(["lock", "--check"], &[]).await;
    assert_eq!(exit.code, Some(2), "{exit:?}");
    assert!(exit.stderr.contains("run this in the workspace"), "{exit:?}");
    assert_code(&run(["lock", "diff", "nope"], &[]).await, 2);
}
