//! How the server starts, ends, and refuses to start.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use test_support::{Client, Exit, Floh, Gate, Reply, Setup, Upstream, eventually, within_bound};
use test_support::{run, run_in};

/// Says what is wrong in plain words: no panic, no backtrace, no place in the sources.
#[track_caller]
fn assert_plain(exit: &Exit) {
    for word in ["panicked", "backtrace", "src/", ".rs:"] {
        assert!(!exit.stderr.contains(word) && !exit.stdout.contains(word), "{exit:?}");
    }
}

/// A key that looks random, as one must.
fn key(seed: u32) -> String {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    let bytes: Vec<u8> = (0..32).map(|_| next()).collect();
    BASE64_STANDARD.encode(bytes)
}

async fn create(client: &Client, name: &str) {
    let body = json!({
        "name": name, "type": "http", "executionModel": "built_in", "config": { "token": "t0ken-4711" },
    });
    client.post("/api/connectors", &body).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_once_where_it_listens_and_is_ready() {
    let floh = Floh::start([]).await;
    assert_eq!(floh.stdout().matches("listening on http://").count(), 1, "{}", floh.stdout());
    for path in ["/healthz", "/readyz"] {
        assert_eq!(floh.anyone().get(path).await.status, 200, "{path} needs no token");
    }
    assert_eq!(floh.admin().get("/metrics").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_calls_in_flight_finish() {
    let gate = Gate::shut();
    let held = gate.clone();
    let upstream = Upstream::start(move |_| Reply::json(200, &json!({ "late": true })).behind(&held)).await;
    let mut floh = Floh::start([&upstream]).await;
    create(&floh.admin(), "crm").await;
    let (client, url) = (floh.admin(), upstream.url("/slow"));
    let call = tokio::spawn(async move {
        let body = json!({ "params": { "url": url, "auth": { "type": "none" } } });
        client.post("/api/connectors/crm/execute", &body).await
    });
    upstream.arrival("/slow").await;

    floh.terminate();
    let anyone = floh.anyone();
    eventually("the end of readiness", || async {
        let Ok(mut connection) = anyone.connect().await else { return Some(()) };
        match connection.send("GET", "/readyz", &[], b"").await {
            Ok(answer) if answer.status == 200 => None,
            Ok(answer) => {
                assert_eq!(answer.status, 503, "{answer}");
                Some(())
            }
            Err(_) => Some(()),
        }
    })
    .await;
    assert!(!call.is_finished(), "it waits for its upstream");
    gate.open();
    let answer = within_bound("the call in flight", call).await.unwrap();
    assert_eq!(answer.expect(200)["payload"]["body"], json!({ "late": true }));
    let id = answer.header("x-execution-id").unwrap().to_owned();
    assert_eq!(floh.exit().await.code(), Some(0), "{}", floh.logs());
    floh.restart().await;
    assert_eq!(floh.admin().get(&format!("/api/executions/{id}")).await.expect(200)["status"], "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_does_not_end_in_time_is_cut_and_says_so() {
    let never = Gate::shut();
    let held = never.clone();
    let upstream = Upstream::start(move |_| Reply::json(200, &json!({})).behind(&held)).await;
    let setup = Setup::default().env("FLOH_GRACE", "1").env("FLOH_DRAIN", "5");
    let mut floh = setup.allow(upstream.address()).start().await;
    create(&floh.admin(), "crm").await;
    let (client, url) = (floh.admin(), upstream.url("/slow"));
    let call = tokio::spawn(async move {
        let body = json!({ "params": { "url": url, "method": "POST", "auth": { "type": "none" } } });
        client.post("/api/connectors/crm/execute", &body).await
    });
    upstream.arrival("/slow").await;

    floh.terminate();
    let anyone = floh.anyone();
    eventually("readiness to end while the socket is open", || async {
        let mut connection = anyone.connect().await.expect("the socket is open while it drains");
        let answer = connection.send("GET", "/readyz", &[], b"").await.expect("answered");
        (answer.status == 503).then_some(())
    })
    .await;
    let answer = within_bound("the call", call).await.unwrap();
    let result = answer.expect(200);
    assert_eq!(result["error"], "The server stopped before the command ended", "{result}");
    assert_eq!(result["diagnostics"]["outcome"], "unknown");
    let id = answer.header("x-execution-id").unwrap().to_owned();
    assert_eq!(floh.exit().await.code(), Some(0), "{}", floh.logs());
    assert!(floh.logs().contains("SIGTERM"), "{}", floh.logs());
    floh.restart().await;
    let row = floh.admin().get(&format!("/api/executions/{id}")).await.expect(200);
    assert_eq!((&row["status"], &row["result"]["error"]), (&json!("failed"), &result["error"]), "{row}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_an_idle_server_with_open_connections() {
    let mut floh = Floh::start([]).await;
    let mut connection = floh.admin().connect().await.unwrap();
    connection.send("GET", "/healthz", &[], b"").await.unwrap();
    floh.terminate();
    assert_eq!(floh.exit().await.code(), Some(0), "{}", floh.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_makes_its_folder_its_key_and_a_token() {
    let mut floh = Setup::default().without_env("FLOH_ADMIN_TOKEN").start().await;
    let data = floh.setup().data_dir();
    let mode = |name: &str| std::fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777;
    assert!(data.join("floh.db").is_file());
    assert_eq!(mode("master.key"), 0o600);

    let said = floh.stdout();
    assert!(said.contains("First start."), "{said}");
    let curl = said.lines().find(|line| line.contains("curl ")).unwrap_or_else(|| panic!("no curl line in {said}"));
    let (_, rest) = curl.split_once("Bearer ").unwrap_or_else(|| panic!("no token in {curl}"));
    let token: String = rest.chars().take_while(|c| !matches!(c, '\'' | '"' | ' ')).collect();
    let client = floh.anyone().with_token(&token);
    assert_eq!(client.get("/api/connectors").await.status, 200, "the line works as it is printed");
    let link =
        said.lines().find(|line| line.starts_with("open http://")).unwrap_or_else(|| panic!("no link in {said}"));
    let (address, code) = link.split_once("/login/").unwrap_or_else(|| panic!("no code in {link}"));
    assert!(said.contains(&format!("listening on {}", &address["open ".len()..])), "{said}");
    assert_eq!(code.len(), 22, "{link}");
    create(&client, "crm").await;

    floh.terminate();
    assert_eq!(floh.exit().await.code(), Some(0));
    floh.restart().await;
    let said = floh.stdout();
    assert!(!said.contains("Bearer") && !said.contains("/login/"), "token and link are shown once: {said}");
    let list = floh.anyone().with_token(&token).get("/api/connectors").await.expect(200);
    assert_eq!(list["items"][0]["name"], "crm", "and goes on to work");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_makes_no_second_admin() {
    let mut floh = Floh::start([]).await;
    let tokens = async |client: Client| client.get("/api/tokens").await.expect(200)["items"].as_array().unwrap().len();
    let types = async |client: Client| client.get("/api/connector-types").await.expect(200)["items"].clone();
    let seeded = types(floh.admin()).await;
    assert!(!seeded.as_array().unwrap().is_empty(), "the first start seeds the connectors of this build");
    assert_eq!(tokens(floh.admin()).await, 1);
    floh.kill_9().await;
    floh.restart().await;
    assert_eq!(tokens(floh.admin()).await, 1);
    assert_eq!(types(floh.admin()).await, seeded, "seeding again changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wrong_master_key_stops_the_start() {
    let mut floh = Setup::default().env("FLOH_MASTER_KEY", &key(1)).start().await;
    create(&floh.admin(), "crm").await;
    floh.kill_9().await;
    let setup = floh.setup().clone();
    assert!(!setup.data_dir().join("master.key").exists(), "a key that is given is not stored");

    for (name, setup) in [
        ("another key", setup.clone().env("FLOH_MASTER_KEY", &key(2))),
        ("none", setup.clone().without_env("FLOH_MASTER_KEY")),
        ("a weak one", setup.clone().env("FLOH_MASTER_KEY", &BASE64_STANDARD.encode([7; 32]))),
        ("a short one", setup.clone().env("FLOH_MASTER_KEY", "secret")),
    ] {
        let exit = setup.try_start().await.err().unwrap_or_else(|| panic!("{name} opens the vault"));
        assert_eq!(exit.code, Some(1), "{name}: {exit:?}");
        assert!(exit.stderr.contains("FLOH_MASTER_KEY"), "{name}: {exit:?}");
        assert!(!exit.stderr.contains(&key(2)), "{name}: {exit:?}");
        assert_plain(&exit);
    }
    floh.restart().await;
    assert_eq!(floh.admin().get("/api/connectors/crm").await.expect(200)["secrets"]["token"]["set"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_file_that_is_open_or_gone_stops_the_start() {
    let mut floh = Floh::start([]).await;
    create(&floh.admin(), "crm").await;
    floh.kill_9().await;
    let setup = floh.setup().clone();
    let file = setup.data_dir().join("master.key");

    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let exit = setup.clone().try_start().await.err().unwrap();
    assert!(exit.stderr.contains("master.key") && exit.stderr.contains("chmod 600"), "{exit:?}");
    assert_plain(&exit);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();

    let aside = file.with_extension("aside");
    std::fs::rename(&file, &aside).unwrap();
    let exit = setup.clone().try_start().await.err().unwrap();
    assert!(exit.stderr.contains("master.key"), "{exit:?}");
    assert_plain(&exit);
    assert!(!file.exists(), "no new key is made over sealed secrets");
    std::fs::rename(&aside, &file).unwrap();
    floh.restart().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_setting_stops_the_start_and_is_named() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("file"), "").unwrap();
    let free = ["--listen", "127.0.0.1:0"];
    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);
    let cases: &[Case<'_>] = &[
        (&["--listen", "nonsense"], &[], "--listen"),
        (&["--listen", "127.0.0.1:99999"], &[], "--listen"),
        (&[], &[("FLOH_LISTEN", "nonsense")], "--listen"),
        (&["--log-format", "yaml"], &[], "--log-format"),
        (&["--egress-allow", "10.0.0.0/99"], &[], "10.0.0.0/99"),
        (&[], &[("FLOH_EGRESS_DENY", "not a host")], "not a host"),
        (&["--database-url", "mysql://localhost/floh"], &[], "database URL"),
        (&["--data-dir", "file"], &[], "file"),
        (&[], &[("FLOH_ADMIN_TOKEN", "too-short")], "FLOH_ADMIN_TOKEN"),
        (&[], &[("FLOH_ADMIN_TOKEN", "passwordpasswordpasswordpassword")], "FLOH_ADMIN_TOKEN"),
        (&[], &[("FLOH_AUDIT_DAYS", "3654")], "--audit-days"),
        (&["--execution-days", "-1"], &[], "-1"),
        (&[], &[("FLOH_EXECUTION_ROWS", "many")], "--execution-rows"),
        (&[], &[("FLOH_EXECUTION_MIB", "10GiB")], "--execution-mib"),
        (&["--key-rows", "1.5"], &[], "--key-rows"),
        (&[], &[("FLOH_MASTER_KEY", "too-short")], "FLOH_MASTER_KEY"),
        (&["--no-such-flag"], &[], "--no-such-flag"),
    ];
    for (args, env, named) in cases {
        let listens = args.contains(&"--listen") || env.iter().any(|(name, _)| *name == "FLOH_LISTEN");
        let free = if listens { &[][..] } else { &free[..] };
        let exit = run_in(home.path(), [&["serve"], free, *args].concat(), env).await;
        assert!(matches!(exit.code, Some(1 | 2)), "{args:?} {env:?}: {exit:?}");
        assert!(exit.stderr.contains(named), "{args:?} {env:?}: {exit:?}");
        assert!(!exit.stdout.contains("listening"), "{args:?} {env:?}: {exit:?}");
        assert!(!exit.stderr.contains("too-short"), "a secret is not repeated: {exit:?}");
        assert_plain(&exit);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_stops_the_start_and_is_named() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let exit = run(["serve", "--listen", &address], &[]).await;
    assert_eq!(exit.code, Some(1), "{exit:?}");
    assert!(exit.stderr.contains(&address), "{exit:?}");
    assert_plain(&exit);
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_in_json_are_json_line_by_line() {
    let floh = Setup::default().arg("--log-format").arg("json").start().await;
    create(&floh.admin(), "crm").await;
    floh.admin().post("/api/connectors/crm/execute", &json!({ "params": { "url": "x" } })).await.expect(200);
    let logs = floh.logs();
    let lines: Vec<_> = logs.lines().filter(|line| !line.contains("listening on http://")).collect();
    for line in &lines {
        let parsed: serde_json::Result<serde_json::Value> = serde_json::from_str(line);
        assert!(parsed.is_ok_and(|line| line.is_object()), "{line}");
    }
    assert!(!lines.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_data_is_refused() {
    let mut floh = Floh::start([]).await;
    create(&floh.admin(), "crm").await;
    // On another address, and on the same one: it is the data that matters.
    for setup in [floh.setup().clone(), floh.setup().clone().listen(floh.address())] {
        let exit = setup.try_start().await.err().unwrap();
        assert_eq!(exit.code, Some(1), "{exit:?}");
        for part in [&format!("process {}", floh.id()), "data folder", "since 2", "--data-dir"] {
            assert!(exit.stderr.contains(part), "{part}: {exit:?}");
        }
        assert!(!exit.stdout.contains("listening") && !exit.stderr.contains("cannot listen"), "{exit:?}");
        assert_plain(&exit);
    }
    assert_eq!(floh.admin().get("/api/connectors/crm").await.status, 200, "the first goes on");
    // However it ends, the next one need not be helped.
    floh.kill_9().await;
    floh.restart().await;
    floh.terminate();
    assert_eq!(floh.exit().await.code(), Some(0), "{}", floh.logs());
    floh.restart().await;
    assert_eq!(floh.admin().get("/api/connectors/crm").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_made_and_revoked_beside_a_running_server() {
    let floh = Floh::start([]).await;
    let data = floh.setup().data_dir();
    let data = data.to_str().unwrap();
    let token = async |args: &[&str]| {
        let exit = floh.setup().run([&["token", "--data-dir", data], args].concat()).await;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        exit.stdout
    };
    let made = token(&["create", "--name", "ci", "--scope", "connectors:read", "--json"]).await;
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let client = floh.anyone().with_token(made["token"].as_str().unwrap());
    assert_eq!(client.get("/api/connectors").await.status, 200);
    let id = made["id"].as_str().unwrap();
    assert!(token(&["list"]).await.contains(id));
    token(&["revoke", id]).await;
    eventually("the end of the token", || async { (client.get("/api/connectors").await.status == 401).then_some(()) })
        .await;
    assert!(!token(&["list"]).await.contains(id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_named_in_its_answer_in_the_log_and_on_its_execution() {
    let floh = Setup::default().arg("--log-format").arg("json").arg("--log").arg("server=debug,info").start().await;
    create(&floh.admin(), "crm").await;
    let body = json!({ "params": { "url": "x" } });
    let named = [("x-request-id", "from-the-gateway-4711")];
    let answer = floh.admin().json("POST", "/api/connectors/crm/execute", &named, &body).await;
    assert_eq!((answer.status, answer.header("x-request-id")), (200, Some("from-the-gateway-4711")));
    let row = floh.admin().get(&format!("/api/executions/{}", answer.header("x-execution-id").unwrap())).await;
    assert_eq!(row.expect(200)["requestId"], "from-the-gateway-4711");
    assert_eq!(row.expect(200)["actor"]["name"], "FLOH_ADMIN_TOKEN");
    let line = eventually("the line of the answer", || async {
        let logs = floh.logs();
        let lines = logs.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        lines.into_iter().find(|line| line["path"] == "/api/connectors/{id}/execute")
    })
    .await;
    assert_eq!(line["span"]["request_id"], "from-the-gateway-4711", "{line}");
}
