//! Three servers on one PostgreSQL share the runs: one is killed, one is stalled for longer than its lease and comes back,
//! and the database crashes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_support::postgres::Cluster;
use test_support::{Client, Floh, Gate, Reply, Setup, Upstream, eventually};

use super::{connector, get_run, start, steps};

const RUNS: usize = 300;
/// How long the others may need to take the runs of a dead server up, its lease of 15 s included.
const TAKEN_UP: Duration = Duration::from_secs(30);
/// The steps that a server works on at once.
const WORKERS: usize = 8;
const MASTER_KEY: &str = "87bUxcLXIXNBlLlDazbZU6BeaOPxZpaiMah1u/DzyAU=";

/// How often each step was asked for, by method and key.
type Effects = Arc<Mutex<BTreeMap<(String, String), usize>>>;

struct Servers {
    all: Vec<Floh>,
    cluster: Cluster,
    effects: Effects,
    /// How many calls that are not idempotent have come; their answers wait behind the gate.
    posts: Arc<AtomicUsize>,
    gate: Arc<Mutex<Gate>>,
    _upstream: Upstream,
}

impl Servers {
    async fn start() -> Option<Self> {
        let cluster = Cluster::start()?;
        let url = cluster.create_database("runs");
        let (effects, posts) = (Effects::default(), Arc::<AtomicUsize>::default());
        let gate = Arc::new(Mutex::new(Gate::shut()));
        let upstream = {
            let (effects, posts, gate) = (Arc::clone(&effects), Arc::clone(&posts), Arc::clone(&gate));
            Upstream::start(move |request| {
                let key = request.target.trim_start_matches("/items/").to_owned();
                *effects.lock().unwrap().entry((request.method.clone(), key)).or_default() += 1;
                let reply = Reply::json(200, &json!({ "ok": true }));
                if request.method != "POST" {
                    return reply;
                }
                posts.fetch_add(1, Ordering::SeqCst);
                reply.behind(&gate.lock().unwrap())
            })
            .await
        };
        let mut all = Vec::new();
        for _ in 0..3 {
            let setup = Setup::default().env("FLOH_DATABASE_URL", &url).env("FLOH_MASTER_KEY", MASTER_KEY);
            let setup = setup.arg("--run-workers").arg(WORKERS.to_string()).allow(upstream.address());
            all.push(setup.start().await);
        }
        connector(&all[0], &upstream).await;
        Some(Self { all, cluster, effects, posts, gate, _upstream: upstream })
    }

    /// Starts all runs, by turns at each of the servers.
    async fn accept(&self, first: usize, last: usize) -> Vec<String> {
        let body = json!({ "steps": steps() }).to_string();
        let starts = (first..last).map(|number| {
            let server = Mutex::new(self.all[number % self.all.len()].anyone());
            let (body, key) = (body.clone(), format!("key-{number}"));
            tokio::spawn(async move { start(&server, &body, &key).await })
        });
        let starts: Vec<_> = starts.collect();
        let mut ids = Vec::new();
        for start in starts {
            ids.push(start.await.unwrap());
        }
        ids
    }

    /// Starts runs and waits until every worker of every server has a call that is not idempotent, which does not end.
    async fn accept_and_hold(&self, first: usize, last: usize) -> Vec<String> {
        *self.gate.lock().unwrap() = Gate::shut();
        let before = self.posts.load(Ordering::SeqCst);
        let ids = self.accept(first, last).await;
        let wanted = before + self.all.len() * WORKERS;
        eventually("calls", async || (self.posts.load(Ordering::SeqCst) >= wanted).then_some(())).await;
        ids
    }

    /// Lets the calls end.
    fn answer(&self) {
        self.gate.lock().unwrap().open();
    }
}

async fn all_ended(admin: &Client) {
    eventually("the end of every run", async || {
        let list = admin.get("/api/runs?status=queued,running,waiting&limit=1").await;
        // The database may be away.
        (list.status == 200 && list.expect(200)["items"].as_array().unwrap().is_empty()).then_some(())
    })
    .await;
}

/// Checks each run, and returns how many ended with an unknown outcome, and what became of each and of its steps.
async fn check(servers: &Servers, ids: &[String], admin: &Client) -> (usize, Vec<Value>) {
    let effects = servers.effects.lock().unwrap().clone();
    let mut ends = Vec::new();
    let mut unknown = 0;
    for id in ids {
        let run = get_run(admin, id).await;
        let tasks = run["tasks"].as_array().unwrap();
        for task in tasks {
            let key = format!("{id}-{}", task["stepId"].as_str().unwrap());
            let posts = effects.get(&("POST".to_owned(), key)).copied().unwrap_or_default();
            assert!(posts <= 1, "what is not idempotent is never repeated: {task}");
        }
        match run["status"].as_str().unwrap() {
            "succeeded" => assert_eq!(tasks.len(), 10, "{run}"),
            "failed" => {
                unknown += 1;
                let last = tasks.last().unwrap();
                assert_eq!((&run["failure"]["code"], &last["status"]), (&json!("outcome_unknown"), &json!("unknown")));
            }
            other => panic!("a run is {other}: {run}"),
        }
        // The result of an unknown step is its call's, which is told late.
        let steps: Vec<_> = tasks.iter().map(|task| (&task["stepId"], &task["status"])).collect();
        ends.push(json!([run["status"], run["position"], run["failure"], run["finishedAt"], run["variables"], steps]));
    }
    (unknown, ends)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_share_runs_and_outlive_one_that_is_killed_and_one_that_stalls() {
    let Some(mut servers) = Servers::start().await else { return };
    let mut ids = servers.accept_and_hold(0, RUNS / 2).await;
    servers.all[0].kill_9().await;
    let began = Instant::now();
    servers.answer();
    let admin = servers.all[2].admin();
    all_ended(&admin).await;
    assert!(began.elapsed() < TAKEN_UP, "the others took {:?}", began.elapsed());
    let (unknown, _) = check(&servers, &ids, &admin).await;
    assert_eq!(unknown, WORKERS, "what the dead server had at work");
    servers.all.remove(0);

    ids.extend(servers.accept_and_hold(RUNS / 2, RUNS).await);
    servers.all[0].stall();
    servers.answer();
    all_ended(&admin).await;
    let (unknown, before) = check(&servers, &ids, &admin).await;
    assert_eq!(unknown, 2 * WORKERS, "what the stalled server had at work too");
    servers.all[0].go_on();
    // Its calls have ended now, and their rows say so; what became of the runs stays as it is.
    let back = servers.all[0].admin();
    eventually("the true ends", async || {
        let left = back.get("/api/executions?status=unknown&limit=500").await;
        (left.status == 200 && left.expect(200)["items"].as_array().unwrap().len() == WORKERS).then_some(())
    })
    .await;
    let (again, after) = check(&servers, &ids, &back).await;
    assert_eq!((unknown, &before), (again, &after));
    // It works again.
    let more = servers.accept(RUNS, RUNS + 4).await;
    all_ended(&admin).await;
    assert_eq!(check(&servers, &more, &admin).await.0, 0);
    let left = admin.get("/api/executions?status=started,accepted&limit=1").await.expect(200);
    assert_eq!(left["items"], json!([]), "every call is settled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_outlive_a_crash_of_the_database() {
    let Some(mut servers) = Servers::start().await else { return };
    let ids = servers.accept_and_hold(0, RUNS / 2).await;
    servers.cluster.crash();
    let admin = servers.all[1].admin();
    eventually("the database", async || (admin.get("/readyz").await.status == 200).then_some(())).await;
    servers.answer();
    all_ended(&admin).await;
    let (unknown, _) = check(&servers, &ids, &admin).await;
    assert!(unknown <= 3 * WORKERS, "{unknown} runs, and no more than were at work");
}
