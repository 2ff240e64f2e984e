//! A service on loopback, for unit tests of connectors that send requests.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use super::{Answer, Seen};
use crate::egress::{Client, Policy};

/// A service on loopback that gives canned answers, fails as a test says, and keeps what it was asked.
///
/// ```
/// use connector_runtime::prelude::*;
/// use connector_runtime::testing::{self, Answer, Upstream};
///
/// /// Users of a directory.
/// #[connector(name = "directory", version = "0.1.0-draft")]
/// pub struct Directory {
///     /// Base URL.
///     base_url: Url,
///     /// API key.
///     api_key: Secret,
/// }
///
/// #[connector]
/// impl Directory {
///     /// Gets a user.
///     #[command(effect = read, outputs("name"))]
///     async fn get_user(
///         &self,
///         cx: &Context,
///         /// Id of the user.
///         id: String,
///     ) -> Outcome<Value> {
///         let request = cx.http().get(self.base_url.at(["users", &id])?).bearer(&self.api_key);
///         succeed(request.send().await?.error_for_status()?.json()?)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let upstream = Upstream::start().await;
/// // A sequence: the last answer of a route repeats.
/// upstream.on("GET /users/ada", Answer::json(json!({ "name": "Ada" })));
/// upstream.on("GET /users/ada", Answer::text("not found").status(404));
/// upstream.on("GET /users/bob", Answer::json(json!({ "name": "Bob" })).cut_after(5));
///
/// let call = |id: &str| {
///     testing::call::<Directory>("getUser").upstream("baseUrl", &upstream).config("apiKey", "s3cret-key").param("id", id)
/// };
/// assert_eq!(call("ada").run().await.payload, Some(json!({ "name": "Ada" })));
/// let seen = upstream.only();
/// assert_eq!(seen.line(), "GET /users/ada");
/// assert_eq!(seen.header("authorization"), Some("Bearer s3cret-key"));
///
/// assert!(call("ada").run().await.error.unwrap().contains("404"));
/// assert!(!call("bob").run().await.success, "the connection broke in the middle of the body");
/// # }
/// ```
///
/// It stops when it is dropped. What no route matches is answered with 501 and a text that says so.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    state: Arc<State>,
    listener: AbortHandle,
}

#[derive(Default)]
struct State {
    routes: Mutex<Vec<Route>>,
    otherwise: Mutex<Option<Arc<AnswerFn>>>,
    seen: Mutex<Vec<Seen>>,
}

type AnswerFn = dyn Fn(&Seen) -> Answer + Send + Sync;

struct Route {
    method: String,
    path: String,
    answers: VecDeque<Answer>,
}

impl Upstream {
    /// Starts a service on a free port.
    ///
    /// # Panics
    /// If this machine gives no port on loopback.
    pub async fn start() -> Self {
        let bound = TcpListener::bind(("127.0.0.1", 0)).await;
        let bound = bound.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = match bound {
            Ok(bound) => bound,
            Err(error) => panic!("a test service could not listen on 127.0.0.1: {error}"),
        };
        let state = Arc::<State>::default();
        let accepting = tokio::spawn(accept(listener, Arc::clone(&state)));
        Self { address, state, listener: accepting.abort_handle() }
    }

    /// Adds an answer to a route: a method and a path as it is sent, without the query, such as `GET /users/ada`.
    ///
    /// The answers of a route are given one after another; the last one repeats.
    ///
    /// # Panics
    /// If the route is not a method, a space and a path.
    pub fn on(&self, route: &str, answer: Answer) -> &Self {
        let Some((method, path)) = route.split_once(' ').filter(|(_, path)| path.starts_with('/')) else {
            panic!("`{route}` is not a route: write a method and a path, such as `GET /users`");
        };
        assert!(
            !path.contains('?'),
            "`{route}` has a query: a route is a method and a path; look at the query in `seen`"
        );
        let mut routes = self.state.routes.lock();
        match routes.iter_mut().find(|known| known.method == method && known.path == path) {
            Some(known) => known.answers.push_back(answer),
            None => routes.push(Route {
                method: method.to_owned(),
                path: path.to_owned(),
                answers: VecDeque::from([answer]),
            }),
        }
        self
    }

    /// Answers what no route matches.
    pub fn otherwise(&self, answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> &Self {
        *self.state.otherwise.lock() = Some(Arc::new(answer));
        self
    }

    /// Returns the base URL, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns a client that reaches this service and nothing else.
    pub fn client(&self) -> Client {
        Client::new(Policy::only(&[self.address.to_string()]).unwrap_or_else(|_| Policy::strict()))
    }

    /// Returns the requests that it got, in order.
    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().clone()
    }

    /// Returns the requests since this was called last, and forgets them.
    pub fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.state.seen.lock())
    }

    /// Returns the one request that it got.
    ///
    /// # Panics
    /// If it got none, or several.
    pub fn only(&self) -> Seen {
        let mut seen = self.seen();
        let lines: Vec<String> = seen.iter().map(Seen::line).collect();
        match (seen.pop(), lines.len()) {
            (Some(seen), 1) => seen,
            _ => panic!("expected one request, got {}: {lines:?}", lines.len()),
        }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl State {
    /// Keeps a request and returns its answer.
    fn answer(&self, request: Seen) -> Answer {
        let canned = self.canned(&request);
        let otherwise = self.otherwise.lock().clone();
        let answer = canned.or_else(|| otherwise.map(|answer| answer(&request))).unwrap_or_else(|| {
            let text = format!("the test has no answer for {}; add one with `upstream.on(..)`", request.line());
            Answer::text(text).status(501)
        });
        self.seen.lock().push(request);
        answer
    }

    fn canned(&self, request: &Seen) -> Option<Answer> {
        let mut routes = self.routes.lock();
        let route = routes.iter_mut().find(|route| route.method == request.method() && route.path == request.path())?;
        if route.answers.len() > 1 { route.answers.pop_front() } else { route.answers.front().cloned() }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("seen", &self.seen).finish_non_exhaustive()
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    // Dropped with this task, and each connection with it.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, Arc::clone(&state)));
        while connections.try_join_next().is_some() {}
    }
}

/// Answers the requests of a connection until it ends.
async fn serve(stream: TcpStream, state: Arc<State>) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = Seen::read(&mut stream).await {
        let to_head = request.method() == "HEAD";
        let answer = state.answer(request);
        answer.wait().await;
        let (bytes, goes_on) = answer.into_bytes(to_head);
        let written = stream.write_all(&bytes).await.is_ok() && stream.flush().await.is_ok();
        if !(written && goes_on) {
            // A client that has hung up is what some tests are about.
            drop(stream.shutdown().await);
            return;
        }
    }
}
