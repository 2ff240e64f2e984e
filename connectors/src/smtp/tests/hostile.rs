//! Mail servers that are silent, that lie, or that are none.

use std::time::{Duration, Instant};

use connector_runtime::egress::{Client, Policy};
use connector_runtime::prelude::*;
use connector_runtime::testing::{self, TestCall};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::smtp::Smtp;

/// The deadline of a call, and what a busy machine may be late.
const LATE: Duration = Duration::from_secs(3);

/// Starts a server that says these things, one after each thing that it hears; the last one without end if that is said.
async fn server(says: &'static [&'static str], without_end: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut heard = [0; 4096];
                for (at, line) in says.iter().enumerate() {
                    stream.write_all(line.as_bytes()).await?;
                    while without_end && at + 1 == says.len() {
                        stream.write_all(line.as_bytes()).await?;
                    }
                    let _bytes = stream.read(&mut heard).await?;
                }
                while stream.read(&mut heard).await? > 0 {}
                Ok::<_, std::io::Error>(())
            });
        }
    });
    port
}

fn call(port: u16, security: &str) -> TestCall {
    testing::call::<Smtp>("send")
        .config("host", "127.0.0.1")
        .config("port", port)
        .config("security", security)
        .config("from", "floh@example.com")
        .param("to", ["ada@example.com"])
        .param("subject", "x")
        .http(Client::new(Policy::parse(&[format!("127.0.0.1:{port}")], &[]).unwrap()))
        .timeout_ms(1_000)
}

#[tokio::test]
async fn whatever_it_says_a_call_ends_in_time_and_says_why() {
    const GREETING: &str = "220 mail.test ESMTP\r\n";
    const OFFERS: &str = "250-mail.test\r\n250 STARTTLS\r\n";
    for (security, says, without_end, code, text) in [
        ("starttls", &[][..], false, "timeout", "it did not answer in time"),
        ("starttls", &[GREETING], false, "timeout", "it did not answer in time"),
        ("starttls", &["HTTP/1.1 400\r\n"], false, "unavailable", "is no SMTP"),
        ("starttls", &["220-x\r\n"], true, "unavailable", "is no SMTP"),
        ("starttls", &["220 xxxxxxxxxxxxxxxxxxx"], true, "unavailable", "is no SMTP"),
        ("starttls", &["421 busy\r\n"], false, "unavailable", "421 busy"),
        // What was stripped, refused, or sent ahead of the encryption ends the call.
        ("starttls", &[GREETING, "250-mail.test\r\n250 SIZE 1\r\n"], false, "unsupported", "does not offer STARTTLS"),
        ("starttls", &[GREETING, OFFERS, "454 not now\r\n"], false, "unavailable", "454 not now"),
        ("starttls", &[GREETING, OFFERS, "220 go\r\n250 injected\r\n"], false, "unavailable", "could not speak TLS"),
        ("none", &[GREETING, "250-x"], true, "tooLarge", "it says more than 1 MiB"),
        (
            "none",
            &[GREETING, "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n"],
            false,
            "outcomeUnknown",
            "in time",
        ),
        ("none", &[GREETING, "250 ok\r\n", "452 full\r\n"], false, "unavailable", "452 full"),
        (
            "none",
            &[GREETING, "250 ok\r\n", "250 ok\r\n", "552 too big\r\n"],
            false,
            "invalid",
            "refused all recipients",
        ),
    ] {
        let port = server(says, without_end).await;
        let began = Instant::now();
        let result = call(port, security).run().await;
        assert!(began.elapsed() < LATE, "{says:?}: {:?}", began.elapsed());
        let (error, told) = (result.error.unwrap(), result.diagnostics.unwrap_or_default());
        assert!(error.contains(text), "{says:?}: {error}");
        assert_eq!(told["code"], code, "{says:?}: {error}");
        assert_eq!(told["outcome"] == json!("unknown"), code == "outcomeUnknown", "{says:?}");
    }
}
