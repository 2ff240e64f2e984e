//! NATS that is away, that refuses, or that takes too little.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use test_support::certificates::Authority;
use test_support::nats::{LARGE, Nats};
use test_support::postgres::Cluster;
use test_support::{Exit, Gate, Setup, eventually};
use tokio::time::sleep;

use crate::fixture::{calls, execute, service};
use crate::group::{Group, MASTER_KEY, Switch, listed_at};

/// How long NATS is away under load.
const AWAY: Duration = Duration::from_secs(10);
const CALLERS: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_executed_late_or_twice_when_nats_is_killed_under_load() {
    let Some(mut group) = Group::start(2).await else { return };
    let service = service(&Gate::shut()).await;
    let switch = Switch::to(&group.servers[0]).await;
    let site = group.crm(&service, &switch).await;
    let _agent = site.start().await;
    listed_at(&group.servers[1], "connected", |agent| agent["state"] == "connected").await;
    // By name: the status and the body.
    let answers = Arc::<Mutex<BTreeMap<String, (u16, Value)>>>::default();
    let stop = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (client, answers, stop) = (group.servers[1].admin(), Arc::clone(&answers), Arc::clone(&stop));
            tokio::spawn(async move {
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let name = format!("{caller}-{number}");
                    let call = json!({ "command": "addUser", "params": { "name": name }, "timeoutMs": 8000 });
                    let answer = client.post("/api/connectors/crm/execute", &call).await;
                    let status = answer.status;
                    answers.lock().unwrap().insert(name, (status, answer.expect(status)));
                }
            })
        })
        .collect();
    let succeeded = || answers.lock().unwrap().values().filter(|(_, body)| body["success"] == true).count();
    eventually("calls", async || (succeeded() > 50).then_some(())).await;
    group.nats.kill().await;
    sleep(AWAY).await;
    group.nats.restart().await;
    let before = succeeded();
    eventually("calls that succeed again", async || (succeeded() > before + 50).then_some(())).await;
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    let mut executed = BTreeMap::<String, usize>::new();
    for call in calls(&service, "addUser") {
        *executed.entry(call["params"]["name"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let answers = answers.lock().unwrap().clone();
    let (mut refused, mut unknown) = (0, 0);
    for (name, (status, body)) in answers {
        let times = executed.get(&name).copied().unwrap_or_default();
        match (status, body["success"] == true, body["diagnostics"]["outcome"] == "unknown") {
            (200, true, _) => assert_eq!(times, 1, "{name} succeeded"),
            (200, false, true) => {
                unknown += 1;
                assert!(times <= 1, "{name} is unknown, and was executed {times} times");
            }
            (503, ..) => {
                refused += 1;
                assert_eq!(times, 0, "{name} was refused, and was executed");
            }
            _ => panic!("{name} ended as {status} {body}, and was executed {times} times"),
        }
    }
    assert!(refused > 0 && unknown <= CALLERS, "{refused} were refused, {unknown} are unknown");
}

async fn refused(url: &str, cluster: &Cluster, name: &str, more: &[(&str, &str)]) -> Exit {
    let setup = Setup::default().env("FLOH_DATABASE_URL", &cluster.create_database(name));
    let setup = setup.env("FLOH_MASTER_KEY", MASTER_KEY).env("FLOH_NATS_URL", url);
    let setup = more.iter().fold(setup, |setup, (name, value)| setup.env(name, value));
    match setup.try_start().await {
        Err(exit) => exit,
        Ok(_) => panic!("{name}: it started"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nats_that_cannot_be_used_stops_the_start_and_says_why() {
    let Some(cluster) = Cluster::start() else { return };
    let Some(small) = Nats::start("").await else { return };
    let said = refused(&small.url(), &cluster, "small", &[]).await;
    assert!(said.stderr.contains("max_payload: 16MB"), "{said:?}");

    let users = "authorization { users: [ { user: floh, password: right, permissions: \
                 { publish: [\"floh.agent.>\", \"floh.taken.>\"], subscribe: \"floh.>\" } } ] }";
    let nats = Nats::start(&format!("{LARGE}\n{users}")).await.unwrap();
    let file = nats.folder().join("user");
    let credentials = [("FLOH_NATS_CREDENTIALS", file.to_str().unwrap())];
    fs::write(&file, "floh:wrong").unwrap();
    let said = refused(&nats.url(), &cluster, "wrong", &credentials).await;
    assert!(said.stderr.contains("does not let this server in"), "{said:?}");
    assert!(!said.stderr.contains("wrong\"") && !said.stderr.contains("floh:wrong"), "{said:?}");
    fs::write(&file, "floh:right").unwrap();
    let said = refused(&nats.url(), &cluster, "silent", &credentials).await;
    assert!(said.stderr.contains("floh.result.") && said.stderr.contains("floh.>"), "{said:?}");

    let alone = Setup::default().env("FLOH_NATS_URL", &nats.url()).try_start().await.unwrap_err();
    assert!(alone.stderr.contains("SQLite") && alone.stderr.contains("--database-url"), "{alone:?}");
    let open = Setup::default().env("FLOH_NATS_URL", "nats://nats.example:4222").try_start().await.unwrap_err();
    assert!(open.stderr.contains("write tls://"), "{open:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_reach_nats_by_tls_and_show_a_certificate() {
    let Some(cluster) = Cluster::start() else { return };
    let home = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let ca = authority.write(home.path());
    let (certificate, key) = authority.client(&["127.0.0.1"]);
    let files = ["cert.pem", "key.pem"].map(|name| home.path().join(name));
    fs::write(&files[0], certificate).unwrap();
    fs::write(&files[1], key).unwrap();
    let configuration = format!(
        "{LARGE}\ntls {{ cert_file: {:?}, key_file: {:?}, ca_file: {ca:?}, verify: true }}",
        files[0], files[1]
    );
    let Some(nats) = Nats::start(&configuration).await else { return };
    let url = format!("tls://127.0.0.1:{}", nats.port());
    let said = refused(&url, &cluster, "stranger", &[]).await;
    assert!(said.stderr.contains("TLS"), "{said:?}");
    let setup = Setup::default().env("FLOH_DATABASE_URL", &cluster.create_database("tls"));
    let setup = setup.env("FLOH_MASTER_KEY", MASTER_KEY).env("FLOH_NATS_URL", &url);
    let setup = setup.env("FLOH_NATS_CA", ca.to_str().unwrap());
    let setup = setup.env("FLOH_NATS_CERTIFICATE", files[0].to_str().unwrap());
    let floh = setup.env("FLOH_NATS_KEY", files[1].to_str().unwrap()).start().await;
    floh.admin().get("/api/connectors/agents").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_starts_without_nats_and_joins_when_it_is_there() {
    let Some(mut group) = Group::start(1).await else { return };
    group.nats.kill().await;
    let late = group.more().await;
    let service = service(&Gate::shut()).await;
    let switch = Switch::to(&group.servers[0]).await;
    let site = group.crm(&service, &switch).await;
    let _agent = site.start().await;
    group.nats.restart().await;
    eventually("the way to the agent", async || {
        let call = json!({ "command": "listUsers" });
        let answer = late.admin().post("/api/connectors/crm/execute", &call).await;
        (answer.status == 200 && answer.expect(200)["success"] == true).then_some(())
    })
    .await;
    let own = execute(&group.servers[0].admin(), "crm", &json!({ "command": "listUsers" })).await;
    assert_eq!(own["success"], true, "{own}");
}
