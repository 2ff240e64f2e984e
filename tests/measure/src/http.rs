//! Calls over HTTP, on connections that are kept. What goes wrong ends the measurement.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The admin token of the servers that are measured.
pub const TOKEN: &str = "a-token-of-the-bench-0123456789-0123456789";

/// Writes a request with a JSON body.
pub fn request(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Makes one call on a connection of its own; returns the status and the body.
///
/// # Panics
/// If there is no answer.
pub async fn one(address: SocketAddr, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    exchange(&mut stream, &request(path, body)).await
}

/// Probes whether a server is ready.
///
/// # Panics
/// If it is not.
pub async fn ready(address: SocketAddr) {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    let (status, answer) = exchange(&mut stream, "GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert_eq!(status, 200, "{answer}");
}

/// Sends a request and reads the answer, which must tell its length; returns its status and its body.
///
/// # Panics
/// If there is no such answer.
pub async fn exchange(stream: &mut TcpStream, request: &str) -> (u16, String) {
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = Vec::with_capacity(1024);
    loop {
        assert!(stream.read_buf(&mut answer).await.expect("read") > 0, "the connection ended");
        let Some(head) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&answer[..head]).expect("a head in ASCII");
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
        let length: usize = length.parse().expect("a number");
        if answer.len() < head + 4 + length {
            continue;
        }
        let status = text[9..12].parse().expect("a status");
        return (status, String::from_utf8(answer.split_off(head + 4)).expect("a body in UTF-8"));
    }
}
