//! PostgreSQL that is away: ended, or silent, as a machine without power is. Within a second everything says so, nothing is
//! sent, and all is well within a second after it is back.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_support::postgres::Cluster;
use test_support::{Answer, Floh, Gate, Reply, Setup, Upstream, eventually};
use tokio::task::block_in_place;
use tokio::time::sleep_until;

/// Within this time after the database went away everybody is told, and all is well after it is back.
const LIMIT: Duration = Duration::from_secs(1);
/// What a busy machine may add to it.
const SLACK: Duration = Duration::from_millis(1_000);
const TOKEN: &str = "Bearer end-to-end-admin-0123456789abcdef";

/// What a server is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    /// A call that changes something.
    Execute,
    /// The same under an `Idempotency-Key`; the number makes it.
    ExecuteWithKey(usize),
    /// A call that only reads.
    Read,
    Connectors,
    Executions,
    Ready,
    Page,
}

const ASKS: [Ask; 6] = [Ask::Execute, Ask::Read, Ask::Connectors, Ask::Executions, Ask::Ready, Ask::Page];

struct Scene {
    cluster: Cluster,
    floh: Floh,
    /// The session of the web pages.
    cookie: String,
    /// How many calls that change something the upstream saw.
    posts: Arc<AtomicUsize>,
    /// How many calls that only read it saw.
    gets: Arc<AtomicUsize>,
    keys: AtomicUsize,
    /// What the upstream's answers wait for, if anything.
    gate: Arc<Mutex<Option<Gate>>>,
    _upstream: Upstream,
}

impl Scene {
    async fn start() -> Option<Self> {
        let cluster = Cluster::start()?;
        let url = cluster.create_database("away");
        let (posts, gets) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let gate = Arc::<Mutex<Option<Gate>>>::default();
        let upstream = {
            let (posts, gets, gate) = (Arc::clone(&posts), Arc::clone(&gets), Arc::clone(&gate));
            Upstream::start(move |request| {
                let seen = if request.method == "GET" { &gets } else { &posts };
                seen.fetch_add(1, Ordering::SeqCst);
                let reply = Reply::json(200, &json!({ "ok": true }));
                match &*gate.lock().unwrap() {
                    Some(gate) => reply.behind(gate),
                    None => reply,
                }
            })
            .await
        };
        let floh = Setup::default().env("FLOH_DATABASE_URL", &url).allow(upstream.address()).start().await;
        let operation = |name: &str| json!({ "operationId": name, "responses": { "200": { "description": "done" } } });
        let spec = json!({
            "openapi": "3.0.3", "info": { "title": "Items", "version": "1.0.0" }, "servers": [{ "url": upstream.url("/") }],
            "paths": { "/items": { "get": operation("readItem"), "post": operation("makeItem") } },
        });
        let draft = floh.admin().post("/api/connectors/parse-oas", &json!({ "spec": spec, "name": "items" })).await;
        floh.admin().post("/api/connectors", &draft.expect(200)).await.expect(201);
        let cookie = floh.sign_in().await;
        let keys = AtomicUsize::new(0);
        Some(Self { cluster, floh, cookie, posts, gets, keys, gate, _upstream: upstream })
    }

    /// Returns every kind of question; the one with a key has a new one.
    fn asks(&self) -> Vec<Ask> {
        let key = Ask::ExecuteWithKey(self.keys.fetch_add(1, Ordering::SeqCst));
        ASKS.into_iter().chain([key]).collect()
    }

    async fn ask(&self, ask: Ask) -> Answer {
        let floh = &self.floh;
        let json = [("content-type", "application/json"), ("authorization", TOKEN)];
        let (execute, make) = ("POST /api/connectors/items/execute", br#"{"command":"makeItem","params":{}}"#);
        match ask {
            Ask::Execute => floh.browse(execute, &json, make).await,
            Ask::Read => floh.browse(execute, &json, br#"{"command":"readItem","params":{}}"#).await,
            Ask::ExecuteWithKey(number) => {
                let key = format!("key-{number}");
                floh.browse(execute, &[json[0], json[1], ("idempotency-key", key.as_str())], make).await
            }
            Ask::Connectors => floh.browse("GET /api/connectors", &json, b"").await,
            Ask::Executions => floh.browse("GET /api/executions", &json, b"").await,
            Ask::Ready => floh.browse("GET /readyz", &[], b"").await,
            Ask::Page => floh.browse("GET /connectors", &[("cookie", &self.cookie)], b"").await,
        }
    }

    /// Asks everything at once; returns each with its answer and how long it took.
    async fn ask_all(&self, asks: &[Ask]) -> Vec<(Ask, Answer, Duration)> {
        let asked = asks.iter().map(async |ask| {
            let began = Instant::now();
            (*ask, self.ask(*ask).await, began.elapsed())
        });
        futures_util::future::join_all(asked).await
    }

    /// Checks that all is well.
    async fn check_well(&self) {
        for (ask, answer, _) in self.ask_all(&self.asks()).await {
            assert_eq!(answer.status, 200, "{ask:?}: {answer}");
        }
    }

    /// Checks what is answered from the moment on that the database is away.
    async fn check_away(&self, since: Instant) {
        let posts = self.posts.load(Ordering::SeqCst);
        // At once: some may still be answered from memory, and none waits for longer than the limit.
        let at_once = self.asks();
        for (ask, answer, took) in self.ask_all(&at_once).await {
            assert!(took < LIMIT + SLACK, "{ask:?} took {took:?}: {answer}");
            assert!(matches!(answer.status, 200 | 503), "{ask:?}: {answer}");
            let needs_the_database = !matches!(ask, Ask::Ready | Ask::Read);
            assert!(answer.status == 503 || !needs_the_database, "{ask:?}: {answer}");
        }
        sleep_until((since + LIMIT).into()).await;
        let gets = self.gets.load(Ordering::SeqCst);
        for _ in 0..3 {
            for (ask, answer, took) in self.ask_all(&at_once).await {
                assert_eq!(answer.status, 503, "{ask:?}, {:?} after it went away: {answer}", since.elapsed());
                assert!(took < SLACK, "{ask:?} is known, and took {took:?}");
            }
        }
        assert_eq!(self.posts.load(Ordering::SeqCst), posts, "nothing is sent");
        assert_eq!(self.gets.load(Ordering::SeqCst), gets, "nothing is sent once it is known");
    }

    /// Checks that all is well a moment after the database is back: the refused calls are made now, under their keys too.
    async fn check_back(&self, since: Instant) {
        sleep_until((since + LIMIT).into()).await;
        let refused: Vec<Ask> =
            ASKS.into_iter().chain((0..self.keys.load(Ordering::SeqCst)).map(Ask::ExecuteWithKey)).collect();
        for (ask, answer, _) in self.ask_all(&refused).await {
            assert_eq!(answer.status, 200, "{ask:?}, {:?} after it was back: {answer}", since.elapsed());
        }
        self.check_well().await;
        // What was not confirmed was removed, however late it was written.
        self.check_ended().await;
    }

    /// Checks that no call is left open, and none unknown.
    async fn check_ended(&self) {
        eventually("no execution that has not ended", async || {
            let open =
                self.floh.admin().get("/api/executions?status=started,accepted,unknown&limit=1").await.expect(200);
            (open["items"] == Value::Array(Vec::new())).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_has_ended_is_told_and_noticed_when_it_is_back() {
    let Some(scene) = Scene::start().await else { return };
    for _ in 0..3 {
        scene.check_well().await;
        block_in_place(|| scene.cluster.stop());
        scene.check_away(Instant::now()).await;
        block_in_place(|| scene.cluster.start_again());
        scene.check_back(Instant::now()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_database_is_told_and_noticed_when_it_is_back() {
    let Some(scene) = Scene::start().await else { return };
    for _ in 0..3 {
        scene.check_well().await;
        scene.cluster.stall();
        scene.check_away(Instant::now()).await;
        scene.cluster.go_on();
        scene.check_back(Instant::now()).await;
    }
}

/// Whoever calls is told that the outcome is unknown, and it is known once the database is back: the execution has its end, and the
/// key its answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_ends_while_the_database_is_away_is_recorded_when_it_is_back() {
    let Some(scene) = Scene::start().await else { return };
    for is_stalled in [false, true] {
        let gate = Gate::shut();
        *scene.gate.lock().unwrap() = Some(gate.clone());
        let posts = scene.posts.load(Ordering::SeqCst);
        let gets = scene.gets.load(Ordering::SeqCst);
        let asks = [Ask::Execute, Ask::Read, Ask::ExecuteWithKey(scene.keys.fetch_add(1, Ordering::SeqCst))];
        let meanwhile = async {
            eventually("the calls at the upstream", async || {
                let (posted, got) = (scene.posts.load(Ordering::SeqCst), scene.gets.load(Ordering::SeqCst));
                (posted == posts + 2 && got == gets + 1).then_some(())
            })
            .await;
            if is_stalled {
                scene.cluster.stall();
            } else {
                block_in_place(|| scene.cluster.stop());
            }
            sleep_until((Instant::now() + LIMIT).into()).await;
            gate.open();
        };
        let (answers, ()) = tokio::join!(scene.ask_all(&asks), meanwhile);
        for (ask, answer, _) in answers {
            assert_eq!(answer.status, 503, "{ask:?}: {answer}");
            assert!(answer.to_string().contains("its outcome is unknown until its execution"), "{ask:?}: {answer}");
        }
        let status = scene.floh.admin().get("/api/status").await.expect(200);
        assert_eq!(status["queues"]["postponed"]["waiting"], asks.len(), "{status}");
        if is_stalled {
            scene.cluster.go_on();
        } else {
            block_in_place(|| scene.cluster.start_again());
        }
        *scene.gate.lock().unwrap() = None;
        let since = Instant::now();
        sleep_until((since + LIMIT).into()).await;
        let [_, _, with_key] = asks;
        let status = scene.floh.admin().get("/api/status").await.expect(200);
        assert_eq!(status["queues"]["postponed"]["waiting"], 0, "{status}");
        let metrics = scene.floh.admin().get("/metrics").await.to_string();
        assert!(metrics.contains("\nfloh_ends_postponed 0\n"), "{metrics}");
        let again = scene.ask(with_key).await;
        assert_eq!(again.status, 200, "{:?} after it was back: {again}", since.elapsed());
        assert!(again.json()["success"] == true, "{again}");
        assert_eq!(scene.posts.load(Ordering::SeqCst), posts + 2, "it is not sent again");
        scene.check_ended().await;
        let ended = scene.floh.admin().get("/api/executions?status=succeeded&limit=10").await.expect(200);
        let wanted = if is_stalled { 6 } else { 3 };
        assert_eq!(ended["items"].as_array().unwrap().len(), wanted, "{ended}");
    }
}

/// Callers under load get an answer within the limit at all times, each call is made at most once for each 200 and never for a
/// 503, and load alone is never taken for a database that is away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_starts_again_under_load_costs_nothing_but_refusals() {
    const CALLERS: usize = 32;
    let Some(scene) = Scene::start().await else { return };
    let scene = Arc::new(scene);
    let (ends, is_well) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(true)));
    let done = Arc::<AtomicUsize>::default();
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (scene, ends, is_well) = (Arc::clone(&scene), Arc::clone(&ends), Arc::clone(&is_well));
            let done = Arc::clone(&done);
            tokio::spawn(async move {
                let (mut succeeded, mut unknown) = (0_usize, 0_usize);
                for number in 0.. {
                    if ends.load(Ordering::SeqCst) {
                        break;
                    }
                    let was_well = is_well.load(Ordering::SeqCst);
                    let began = Instant::now();
                    let ask = if caller.is_multiple_of(2) {
                        Ask::Execute
                    } else {
                        Ask::ExecuteWithKey(1_000 + CALLERS * number + caller)
                    };
                    let answer = scene.ask(ask).await;
                    assert!(began.elapsed() < LIMIT + SLACK, "{ask:?} took {:?}: {answer}", began.elapsed());
                    match answer.status {
                        200 => succeeded += 1,
                        503 => {
                            assert!(!was_well || !is_well.load(Ordering::SeqCst), "load alone is refused: {answer}");
                            // It was sent, and its end could not be written.
                            unknown += usize::from(answer.to_string().contains("its outcome is unknown"));
                            tokio::time::sleep(Duration::from_millis(5)).await;
                        }
                        _ => panic!("{ask:?}: {answer}"),
                    }
                    done.fetch_add(1, Ordering::SeqCst);
                }
                (succeeded, unknown)
            })
        })
        .collect();
    let calls = async |more: usize| {
        let wanted = done.load(Ordering::SeqCst) + more;
        eventually("calls", async || (done.load(Ordering::SeqCst) >= wanted).then_some(())).await;
    };
    for round in 0..4_usize {
        calls(1_000).await;
        is_well.store(false, Ordering::SeqCst);
        if round.is_multiple_of(2) {
            block_in_place(|| scene.cluster.stop());
            block_in_place(|| scene.cluster.start_again());
        } else {
            scene.cluster.stall();
            sleep_until((Instant::now() + 2 * LIMIT).into()).await;
            scene.cluster.go_on();
        }
        sleep_until((Instant::now() + LIMIT).into()).await;
        is_well.store(true, Ordering::SeqCst);
    }
    calls(1_000).await;
    ends.store(true, Ordering::SeqCst);
    let (mut succeeded, mut unknown) = (0, 0);
    for caller in callers {
        let (of_caller, in_doubt) = caller.await.unwrap();
        succeeded += of_caller;
        unknown += in_doubt;
    }
    let posts = scene.posts.load(Ordering::SeqCst);
    assert_eq!(posts, succeeded + unknown, "{succeeded} succeeded, the outcome of {unknown} was unknown");
    scene.check_well().await;
    // The outcomes that could not be written are known by now.
    scene.check_ended().await;
}
