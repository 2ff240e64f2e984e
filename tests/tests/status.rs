//! The status of real servers: two on one PostgreSQL see each other, one sees its database fall silent, and `floh status` says
//! both with its exit code.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_support::postgres::Cluster;
use test_support::{ADMIN_TOKEN, Answer, Client, Exit, Floh, Setup, eventually, run};

const MASTER_KEY: &str = "87bUxcLXIXNBlLlDazbZU6BeaOPxZpaiMah1u/DzyAU=";
/// Within what an answer has to come: a second, and what a busy machine may add.
const WITHIN: Duration = Duration::from_millis(2_500);

async fn start(url: &str) -> Floh {
    Setup::default().env("FLOH_DATABASE_URL", url).env("FLOH_MASTER_KEY", MASTER_KEY).start().await
}

async fn command(floh: &Floh, args: &[&str]) -> Exit {
    let server = format!("http://{}", floh.address());
    let args = std::iter::once("status").chain(args.iter().copied());
    run(args, &[("FLOH_SERVER", &server), ("FLOH_TOKEN", ADMIN_TOKEN)]).await
}

async fn status(client: &Client) -> Value {
    client.get("/api/status").await.expect(200)
}

/// Asks, and checks that the answer does not take long.
async fn soon(client: &Client, path: &str) -> Answer {
    let began = Instant::now();
    let answer = client.get(path).await;
    assert!(began.elapsed() < WITHIN, "{path} took {:?}: {answer}", began.elapsed());
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_see_each_other_until_one_is_gone() {
    let Some(cluster) = Cluster::start() else { return };
    let url = cluster.create_database("status");
    let (one, mut other) = (start(&url).await, start(&url).await);
    for (server, their) in [(&one, &other), (&other, &one)] {
        let seen = status(&server.admin()).await;
        assert_eq!(seen["problems"], json!([]), "{seen:#}");
        let port = |server: &Floh| format!(":{}", server.address().port());
        let marks: Vec<bool> = [server, their]
            .map(|server| {
                let servers = seen["servers"].as_array().unwrap().iter();
                let mut found = servers.filter(|row| row["address"].as_str().unwrap().ends_with(&port(server)));
                found.next().unwrap_or_else(|| panic!("{} in {seen:#}", port(server)))["answers"].as_bool().unwrap()
            })
            .into();
        assert_eq!(marks, [true, false], "{seen:#}");
        assert_eq!(seen["database"]["kind"], "postgresql");
        assert_eq!(seen["agents"], json!({ "here": 0, "everywhere": null }));
    }
    let exit = command(&one, &[]).await;
    assert_eq!((exit.code, exit.stderr.as_str()), (Some(0), ""), "{exit:?}");
    assert_eq!(exit.stdout.lines().filter(|line| line.starts_with("* ")).count(), 1, "{exit:?}");
    assert!(exit.stdout.contains(&format!(":{}", other.address().port())), "{exit:?}");
    assert!(exit.stdout.contains("database   PostgreSQL, "), "{exit:?}");

    other.kill_9().await;
    let admin = one.admin();
    eventually("the end of the dead server's lease", async || {
        (status(&admin).await["servers"].as_array().unwrap().len() == 1).then_some(())
    })
    .await;
    let seen = status(&admin).await;
    assert_eq!((&seen["agents"]["everywhere"], &seen["problems"]), (&json!(0), &json!([])), "{seen:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_database_is_a_problem_and_no_silence() {
    let Some(cluster) = Cluster::start() else { return };
    let url = cluster.create_database("status");
    let floh = start(&url).await;
    let (admin, anyone) = (floh.admin(), floh.anyone());
    assert_eq!(status(&admin).await["problems"], json!([]));
    let ready = anyone.get("/readyz").await.expect(200);
    assert_eq!(ready["parts"][2], json!({ "part": "database", "state": "ok" }), "{ready}");

    cluster.stall();
    let unready = async || {
        let answer = soon(&anyone, "/readyz").await;
        (answer.status == 503).then(|| answer.problem(503))
    };
    let ready = eventually("the end of readiness", unready).await;
    assert_eq!(ready["detail"], "the database does not answer");
    let failed: Vec<&Value> =
        ready["parts"].as_array().unwrap().iter().filter(|part| part["state"] == "failed").collect();
    assert_eq!(
        failed,
        [&json!({ "part": "database", "state": "failed", "text": "the database does not answer" })],
        "{ready}"
    );
    for _ in 0..3 {
        let seen = soon(&admin, "/api/status").await.expect(200);
        let told = seen["problems"].as_array().unwrap().iter();
        let told: Vec<(&str, &str)> =
            told.map(|one| (one["part"].as_str().unwrap(), one["reason"].as_str().unwrap())).collect();
        for part in ["servers", "database"] {
            let why = "the database does not answer";
            assert!(told.iter().any(|(about, reason)| *about == part && reason.ends_with(why)), "{seen:#}");
        }
        assert_eq!((seen["servers"].as_array().unwrap().len(), &seen["database"]["bytes"]), (1, &Value::Null));
    }
    let exit = command(&floh, &[]).await;
    assert_eq!(exit.code, Some(1), "{exit:?}");
    assert!(exit.stdout.starts_with("PROBLEM    "), "{exit:?}");
    let exit = command(&floh, &["--json"]).await;
    assert_eq!(exit.code, Some(1), "{exit:?}");
    let told: Value = serde_json::from_str(&exit.stdout).unwrap();
    assert_eq!(told["database"]["migration"], Value::Null, "{told:#}");

    cluster.go_on();
    eventually("readiness", async || (anyone.get("/readyz").await.status == 200).then_some(())).await;
    eventually("a status without problems", async || {
        (soon(&admin, "/api/status").await.expect(200)["problems"] == json!([])).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_says_what_it_lacks() {
    let floh = Floh::start([]).await;
    let exit = command(&floh, &["--json"]).await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
    let told: Value = serde_json::from_str(&exit.stdout).unwrap();
    assert_eq!((&told["problems"], &told["database"]["kind"]), (&json!([]), &json!("sqlite")), "{told:#}");

    let server = format!("http://{}", floh.address());
    let body = json!({ "name": "reader", "kind": "api", "scopes": ["audit:read"] });
    let reader = floh.admin().post("/api/tokens", &body).await.expect(201);
    let token = reader["token"].as_str().unwrap();
    let exit = run(["status"], &[("FLOH_SERVER", server.as_str()), ("FLOH_TOKEN", token)]).await;
    assert_eq!((exit.code, exit.stdout.as_str()), (Some(1), ""), "{exit:?}");
    assert!(exit.stderr.contains("metrics:read"), "{exit:?}");
    let exit = run(["status"], &[("FLOH_SERVER", server.as_str())]).await;
    assert_eq!(exit.code, Some(2), "{exit:?}");
    assert!(exit.stderr.contains("--scope metrics:read"), "{exit:?}");
}
