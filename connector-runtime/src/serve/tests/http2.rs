//! Clients with HTTP/2 that keep their socket alive and do nothing else.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Duration, Instant};

use super::sockets::{endless, hello, start};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// SETTINGS with a window of 0 bytes for each answer.
const NO_WINDOW: &[u8] = &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0];
/// SETTINGS without a value.
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
/// HEADERS of `GET http://a/` on stream 1.
const GET: &[u8] = &[0, 0, 6, 1, 5, 0, 0, 0, 1, 0x82, 0x86, 0x84, 0x41, 1, b'a'];
const PING: u8 = 6;
const DATA: u8 = 0;

/// Answers pings until the server ends the connection. Returns the bytes of all answers.
async fn answer_pings(address: SocketAddr, sent: &[&[u8]]) -> usize {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&sent.concat()).await.unwrap();
    let mut data = 0;
    let mut head = [0; 9];
    while stream.read_exact(&mut head).await.is_ok() {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut payload = vec![0; length];
        if stream.read_exact(&mut payload).await.is_err() {
            break;
        }
        match (head[3], head[4]) {
            (PING, 0) => {
                head[4] = 1;
                drop(stream.write_all(&[&head[..], &payload].concat()).await);
            }
            (DATA, _) => data += length,
            _ => {}
        }
    }
    data
}

#[tokio::test(start_paused = true)]
async fn who_gives_an_answer_no_room_is_cut_after_30_seconds() {
    let gone = Arc::new(Notify::new());
    let address = start(Router::new().route("/", get(endless(&gone))), None).await;
    let began = Instant::now();
    let data = answer_pings(address, &[PREFACE, NO_WINDOW, GET]).await;
    gone.notified().await;
    assert_eq!(data, 0);
    assert!((30..40).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_large_answer_is_not_handed_over_as_a_whole() {
    // One byte of room is enough for the engine to ask for a part of the answer, which it then keeps.
    let one_byte: &[u8] = &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1];
    let large = || async { Bytes::from(vec![b'x'; 1 << 20]) };
    let address = start(Router::new().route("/", get(large)), None).await;
    let began = Instant::now();
    assert_eq!(answer_pings(address, &[PREFACE, one_byte, GET]).await, 1);
    assert!((30..40).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_nothing_is_cut_after_60_seconds() {
    let address = start(hello(), None).await;
    let began = Instant::now();
    assert_eq!(answer_pings(address, &[PREFACE, SETTINGS, GET]).await, "hello".len());
    assert!((60..70).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_at_work_is_not_idle() {
    let slow = || async {
        tokio::time::sleep(Duration::from_secs(250)).await;
        "done"
    };
    let address = start(Router::new().route("/", get(slow)), None).await;
    assert_eq!(answer_pings(address, &[PREFACE, SETTINGS, GET]).await, "done".len());
    let began = Instant::now();
    let answer = super::sockets::exchange(address, b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(answer.ends_with("done"), "{answer}");
    assert_eq!(began.elapsed().as_secs(), 250);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_has_nothing_to_send_is_not_cut() {
    let slow = || async {
        let parts = futures_util::stream::unfold(0, |part| async move {
            tokio::time::sleep(Duration::from_secs(100)).await;
            (part < 3).then(|| (Ok::<_, std::convert::Infallible>("part"), part + 1))
        });
        axum::body::Body::from_stream(parts)
    };
    let address = start(Router::new().route("/", get(slow)), None).await;
    assert_eq!(answer_pings(address, &[PREFACE, SETTINGS, GET]).await, "partpartpart".len());
}
