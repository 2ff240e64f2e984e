//! A thousand agents whose server stops and starts again: they come back, and not all at once.
//!
//! The server and the sockets are real. The waits are the agent's own, with a shorter second. The test checks the waits
//! that were drawn: when attempts would have come by the unscaled clock of the agents.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use connector_runtime::serve;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_util::sync::CancellationToken;

use crate::auth::NewToken;
use crate::store::TokenKind;
use crate::testing::{TestServer, all_types};
use floh_agent::{FailureCount, Pace};

const AGENTS: u32 = 1_000;
/// The length of a second for the agents.
const SECOND: Duration = Duration::from_millis(10);
/// How often each agent fails before the server starts again: from the seventh failure on, the wait has its maximum.
const FAILURES: usize = 8;

/// What an agent reports.
enum Told {
    Registered,
    /// It has failed often enough.
    Failed,
}

/// One agent: its token, and its numbers, which look random and are the same in each run.
struct Simulated {
    number: u32,
    token: String,
    seed: u64,
    failures: FailureCount,
    /// The waits that were drawn since the server stopped, in the agents' seconds.
    waits: Vec<f64>,
}

impl Simulated {
    /// Registers, waits for the end, and comes back once.
    async fn live(mut self, server: SocketAddr, told: mpsc::UnboundedSender<Told>, again: Arc<AtomicBool>) -> Self {
        let mut socket = self.connect(server).await.unwrap();
        told.send(Told::Registered).unwrap();
        while socket.next().await.is_some_and(|message| message.is_ok()) {}
        drop(socket);
        loop {
            let wait = self.wait();
            tokio::time::sleep(wait.mul_f64(SECOND.as_secs_f64())).await;
            // Before that, no server listens at this address.
            if again.load(Ordering::SeqCst)
                && let Some(socket) = self.connect(server).await
            {
                told.send(Told::Registered).unwrap();
                drop(socket);
                return self;
            }
            if self.waits.len() == FAILURES {
                told.send(Told::Failed).unwrap();
            }
        }
    }

    async fn connect(&self, server: SocketAddr) -> Option<WebSocketStream<TcpStream>> {
        let mut request = format!("ws://{server}/api/connectors/agents/ws").into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {}", self.token).try_into().unwrap());
        let stream = TcpStream::connect(server).await.ok()?;
        let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.ok()?;
        let number = self.number;
        let frame = json!({ "type": "register", "agentId": agent(number), "connectorNames": [agent(number)] });
        socket.send(Message::text(frame.to_string())).await.ok()?;
        loop {
            if let Message::Text(text) = socket.next().await?.ok()? {
                return text.contains("\"registered\"").then_some(socket);
            }
        }
    }

    /// Draws the next wait.
    fn wait(&mut self) -> Duration {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let wait = Pace::default().backoff.wait_at(self.failures.count(), u32::try_from(self.seed >> 32).unwrap());
        self.waits.push(wait.as_secs_f64());
        wait
    }
}

fn agent(number: u32) -> String {
    format!("agent-{number}")
}

fn serve_on(listener: TcpListener, server: &TestServer) -> (CancellationToken, JoinHandle<()>) {
    let stop = CancellationToken::new();
    let served = serve::serve(listener, server.router.clone(), stop.clone().cancelled_owned());
    (stop, tokio::spawn(served))
}

async fn token(server: &TestServer, number: u32) -> String {
    let new = NewToken {
        name: agent(number),
        kind: TokenKind::Agent,
        scopes: Vec::new(),
        expires_at: None,
        agent_id: Some(agent(number)),
        connector_names: Some(vec![agent(number)]),
    };
    server.app.auth.issue(new).await.unwrap().text.expose().to_owned()
}

async fn all(told: &mut mpsc::UnboundedReceiver<Told>, wanted: fn(&Told) -> bool) {
    let each = async {
        for _ in 0..AGENTS {
            assert!(wanted(&told.recv().await.unwrap()), "an agent tells something else");
        }
    };
    tokio::time::timeout(Duration::from_secs(60), each).await.expect("every agent in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_agents_come_back_to_a_server_without_a_stampede() {
    let server = TestServer::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, serving) = serve_on(listener, &server);
    let (tell, mut told) = mpsc::unbounded_channel();
    let again = Arc::new(AtomicBool::new(false));
    let mut agents = JoinSet::new();
    for number in 0..AGENTS {
        let seed = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let token = token(&server, number).await;
        let simulated = Simulated { number, token, seed, failures: FailureCount::default(), waits: Vec::new() };
        agents.spawn(simulated.live(address, tell.clone(), Arc::clone(&again)));
    }
    all(&mut told, |told| matches!(told, Told::Registered)).await;

    stop.cancel();
    let server = server.restart(all_types()).await;
    serving.await.unwrap();
    all(&mut told, |told| matches!(told, Told::Failed)).await;
    let (stop, serving) = serve_on(TcpListener::bind(address).await.unwrap(), &server);
    again.store(true, Ordering::SeqCst);
    all(&mut told, |told| matches!(told, Told::Registered)).await;

    evenly_spread(agents.join_all().await);
    stop.cancel();
    server.app.close().await;
    serving.await.unwrap();
}

/// Checks every attempt, and then the return, from the drawn waits only: how fast the machine is does not matter.
fn evenly_spread(agents: Vec<Simulated>) {
    // An attempt's waits are spread over their range: no tenth of it has more than twice its share.
    for (attempt, limit) in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0].into_iter().enumerate() {
        let mut tenths = [0_u32; 10];
        for agent in &agents {
            let tenth = (1..10).filter(|tenth| agent.waits[attempt] * 10.0 >= limit * f64::from(*tenth)).count();
            tenths[tenth] += 1;
        }
        assert!(tenths.iter().all(|count| *count < 2 * AGENTS / 10), "attempt {attempt}: {tenths:?}");
    }
    // The server starts again when the last agent has failed often enough. With waits of 30 s on average, this many
    // agents come back in a second if they are spread evenly.
    let even = AGENTS / 30;
    let back = agents.iter().map(|agent| agent.waits[..FAILURES].iter().sum::<f64>()).fold(0.0, f64::max);
    let mut seconds = [0_u32; 60];
    for mut agent in agents {
        let mut drawn = std::mem::take(&mut agent.waits).into_iter();
        let mut now = 0.0;
        while now < back {
            now += drawn.next().unwrap_or_else(|| agent.wait().as_secs_f64());
        }
        seconds[(1..60).filter(|second| now - back >= f64::from(*second)).count()] += 1;
    }
    assert!(seconds.iter().all(|count| *count <= 2 * even), "{even} would be even: {seconds:?}");
}
