//! A way between agent and server that reads every frame and may send others in its place: more, fewer, in
//! another order, or of no meaning.

use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use test_support::Listener;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};

/// What becomes of the frames of one connection, the first of which has the number 0.
pub(crate) trait Reorder: Send + 'static {
    /// Returns what goes to the server in place of a frame of the agent.
    fn to_server(&mut self, connection: usize, frame: Message) -> Vec<Message>;

    /// Returns what goes to the agent in place of a frame of the server.
    fn to_agent(&mut self, connection: usize, frame: Message) -> Vec<Message>;
}

/// The way. It is closed when this is dropped.
pub(crate) struct Frames {
    pub(crate) address: SocketAddr,
    _listener: Listener,
}

impl Frames {
    pub(crate) async fn open<D: Reorder>(server: SocketAddr, reorder: impl Fn() -> D + Send + 'static) -> Self {
        let listener = Listener::start(async move |listener| {
            let mut connections = JoinSet::new();
            for number in 0_usize.. {
                let agent = listener.accept().await.unwrap().0;
                connections.spawn(pass(agent, server, number, reorder()));
            }
        })
        .await;
        Self { address: listener.address(), _listener: listener }
    }
}

async fn pass(agent: TcpStream, server: SocketAddr, number: usize, mut reorder: impl Reorder) {
    agent.set_nodelay(true).unwrap();
    let mut bearer = HeaderValue::from_static("");
    #[allow(clippy::result_large_err, reason = "the callback's own type")]
    let look = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        bearer = request.headers()[header::AUTHORIZATION].clone();
        Ok(response)
    };
    let Ok(mut agent) = tokio_tungstenite::accept_hdr_async(agent, look).await else { return };
    let stream = TcpStream::connect(server).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut request = format!("ws://{server}/api/connectors/agents/ws").into_client_request().unwrap();
    request.headers_mut().insert(header::AUTHORIZATION, bearer);
    let (mut server, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    loop {
        let sent = tokio::select! {
            frame = agent.next() => {
                let Some(Ok(frame)) = frame else { break };
                let frames = if is_ours(&frame) { reorder.to_server(number, frame) } else { vec![frame] };
                send(&mut server, frames).await
            }
            frame = server.next() => {
                let Some(Ok(frame)) = frame else { break };
                let frames = if is_ours(&frame) { reorder.to_agent(number, frame) } else { vec![frame] };
                send(&mut agent, frames).await
            }
        };
        if sent.is_err() {
            break;
        }
    }
    // Whoever is left learns that it is over.
    drop((agent.close(None).await, server.close(None).await));
}

/// Heartbeats and goodbyes pass as they are.
fn is_ours(frame: &Message) -> bool {
    frame.is_text() || frame.is_binary()
}

async fn send(
    to: &mut tokio_tungstenite::WebSocketStream<TcpStream>,
    frames: Vec<Message>,
) -> Result<(), tokio_tungstenite::tungstenite::Error> {
    for frame in frames {
        to.send(frame).await?;
    }
    Ok(())
}
