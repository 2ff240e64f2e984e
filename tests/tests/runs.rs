//! Runs through the real binary: killed at random moments, they lose nothing that was acknowledged and repeat nothing that
//! was committed.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

#[path = "runs/script.rs"]
mod script;
#[path = "runs/several.rs"]
mod several;
#[path = "runs/wait.rs"]
mod wait;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use test_support::{ADMIN_TOKEN, Client, Floh, Reply, Upstream, eventually};

/// How often the server is killed, and how many runs of ten steps there are.
const KILLS: usize = 50;
const RUNS: usize = 1_000;
/// How many runs are looked at before each kill: what they have committed then may not happen again.
const LOOKED_AT: usize = 40;

/// What an upstream was asked: the method and the key of the step, with the number of the server's life, for each time.
type Effects = Mutex<BTreeMap<(String, String), Vec<usize>>>;

/// Random numbers of a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }
}

async fn connector(floh: &Floh, upstream: &Upstream) {
    let id = json!([{ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } }]);
    let operation = |name: &str| json!({ "operationId": name, "responses": { "200": { "description": "done" } } });
    let spec = json!({
        "openapi": "3.0.3", "info": { "title": "Items", "version": "1.0.0" }, "servers": [{ "url": upstream.url("/") }],
        "paths": { "/items/{id}": {
            "parameters": id, "get": operation("readItem"), "put": operation("putItem"), "post": operation("makeItem") } },
    });
    let draft = floh.admin().post("/api/connectors/parse-oas", &json!({ "spec": spec, "name": "items" })).await;
    floh.admin().post("/api/connectors", &draft.expect(200)).await.expect(201);
}

/// Ten steps of mixed effects.
fn steps() -> Value {
    let call = |number: usize, command: &str| {
        let id = format!("s{number}");
        json!({ "id": id, "connector": "items", "command": command, "params": { "id": format!("{{{{run.id}}}}-{id}") } })
    };
    let mut steps: Vec<Value> =
        ["readItem", "putItem", "makeItem", "readItem", "makeItem", "putItem", "makeItem", "makeItem", "putItem"]
            .iter()
            .enumerate()
            .map(|(number, command)| call(number, command))
            .collect();
    steps.insert(5, json!({ "id": "pause", "wait": { "forMs": 30 } }));
    json!(steps)
}

/// Starts a run under a key until a server says that it was accepted.
async fn start(server: &Mutex<Client>, body: &str, key: &str) -> String {
    let token = format!("Bearer {ADMIN_TOKEN}");
    let headers = [("content-type", "application/json"), ("authorization", token.as_str()), ("idempotency-key", key)];
    loop {
        let client = server.lock().unwrap().clone();
        if let Ok(mut connection) = client.connect().await
            && let Ok(answer) = connection.send("POST", "/api/runs", &headers, body.as_bytes()).await
            // A server that is just being stopped, or one that has not yet freed the key of a dead one.
            && !matches!(answer.status, 409 | 503)
        {
            return answer.expect(202)["id"].as_str().unwrap().to_owned();
        }
        tokio::task::yield_now().await;
    }
}

async fn get_run(client: &Client, id: &str) -> Value {
    client.get(&format!("/api/runs/{id}")).await.expect(200)
}

/// Returns the keys of the steps that a run has behind it.
fn succeeded(run: &Value) -> impl Iterator<Item = String> {
    let id = run["id"].as_str().unwrap();
    let tasks = run["tasks"].as_array().unwrap().iter().filter(|task| task["status"] == "succeeded");
    tasks.map(move |task| format!("{id}-{}", task["stepId"].as_str().unwrap()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_at_random_moments_loses_and_repeats_nothing() {
    let seed = u64::from(std::process::id());
    eprintln!("seed {seed}");
    let (effects, life, asked) =
        (Arc::<Effects>::default(), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let upstream = {
        let (effects, life, asked) = (Arc::clone(&effects), Arc::clone(&life), Arc::clone(&asked));
        Upstream::start(move |request| {
            let key = request.target.trim_start_matches("/items/").to_owned();
            let mut effects = effects.lock().unwrap();
            effects.entry((request.method.clone(), key)).or_default().push(life.load(Ordering::SeqCst));
            asked.fetch_add(1, Ordering::SeqCst);
            Reply::json(200, &json!({ "ok": true }))
        })
        .await
    };
    let mut floh = Floh::start([&upstream]).await;
    connector(&floh, &upstream).await;
    let server = Arc::new(Mutex::new(floh.anyone()));
    let accepted = Arc::<Mutex<Vec<String>>>::default();
    let starters: Vec<_> = (0..4)
        .map(|starter| {
            let (server, accepted) = (Arc::clone(&server), Arc::clone(&accepted));
            tokio::spawn(async move {
                let body = json!({ "steps": steps() }).to_string();
                for number in (0..RUNS).filter(|number| number % 4 == starter) {
                    let id = start(&server, &body, &format!("key-{number}")).await;
                    accepted.lock().unwrap().push(id);
                }
            })
        })
        .collect();
    let mut dice = Dice(seed);
    // What was committed in a life of the server, by the key of the step.
    let mut committed: BTreeMap<String, usize> = BTreeMap::new();
    for kill in 0..KILLS {
        let wanted = asked.load(Ordering::SeqCst) + 1 + dice.below(2 * RUNS * 9 / KILLS);
        let is_over = || accepted.lock().unwrap().len() == RUNS && asked.load(Ordering::SeqCst) >= RUNS * 7;
        eventually("requests", || {
            std::future::ready((asked.load(Ordering::SeqCst) >= wanted || is_over()).then_some(()))
        })
        .await;
        let known = accepted.lock().unwrap().clone();
        for _ in 0..LOOKED_AT.min(known.len()) {
            let run = get_run(&floh.admin(), &known[dice.below(known.len())]).await;
            for key in succeeded(&run) {
                committed.entry(key).or_insert(kill);
            }
        }
        floh.kill_9().await;
        life.fetch_add(1, Ordering::SeqCst);
        floh.restart().await;
        *server.lock().unwrap() = floh.anyone();
    }
    for starter in starters {
        starter.await.unwrap();
    }
    let unfinished = "/api/runs?status=queued,running,waiting&limit=1";
    let admin = floh.admin();
    eventually("the end of every run", async || {
        let list = admin.get(unfinished).await.expect(200);
        list["items"].as_array().unwrap().is_empty().then_some(())
    })
    .await;
    let (accepted, effects) = (accepted.lock().unwrap().clone(), effects.lock().unwrap().clone());
    check(&floh, &accepted, &effects, &committed).await;
}

async fn check(
    floh: &Floh,
    accepted: &[String],
    effects: &BTreeMap<(String, String), Vec<usize>>,
    committed: &BTreeMap<String, usize>,
) {
    let (mut all, mut cursor) = (BTreeSet::new(), String::new());
    loop {
        let page = floh.admin().get(&format!("/api/runs?limit=500{cursor}")).await.expect(200);
        all.extend(page["items"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["nextCursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(accepted.iter().cloned().collect::<BTreeSet<_>>(), all, "each key has one run, and each run is there");
    assert_eq!(all.len(), RUNS);
    let mut lost = 0;
    for id in &all {
        let run = get_run(&floh.admin(), id).await;
        let tasks = run["tasks"].as_array().unwrap();
        let of = |task: &Value, method: &str| {
            let key = format!("{id}-{}", task["stepId"].as_str().unwrap());
            effects.get(&(method.to_owned(), key)).map_or(0, Vec::len)
        };
        for task in tasks {
            let posts = of(task, "POST");
            assert!(posts <= 1, "what is not idempotent is never repeated: {task}");
            match task["status"].as_str().unwrap() {
                "succeeded" => {
                    assert!(task["stepId"] == "pause" || posts + of(task, "PUT") + of(task, "GET") >= 1, "{task}");
                }
                "unknown" => assert_eq!(of(task, "PUT") + of(task, "GET"), 0, "what may be repeated is: {task}"),
                other => panic!("a task is {other}: {run}"),
            }
        }
        match run["status"].as_str().unwrap() {
            "succeeded" => assert_eq!(tasks.len(), 10, "{run}"),
            "failed" => {
                lost += 1;
                assert_eq!(run["failure"]["code"], "outcome_unknown", "{run}");
                assert_eq!(tasks.last().unwrap()["status"], "unknown", "{run}");
            }
            other => panic!("a run is {other}: {run}"),
        }
    }
    eprintln!("{lost} of {RUNS} runs ended with an unknown outcome");
    assert!(lost <= KILLS * 32, "no more than were at work");
    for ((method, key), lives) in effects {
        if let Some(life) = committed.get(key) {
            assert!(
                lives.iter().all(|at| at <= life),
                "{method} {key} was committed in life {life} and came again: {lives:?}"
            );
        }
    }
}
