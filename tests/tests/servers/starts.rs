//! Servers that start on one database: with and without an admin token in their environments, and several at once.

use std::time::{Duration, Instant};

use serde_json::json;
use test_support::postgres::Cluster;
use test_support::{ADMIN_TOKEN, Client, Floh, Setup, eventually};

use crate::group::MASTER_KEY;

/// Another token than [`ADMIN_TOKEN`].
const OTHER_TOKEN: &str = "3f9c1be7a2d84056-of-another-server-71cc";
/// What a server says with a token that it makes.
const FIRST: &str = "This admin token is shown once";
/// What looks after the tokens of environments.
const TENDS: &str = "token of the environment";
/// How long the token of a server that dies may go on to work: its lease of 15 s, a look of 10 s, and the second after which a
/// write counts; with what a machine that runs other tests beside may add.
const ENDS: Duration = Duration::from_secs(30);
/// How many servers start at once.
const AT_ONCE: usize = 4;
/// How often they do.
const ROUNDS: usize = 3;

fn setup(url: &str) -> Setup {
    Setup::default().env("FLOH_DATABASE_URL", url).env("FLOH_MASTER_KEY", MASTER_KEY)
}

/// Returns whether a server takes a token, which nothing else may refuse.
async fn takes(floh: &Floh, token: &str) -> bool {
    let answer = floh.anyone().with_token(token).get("/api/tokens").await;
    assert!(matches!(answer.status, 200 | 401), "{answer}");
    answer.status == 200
}

/// Waits until a server knows what another one wrote before.
async fn follows(floh: &Floh, writer: &Client) {
    let body = json!({ "name": "ci", "kind": "api", "scopes": ["connectors:read"] });
    let made = writer.post("/api/tokens", &body).await.expect(201);
    let ci = floh.anyone().with_token(made["token"].as_str().unwrap());
    ci.get("/api/connectors").await.expect(200);
    writer.delete(&format!("/api/tokens/{}", made["id"].as_str().unwrap())).await.expect(204);
    eventually("the end of a token", async || (ci.get("/api/connectors").await.status == 401).then_some(())).await;
}

/// Row 16.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_an_admin_token_leaves_that_of_another_alone() {
    let Some(cluster) = Cluster::start() else { return };
    let url = cluster.create_database("without");
    let mut one = setup(&url).start().await;
    let mut other = setup(&url).without_env("FLOH_ADMIN_TOKEN").start().await;
    for round in 0..2 {
        if round > 0 {
            other.restart().await;
        }
        assert!(!other.stdout().contains(FIRST) && !other.stdout().contains("/login/"), "{}", other.stdout());
        follows(&one, &other.anyone().with_token(ADMIN_TOKEN)).await;
        assert!(takes(&one, ADMIN_TOKEN).await && takes(&other, ADMIN_TOKEN).await, "round {round}");
    }
    assert_eq!(cluster.sql("without", "SELECT name FROM token"), "FLOH_ADMIN_TOKEN");
    // Once no environment has it any more, it stays, so that a start that forgets the variable locks nobody out.
    one.terminate();
    one.exit().await;
    one.restart_as(setup(&url).without_env("FLOH_ADMIN_TOKEN")).await;
    assert!(!one.stdout().contains(FIRST), "{}", one.stdout());
    assert!(takes(&one, ADMIN_TOKEN).await && takes(&other, ADMIN_TOKEN).await);
}

/// Waits until a server has looked after the tokens of environments once more.
async fn tended(floh: &Floh, token: &str) {
    let client = floh.anyone().with_token(token);
    let last = async || {
        let status = client.get("/api/status").await.expect(200);
        let task = status["tasks"].as_array().unwrap().iter().find(|task| task["name"] == TENDS).cloned();
        task.unwrap_or_else(|| panic!("no task {TENDS}: {status}"))["last"].clone()
    };
    let before = last().await["at"].clone();
    eventually("a look after the token", async || {
        let run = last().await;
        (!run.is_null() && run["at"] != before).then(|| assert!(run["error"].is_null(), "{run}"))
    })
    .await;
}

/// Row 16: both tokens live as long as a server has them.
#[tokio::test(flavor = "multi_thread")]
async fn the_admin_tokens_of_living_servers_work_on_all() {
    let Some(cluster) = Cluster::start() else { return };
    let url = cluster.create_database("two");
    let mut one = setup(&url).start().await;
    let other = setup(&url).env("FLOH_ADMIN_TOKEN", OTHER_TOKEN).start().await;
    let all_work = async |one: &Floh| {
        for server in [one, &other] {
            assert!(takes(server, ADMIN_TOKEN).await && takes(server, OTHER_TOKEN).await);
        }
    };
    all_work(&one).await;
    // Each looks after its own while the other lives.
    tokio::join!(tended(&one, ADMIN_TOKEN), tended(&other, OTHER_TOKEN));
    follows(&one, &other.anyone().with_token(OTHER_TOKEN)).await;
    all_work(&one).await;

    one.kill_9().await;
    let died = Instant::now();
    // Nobody knows yet that it is dead.
    let still = takes(&other, ADMIN_TOKEN).await;
    let status = other.anyone().with_token(OTHER_TOKEN).get("/api/status").await.expect(200);
    let servers = status["servers"].as_array().unwrap().len();
    assert!(still || servers == 1, "the token ended while the lease went on: {status}");
    eventually("the end of the dead server's token", async || {
        assert!(takes(&other, OTHER_TOKEN).await, "that of the living one stays");
        (!takes(&other, ADMIN_TOKEN).await).then_some(())
    })
    .await;
    assert!(died.elapsed() < ENDS, "{:?}", died.elapsed());
    assert_eq!(cluster.sql("two", "SELECT count(*) FROM token"), "1");

    // It comes back with its server.
    one.restart().await;
    all_work(&one).await;
}

/// Row 16: a server that stops gives its lease back, so its token ends with the next look of another one.
#[tokio::test(flavor = "multi_thread")]
async fn the_admin_token_of_a_server_that_stops_ends_with_the_next_look() {
    let Some(cluster) = Cluster::start() else { return };
    let url = cluster.create_database("stops");
    let mut one = setup(&url).start().await;
    let other = setup(&url).env("FLOH_ADMIN_TOKEN", OTHER_TOKEN).start().await;
    assert!(takes(&other, ADMIN_TOKEN).await);
    one.terminate();
    one.exit().await;
    tended(&other, OTHER_TOKEN).await;
    eventually("the end of the stopped server's token", async || (!takes(&other, ADMIN_TOKEN).await).then_some(()))
        .await;
    assert!(takes(&other, OTHER_TOKEN).await);
    assert_eq!(cluster.sql("stops", "SELECT count(*) FROM token"), "1");
}

/// Starts servers at the same moment, on an empty database, and checks what they left there.
async fn at_once(cluster: &Cluster, name: &str, how: impl Fn(Setup) -> Setup) -> Vec<Floh> {
    let url = cluster.create_database(name);
    // All are made ready before the first is started.
    let setups: Vec<_> = (0..AT_ONCE).map(|_| how(setup(&url))).collect();
    let starts: Vec<_> = setups.into_iter().map(|setup| tokio::spawn(setup.start())).collect();
    let mut servers = Vec::new();
    for start in starts {
        servers.push(start.await.unwrap());
    }
    let counts = "SELECT (SELECT count(*) FROM connector_type), (SELECT count(DISTINCT type_id) FROM connector_type_version), \
         (SELECT count(*) FROM connector_type_version), (SELECT count(*) FROM token)";
    let counts = cluster.sql(name, counts);
    let [types, with_history, history, tokens] = counts.split('|').collect::<Vec<_>>()[..] else { panic!("{counts}") };
    assert!(types == with_history && types == history, "types, those with a history, its rows, tokens: {counts}");
    assert!(types.parse::<usize>().unwrap() > 3, "{counts}");
    assert_eq!(tokens, "1", "{counts}");
    for server in &servers {
        server.anyone().get("/readyz").await.expect(200);
    }
    servers
}

/// Checks that all servers take a token, and know of each other.
async fn check(servers: &[Floh], token: &str) {
    for server in servers {
        let status = server.anyone().with_token(token).get("/api/status").await.expect(200);
        assert_eq!(status["servers"].as_array().unwrap().len(), AT_ONCE, "{status}");
    }
}

/// Row 17.
#[tokio::test(flavor = "multi_thread")]
async fn four_first_starts_at_once_seed_once() {
    let Some(cluster) = Cluster::start() else { return };
    for round in 0..ROUNDS {
        let servers = at_once(&cluster, &format!("seeds{round}"), |setup| setup).await;
        assert!(servers.iter().all(|server| !server.stdout().contains(FIRST)));
        check(&servers, ADMIN_TOKEN).await;
    }
}

/// Row 18.
#[tokio::test(flavor = "multi_thread")]
async fn four_first_starts_at_once_print_one_token() {
    let Some(cluster) = Cluster::start() else { return };
    for round in 0..ROUNDS {
        let name = format!("prints{round}");
        let servers = at_once(&cluster, &name, |setup| setup.without_env("FLOH_ADMIN_TOKEN")).await;
        let printed: Vec<_> = servers.iter().map(Floh::stdout).filter(|said| said.contains(FIRST)).collect();
        let [said] = &printed[..] else { panic!("{} servers print a token", printed.len()) };
        let (_, rest) = said.split_once("Bearer ").unwrap();
        let (token, _) = rest.split_once('\'').unwrap();
        check(&servers, token).await;
        assert_eq!(cluster.sql(&name, "SELECT name, environment FROM token"), "first start|0");
    }
}
