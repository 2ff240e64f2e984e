//! The way of an agent to its server: through the proxy of its network, and with a certificate of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use parking_lot::Mutex;
use serde_json::json;
use test_support::certificates::Authority;
use test_support::{Gate, Upstream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::fixture::{crm, execute, service};

/// A proxy that opens tunnels for one user and remembers what it was asked for.
struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    async fn start(user: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, wanted) = (Arc::<Mutex<Vec<String>>>::default(), BASE64_STANDARD.encode(user));
        let log = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(tunnel(near, wanted.clone(), Arc::clone(&log)));
            }
        });
        Self { address, asked }
    }

    fn url(&self, user: &str) -> String {
        format!("http://{user}@{}", self.address)
    }
}

async fn tunnel(mut near: TcpStream, wanted: String, asked: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = near.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let authority = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).unwrap().to_owned();
    asked.lock().push(authority.clone());
    if !head.contains(&format!("Proxy-Authorization: Basic {wanted}\r\n")) {
        drop(near.write_all(b"HTTP/1.1 407 Who are you\r\ncontent-length: 0\r\n\r\n").await);
        return;
    }
    let mut far = TcpStream::connect(authority).await.unwrap();
    near.write_all(b"HTTP/1.1 200 There you are\r\n\r\n").await.unwrap();
    drop(copy_bidirectional(&mut near, &mut far).await);
}

#[tokio::test]
async fn an_agent_reaches_its_server_through_a_proxy() {
    let service = service(&Gate::shut()).await;
    let (floh, site) = crm(&service).await;
    let proxy = Proxy::start("agent:pass word").await;
    let server = floh.address().to_string();

    let with = site.clone().env("FLOH_AGENT_PROXY", &proxy.url("agent:pass%20word"));
    let agent = with.start().await;
    assert_eq!(*proxy.asked.lock(), std::slice::from_ref(&server));
    let result = execute(&floh.admin(), "crm", &json!({ "command": "listUsers", "params": { "limit": 2 } })).await;
    assert_eq!(result["success"], true, "{result} {}", agent.logs());
    assert_eq!(proxy.asked.lock().len(), 1, "services of the network are called directly");
    assert!(!agent.logs().contains("pass word") && !agent.logs().contains("pass%20word"));
    drop(agent);

    let refused = site.clone().args(["--proxy", &proxy.url("agent:wr0ng-word")]).check().await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stdout.contains("another user or password (status 407)"), "{refused:?}");
    assert!(!format!("{refused:?}").contains("wr0ng-word"), "{refused:?}");
    assert_eq!(proxy.asked.lock().len(), 2);

    let direct =
        site.clone().args(["--proxy", &proxy.url("agent:wr0ng-word"), "--no-proxy", "127.0.0.1"]).check().await;
    assert_eq!(direct.code, Some(0), "{direct:?}");
    assert_eq!(proxy.asked.lock().len(), 2, "it was not asked");

    let unread = site.env("HTTPS_PROXY", "http://127.0.0.1:1").check().await;
    assert_eq!(unread.code, Some(0), "{unread:?}");
    assert!(unread.stdout.contains("HTTPS_PROXY") && unread.stdout.contains("pass --proxy"), "{unread:?}");
}

#[tokio::test]
async fn an_agent_shows_its_certificate_to_a_server_that_asks_for_one() {
    let service = service(&Gate::shut()).await;
    let (floh, site) = crm(&service).await;
    let authority = Authority::new();
    let acceptor = TlsAcceptor::from(Arc::new(authority.sign_for_known_clients(&["127.0.0.1"])));
    let (listener, server) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), floh.address());
    let door = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut near) = acceptor.accept(near).await else { return };
                let mut far = TcpStream::connect(server).await.unwrap();
                drop(copy_bidirectional(&mut near, &mut far).await);
            });
        }
    });
    let ca = authority.write(&site.home());
    let (certificate, key) = authority.client(&["agent.example"]);
    let site = site.server(format!("wss://{door}")).args(["--ca", ca.to_str().unwrap()]);

    let without = site.check().await;
    assert_eq!(without.code, Some(1), "{without:?}");
    assert!(without.stdout.contains("CertificateRequired") && without.stdout.contains("--client-cert"), "{without:?}");

    let site = site.file("own.pem", &certificate).file("own.key", &key);
    let with = site.clone().args(["--client-cert", "own.pem", "--client-key", "own.key"]);
    let agent = with.start().await;
    let result = execute(&floh.admin(), "crm", &json!({ "command": "listUsers", "params": { "limit": 2 } })).await;
    assert_eq!(result["success"], true, "{result} {}", agent.logs());
    drop(agent);

    for (args, words) in [
        (vec!["--client-cert", "own.pem"], "--client-key"),
        (vec!["--client-cert", "own.key", "--client-key", "own.key"], "there is no certificate in it"),
        (vec!["--client-cert", "own.pem", "--client-key", "own.pem"], "own.pem"),
        (vec!["--client-cert", "own.pem", "--client-key", "no-such.key"], "no-such.key"),
    ] {
        let refused = site.clone().args(args.clone()).check().await;
        assert_eq!(refused.code, Some(2), "{args:?} {refused:?}");
        assert!(refused.stderr.contains(words) && !refused.stderr.contains("PRIVATE KEY"), "{args:?} {refused:?}");
    }
}

#[tokio::test]
async fn a_service_that_wants_a_certificate_is_told_by_the_name_of_the_alert() {
    let authority = Authority::new();
    let upstream = Upstream::tls(authority.sign_for_known_clients(&["127.0.0.1"]), |_| unreachable!()).await;
    let setup = test_support::Setup::default().allow(upstream.address());
    let home = tempfile::tempdir().unwrap();
    let ca = authority.write(home.path());
    let floh = setup.env("SSL_CERT_FILE", ca.to_str().unwrap()).start().await;
    let body = json!({ "name": "crm", "type": "http", "executionModel": "built_in" });
    floh.admin().post("/api/connectors", &body).await.expect(201);
    let params = json!({ "url": format!("https://{}/", upstream.address()), "auth": { "type": "none" } });
    let result = execute(&floh.admin(), "crm", &json!({ "params": params })).await;
    let error = result["error"].as_str().unwrap();
    assert!(error.contains("CertificateRequired"), "{result}");
}
