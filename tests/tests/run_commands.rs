//! `floh run` through the real binary, against a running server: files, definitions, the steps as they end, exit codes.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use test_support::process::Process;
use test_support::{ADMIN_TOKEN, Exit, Floh, Reply, Upstream, eventually, run, run_with_input};

/// A server with the connector `page`, which calls an upstream that fails while it is told to, and never answers `/hold`.
struct Server {
    floh: Floh,
    upstream: Upstream,
    fails: Arc<AtomicBool>,
}

impl Server {
    async fn start() -> Self {
        let fails = Arc::<AtomicBool>::default();
        let told = Arc::clone(&fails);
        let upstream = Upstream::start(move |request| match told.load(Ordering::SeqCst) {
            _ if request.path() == "/hold" => Reply::never(),
            true => Reply::json(500, &json!({ "message": "broken" })),
            false => Reply::json(200, &json!({ "n": 7 })),
        })
        .await;
        let floh = Floh::start([&upstream]).await;
        let config = json!({ "baseUrl": upstream.url("/") });
        let body = json!({ "name": "page", "type": "http", "executionModel": "built_in", "config": config });
        floh.admin().post("/api/connectors", &body).await.expect(201);
        Self { floh, upstream, fails }
    }

    fn url(&self) -> String {
        format!("http://{}", self.floh.address())
    }

    async fn run(&self, args: &[&str]) -> Exit {
        run(args, &[("FLOH_SERVER", &self.url()), ("FLOH_TOKEN", ADMIN_TOKEN)]).await
    }

    async fn fed(&self, args: &[&str], input: &Value) -> Exit {
        run_with_input(args, &[("FLOH_SERVER", &self.url()), ("FLOH_TOKEN", ADMIN_TOKEN)], &input.to_string()).await
    }

    async fn get(&self, id: &str) -> Value {
        self.floh.admin().get(&format!("/api/runs/{id}")).await.expect(200)
    }

    async fn reaches(&self, id: &str, status: &str) {
        eventually(status, async || (self.get(id).await["status"] == status).then_some(())).await;
    }
}

fn steps(of: &[&str]) -> Value {
    let step = |id: &&str| match *id {
        "long" => {
            let params = json!({ "url": "hold", "method": "POST", "timeoutMs": 250_000 });
            json!({ "id": "long", "connector": "page", "command": "request", "params": params })
        }
        "wait" => json!({ "id": "wait", "wait": { "forMs": 600_000 } }),
        id => json!({ "id": id, "connector": "page", "command": "request", "outputKey": id, "params": { "url": "x" } }),
    };
    json!({ "steps": of.iter().map(step).collect::<Vec<_>>() })
}

/// Returns the id that the first line begins with.
fn id(exit: &Exit) -> String {
    exit.stdout.split_whitespace().next().unwrap_or_else(|| panic!("{exit:?}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_started_and_watched_to_its_end() {
    let server = Server::start().await;
    let mut file = steps(&["first", "second"]);
    file["variables"] = json!({ "a": "file", "b": "file" });
    let exit = server.fed(&["run", "start", "-", "--wait", "--var", "a=[1,2]", "--var", "c=some text"], &file).await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
    let lines: Vec<&str> = exit.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "a line each step, then the end: {exit:?}");
    assert!(
        lines[0].starts_with("succeeded  first   page.request") && lines[1].starts_with("succeeded  second"),
        "{exit:?}"
    );
    assert!(lines[2].starts_with("run ") && lines[2].contains(" succeeded after "), "{exit:?}");
    assert!(!exit.stdout.contains('\u{1b}') && !exit.stdout.contains('\r'), "no terminal, no drawing: {exit:?}");
    let id = lines[2].split(' ').nth(1).unwrap();
    let run = server.get(id).await;
    let variables = &run["variables"];
    assert_eq!(
        (&variables["a"], &variables["b"], &variables["c"]),
        (&json!([1, 2]), &json!("file"), &json!("some text"))
    );
    assert_eq!(variables["first"]["body"]["n"], 7, "{run}");

    let shown = server.run(&["run", "get", id]).await;
    assert_eq!((shown.code, shown.stdout.lines().count()), (Some(0), 3), "{shown:?}");
    let shown = server.run(&["run", "get", id, "--wait", "--json"]).await;
    assert_eq!(serde_json::from_str::<Value>(&shown.stdout).unwrap()["status"], "succeeded", "{shown:?}");
    let listed = server.run(&["run", "list", "--status", "succeeded"]).await;
    assert!(listed.code == Some(0) && listed.stdout.starts_with(&format!("{id}  succeeded  2/2")), "{listed:?}");
    let none = server.run(&["run", "list", "--status", "failed,cancelled", "--json"]).await;
    assert_eq!((none.code, none.stdout.as_str()), (Some(0), ""), "{none:?}");
    for (args, why) in [(["cancel", id], "has ended"), (["resume", id], "only a failed or cancelled run")] {
        let exit = server.run(&["run", args[0], args[1]]).await;
        assert!(exit.code == Some(1) && exit.stderr.contains(why), "{exit:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_is_resumed() {
    let server = Server::start().await;
    server.fails.store(true, Ordering::SeqCst);
    let exit = server.fed(&["run", "start", "-", "--wait"], &steps(&["a", "b"])).await;
    assert_eq!(exit.code, Some(1), "{exit:?}");
    let last = exit.stdout.lines().last().unwrap();
    assert!(
        exit.stdout.starts_with("failed     a")
            && last.contains("failed after")
            && last.contains("at step a: step_failed"),
        "{exit:?}"
    );
    assert!(exit.stderr.contains("floh run resume "), "it says how to go on: {exit:?}");
    let id = last.split(' ').nth(1).unwrap().to_owned();
    server.fails.store(false, Ordering::SeqCst);
    let exit = server.run(&["run", "resume", &id, "--wait"]).await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
    assert_eq!(exit.stdout.lines().filter(|line| line.starts_with("succeeded")).count(), 2, "{exit:?}");
    assert_eq!(server.get(&id).await["resumes"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_needs_a_word_about_what_is_not_known() {
    let server = Server::start().await;
    let started = server.fed(&["run", "start", "-"], &steps(&["long", "after"])).await;
    assert_eq!(started.code, Some(0), "{started:?}");
    let id = id(&started);
    server.reaches(&id, "running").await;
    server.upstream.arrival("/hold").await;
    let cancelled = server.run(&["run", "cancel", &id, "--json"]).await;
    assert_eq!(
        (cancelled.code, serde_json::from_str::<Value>(&cancelled.stdout).unwrap()["id"].as_str()),
        (Some(0), Some(&*id))
    );
    let watched = server.run(&["run", "get", &id, "--wait"]).await;
    assert_eq!(watched.code, Some(1), "cancelled is no success: {watched:?}");
    assert!(watched.stdout.starts_with("unknown    long") && watched.stderr.contains("--unknown retry"), "{watched:?}");
    let refused = server.run(&["run", "resume", &id]).await;
    assert!(refused.code == Some(1) && refused.stderr.contains("took effect is not known"), "{refused:?}");
    let resumed = server.run(&["run", "resume", &id, "--unknown", "skip", "--wait"]).await;
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    assert!(resumed.stdout.contains("skipped    long") && resumed.stdout.contains("succeeded  after"), "{resumed:?}");
    let wrong = server.run(&["run", "resume", &id, "--unknown", "maybe"]).await;
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_starts_a_run_once() {
    let server = Server::start().await;
    let args = ["run", "start", "-", "--idempotency-key", "k"];
    let first = server.fed(&args, &steps(&["a"])).await;
    let again = server.fed(&args, &steps(&["a"])).await;
    assert_eq!((first.code, id(&first)), (again.code, id(&again)), "{first:?}");
    let other = server.fed(&args, &steps(&["b"])).await;
    assert!(other.code == Some(1) && other.stdout.contains("another body"), "{other:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_is_started_by_its_name() {
    let server = Server::start().await;
    let mut definition = steps(&["a"]);
    definition["name"] = "report".into();
    definition["inputs"] = json!({ "path": { "type": "string", "required": true } });
    definition["steps"][0]["params"]["url"] = "{{path}}".into();
    server.floh.admin().post("/api/run-definitions", &definition).await.expect(201);
    let check = server.run(&["run", "check", "--definition", "report", "--var", "path=here"]).await;
    assert!(check.code == Some(0) && check.stderr.contains("errors: 0"), "{check:?}");
    assert!(server.run(&["run", "list"]).await.stdout.is_empty(), "a check starts nothing");
    let start = ["run", "start", "--definition", "report"];
    let exit = server.run(&[&start[..], &["--version", "1", "--var", "path=here", "--wait"]].concat()).await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
    let listed = server.run(&["run", "list", "--definition", "report"]).await;
    assert!(listed.stdout.trim_end().ends_with("  report v1"), "{listed:?}");
    let missing = server.run(&start).await;
    assert_eq!(
        (missing.code, missing.stdout.trim()),
        (Some(1), "variables.path  error  invalid  this input is required"),
        "{missing:?}"
    );
    let unknown = server.run(&["run", "start", "--definition", "nothing"]).await;
    assert!(unknown.code == Some(1) && unknown.stderr.contains("nothing"), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_check_refuses_is_shown_as_the_check_shows_it() {
    let server = Server::start().await;
    let mut file = steps(&["a", "b"]);
    file["steps"][1]["params"]["url"] = "{{aa.body}}".into();
    let checked = server.fed(&["run", "check", "-", "--strict"], &file).await;
    let started = server.fed(&["run", "start", "-", "--strict", "--wait"], &file).await;
    assert_eq!((checked.code, started.code), (Some(1), Some(1)), "{checked:?} {started:?}");
    let errors = |exit: &Exit| {
        exit.stdout.lines().filter(|line| line.contains("  error  ")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(started.stdout.starts_with("steps[1].params.url  error  unknown_root  "), "{started:?}");
    assert_eq!(errors(&checked), errors(&started));
    let json = server.fed(&["run", "start", "-", "--strict", "--json"], &file).await;
    let problem: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((json.code, &problem["errors"][0]["code"]), (Some(1), &json!("unknown_root")), "{json:?}");
    assert_eq!(server.floh.admin().get("/api/runs").await.expect(200)["items"], json!([]), "nothing was started");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_is_told_before_anything_is_asked() {
    let env = [("FLOH_SERVER", "http://127.0.0.1:9"), ("FLOH_TOKEN", "x")];
    for args in [
        &["start"][..],
        &["start", "nowhere.yaml"],
        &["start", "-", "--definition", "x"],
        &["start", "-", "--version", "1"],
        &["start", "--definition", "x", "--strict"],
        &["start", "--definition", "x", "--version", "0"],
        &["start", "--definition", "x", "--var", "no-value"],
        &["start", "--definition", "x", "--var", "a=1", "--var", "a=2"],
        &["get", "not-an-id"],
        &["list", "--status", "sleeping"],
        &["list", "--limit", "0"],
    ] {
        let exit = run([&["run"], args].concat(), &env).await;
        assert_eq!((exit.code, exit.stdout.as_str()), (Some(2), ""), "{args:?}: {exit:?}");
    }
    let bad = run_with_input(["run", "start", "-"], &env, r#"{ "steps": [], "stepz": 1 }"#).await;
    assert!(bad.code == Some(2) && bad.stderr.contains("stepz"), "{bad:?}");
    let nobody = run(["run", "list"], &env).await;
    assert!(nobody.code == Some(1) && nobody.stderr.contains("floh serve"), "{nobody:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_leaves_the_run_alone_and_says_so() {
    let server = Server::start().await;
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("run.json");
    std::fs::write(&file, steps(&["a", "wait"]).to_string()).unwrap();
    let mut command = std::process::Command::new(test_support::program::floh());
    command.args(["run", "start", "--wait"]).arg(&file).env_clear();
    command.env("FLOH_SERVER", server.url()).env("FLOH_TOKEN", ADMIN_TOKEN);
    command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut process = Process::spawn(&mut command, home.path(), |_| {});
    eventually("the first step", async || process.text().contains("succeeded  a").then_some(())).await;
    process.interrupt();
    process.exit().await;
    let exit = process.outcome();
    assert_eq!(exit.code, Some(130), "{exit:?}");
    let list = server.floh.admin().get("/api/runs").await.expect(200);
    let id = list["items"][0]["id"].as_str().unwrap();
    assert_eq!(list["items"][0]["status"], "waiting", "the run goes on: {list}");
    for word in ["the run goes on", &format!("floh run get {id} --wait"), &format!("floh run cancel {id}")] {
        assert!(exit.stderr.contains(word), "{word}: {exit:?}");
    }
    let cancelled = server.run(&["run", "cancel", id]).await;
    assert_eq!(cancelled.stdout.trim(), format!("{id}  cancelled"), "{cancelled:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_restarted_is_asked_again() {
    let mut server = Server::start().await;
    let started = server.fed(&["run", "start", "-"], &steps(&["wait"])).await;
    let id = id(&started);
    let home = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(test_support::program::floh());
    command.args(["run", "get", &id, "--wait"]).env_clear();
    command.env("FLOH_SERVER", server.url()).env("FLOH_TOKEN", ADMIN_TOKEN);
    command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut process = Process::spawn(&mut command, home.path(), |_| {});
    let address = server.floh.address();
    server.reaches(&id, "waiting").await;
    server.floh.kill_9().await;
    eventually("a note", async || process.text().contains("it is asked again").then_some(())).await;
    let setup = server.floh.setup().clone().listen(address);
    server.floh.restart_as(setup).await;
    server.run(&["run", "cancel", &id]).await;
    process.exit().await;
    let exit = process.outcome();
    assert!(exit.code == Some(1) && exit.stdout.contains(&format!("run {id} cancelled")), "{exit:?}");
}
