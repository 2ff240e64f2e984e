//! A connection that is cut after every byte of an exchange, in both directions: the upgrade, the
//! registration, the command, its acknowledgement, the response and the acknowledgement of that.

use std::sync::Arc;

use connector_runtime::Secret;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::fixture::executed;
use super::recorder::{Cut, Direction, Passed, Recorder, Tally};
use super::server::{LocalServer, Running};

/// How many agents are at it side by side.
const LANES: usize = 16;
const PATIENT: u64 = 20_000;
const HASTY: u64 = 1_500;

/// A server and who calls through it, an agent after another.
struct Lane {
    server: Arc<LocalServer>,
    name: String,
    token: Secret,
}

/// One exchange and where it is cut.
#[derive(Debug, Clone, Copy)]
struct Case {
    cut: Cut,
    timeout_ms: u64,
}

fn has(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

const COMMAND: &[u8] = br#""type":"command""#;
const ACKNOWLEDGED: &[u8] = br#"{"type":"ack""#;
/// The first ping as the server sends it, and the head of its pong.
const PING: &[u8] = b"\x89\x08\0\0\0\0\0\0\0\x01";
const PONG: &[u8] = b"\x8a\x88";

impl Lane {
    async fn new(server: &Arc<LocalServer>, number: usize) -> Self {
        // Of one length, so that every exchange has the same bytes.
        let name = format!("lane-{number:02}");
        Self { server: Arc::clone(server), token: server.connector(&name).await, name }
    }

    async fn write(&self, tag: &str, timeout_ms: u64) -> Value {
        self.server.execute(&self.name, "write", json!({ "tag": tag }), timeout_ms).await
    }

    /// Lets an exchange pass whole, and returns what passed: up to the registration, and in all.
    async fn whole(&self) -> (Passed, Passed) {
        let recorder = Recorder::open(self.server.address, None).await;
        let agent = Running::start(&self.name, &self.token, recorder.address).await;
        agent.registered(1).await;
        // The server's ping and the agent's pong follow the registration at once.
        recorder.until("a ping", |passed| has(&passed.to_agent, PING) && has(&passed.to_server, PONG)).await;
        let before = recorder.passed();
        let answer = self.write("whole/000000", PATIENT).await;
        assert_eq!(answer["success"], true, "{answer}");
        let is_last = |passed: &Passed| has(&passed.to_agent, ACKNOWLEDGED) && passed.to_agent.ends_with(b"}");
        recorder.until("the last acknowledgement", is_last).await;
        (before, recorder.passed())
    }

    /// An agent that comes back at once: the call succeeds.
    async fn come_back(&self, case: Case, tally: &Tally) {
        let Case { cut, timeout_ms } = case;
        let tag = tag(&cut);
        let recorder = Recorder::open(self.server.address, Some(cut)).await;
        let agent = Running::start(&self.name, &self.token, recorder.address).await;
        agent.registered(1).await;
        let refused = |answer: &Value| {
            // Cut before the call, so that there was nobody to call.
            assert!(!has(&recorder.passed().to_agent, COMMAND), "{case:?}: {answer}");
            assert!(executed(&tag).is_empty(), "{case:?}: {answer}");
            tally.count("refused");
        };
        let answer = self.server.execute_on(&agent, "write", json!({ "tag": tag }), timeout_ms, refused).await;
        let keys = executed(&tag);
        assert_eq!(answer["success"], true, "{case:?}, executed as {keys:?}: {answer}");
        assert_eq!(answer["payload"], json!({ "tag": tag, "times": 1, "note": null }), "{case:?}");
        // A second connection may have less to say than the first, and then ends nowhere.
        recorder.until("the cut", |passed| passed.cuts > 0).await;
        // On the way that is left the agent serves as before, and nothing was executed once more.
        let said = self.server.execute_on(&agent, "say", json!({ "text": tag }), timeout_ms, |_| ()).await;
        assert_eq!(said["payload"]["text"], tag.as_str(), "{case:?}: {said}");
        assert_eq!(executed(&tag), keys, "{case:?}");
        assert_eq!(keys.len(), 1, "{case:?}");
        tally.count("succeeded");
    }

    /// An agent that never comes back: what is not known to have succeeded is said to be unknown.
    async fn stay_away(&self, case: Case, tally: &Tally) {
        let tag = format!("{}/away", tag(&case.cut));
        let recorder = Recorder::open(self.server.address, Some(case.cut)).await;
        let agent = Running::start(&self.name, &self.token, recorder.address).await;
        agent.registered(1).await;
        let answer = self.write(&tag, case.timeout_ms).await;
        let times = executed(&tag).len();
        assert!(times <= 1, "{case:?}: executed {times} times");
        if answer["success"] == true {
            assert_eq!((times, &answer["payload"]["times"]), (1, &json!(1)), "{case:?}");
            tally.count("succeeded");
        } else if answer["diagnostics"]["outcome"] == "unknown" {
            tally.count("unknown");
        } else {
            let error = answer["error"].as_str().unwrap();
            assert!(error.starts_with("No agent is connected"), "{case:?}: {answer}");
            assert_eq!(times, 0, "{case:?}: {answer}");
            tally.count("refused");
        }
    }
}

fn tag(cut: &Cut) -> String {
    let Cut { direction, after, times, .. } = cut;
    format!("{direction:?}/{after:06}/{times}")
}

/// Deals the cases to lanes and waits for all of them.
async fn sweep(server: LocalServer, lanes: usize, cases: Vec<Case>) -> Arc<Tally> {
    let (server, tally) = (Arc::new(server), Arc::new(Tally::default()));
    let mut tasks = JoinSet::new();
    for number in 0..lanes {
        let lane = Lane::new(&server, number).await;
        let own: Vec<Case> = cases.iter().skip(number).step_by(lanes).copied().collect();
        let tally = Arc::clone(&tally);
        tasks.spawn(async move {
            for case in own {
                if case.cut.opens_again {
                    lane.come_back(case, &tally).await;
                } else {
                    lane.stay_away(case, &tally).await;
                }
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    Arc::into_inner(server).unwrap().close().await;
    tally
}

/// Returns how long an exchange is in each direction: up to the registration, and in all.
async fn measure(server: &Arc<LocalServer>) -> [(Direction, usize, usize); 2] {
    let (before, whole) = Lane::new(server, 99).await.whole().await;
    [
        (Direction::ToServer, before.to_server.len(), whole.to_server.len()),
        (Direction::ToAgent, before.to_agent.len(), whole.to_agent.len()),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_wherever_the_connection_is_cut() {
    let server = Arc::new(LocalServer::open().await);
    let cases: Vec<Case> = measure(&server)
        .await
        .into_iter()
        .flat_map(|(direction, _, whole)| (0..=whole).map(move |after| (direction, after)))
        .map(|(direction, after)| {
            // Some of them again and again.
            let times = if after % 8 == 5 { 3 } else { 1 };
            Case { cut: Cut { direction, after, times, opens_again: true }, timeout_ms: PATIENT }
        })
        .collect();
    assert!(cases.len() > 1_000, "{} cases", cases.len());
    let count = cases.len();
    let tally = sweep(Arc::into_inner(server).unwrap(), LANES, cases).await;
    assert_eq!(tally.of("succeeded"), count, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_never_comes_back_is_unknown_and_was_executed_once_at_most() {
    let server = Arc::new(LocalServer::open().await);
    let cases: Vec<Case> = measure(&server)
        .await
        .into_iter()
        .flat_map(|(direction, registered, whole)| {
            (registered + 1..=whole).step_by(5).map(move |after| (direction, after))
        })
        .map(|(direction, after)| Case {
            cut: Cut { direction, after, times: 1, opens_again: false },
            timeout_ms: HASTY,
        })
        .collect();
    let count = cases.len();
    // They wait for an agent most of the time.
    let tally = sweep(Arc::into_inner(server).unwrap(), count.div_ceil(2).min(64), cases).await;
    let (unknown, succeeded, refused) = (tally.of("unknown"), tally.of("succeeded"), tally.of("refused"));
    assert_eq!(unknown + succeeded + refused, count, "{tally:?}");
    assert!(unknown > 20 && succeeded > 0, "{tally:?}");
}
