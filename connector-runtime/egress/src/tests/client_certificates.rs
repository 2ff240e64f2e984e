//! Certificates of clients: read, shown to the connection's own origins, and to nobody else.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use connector_schema::ConfigSchema;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::super::own_tls::{MAX_IDLE, MAX_KEPT};
use super::authority::{Asks, Authority, Flaw};
use crate::redact::Redactor;
use crate::testing::{Net, Received, Upstream, answer, redirect, serve};
use crate::{Client, ClientCertificate, EgressError, EgressScope, MAX_CHAIN_CERTIFICATES, Policy, Secret};

const BOTH: &[&SupportedProtocolVersion] = &[&TLS12, &TLS13];
/// Longer than any test waits for the end of a connection.
const END: Duration = Duration::from_secs(10);

/// A server that asks its clients for a certificate, and what it was shown by each that it let in.
struct Door {
    upstream: Upstream,
    shown: Arc<Mutex<Vec<Option<Vec<u8>>>>>,
}

impl Door {
    async fn open(config: ServerConfig, answer: impl Fn(&Received) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let (acceptor, answer, shown) = (TlsAcceptor::from(Arc::new(config)), Arc::new(answer), Arc::default());
        let seen: Arc<Mutex<Vec<Option<Vec<u8>>>>> = Arc::clone(&shown);
        let upstream = Upstream::raw(move |stream, received| {
            let (acceptor, answer, seen) = (acceptor.clone(), Arc::clone(&answer), Arc::clone(&seen));
            async move {
                match acceptor.accept(stream).into_fallible().await {
                    Ok(stream) => {
                        let first = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
                        seen.lock().unwrap().push(first.map(|certificate| certificate.to_vec()));
                        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                            let service = service_fn(|_| async {
                                let body = http_body_util::Full::new(bytes::Bytes::from("in"));
                                Ok::<_, std::convert::Infallible>(hyper::Response::new(body))
                            });
                            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                            drop(server.serve_connection(TokioIo::new(stream), service).await);
                        } else {
                            serve(stream, &*answer, &received).await;
                        }
                    }
                    // A server that closes before it has read what came has its alert overtaken by a reset.
                    Err((_, mut stream)) => {
                        drop(stream.shutdown().await);
                        drop(tokio::time::timeout(END, stream.read_to_end(&mut Vec::new())).await);
                    }
                }
            }
        })
        .await;
        Self { upstream, shown }
    }

    fn shown(&self) -> Vec<Option<Vec<u8>>> {
        self.shown.lock().unwrap().clone()
    }
}

fn schema() -> ConfigSchema {
    let schema = json!({
        "connectionConfig": {
            "baseUrl": { "type": "string", "format": "uri" },
            "clientCertificate": { "type": "string" },
            "clientKey": { "type": "string", "secret": true },
        },
        "commands": {},
    });
    ConfigSchema::parse(&schema).unwrap()
}

fn connection(base: &str, own: &(String, String)) -> Map<String, Value> {
    let values = json!({ "baseUrl": base, "clientCertificate": own.0, "clientKey": own.1 });
    serde_json::from_value(values).unwrap()
}

/// Returns the client of a connection.
fn of(client: &Client, values: &Map<String, Value>) -> Client {
    client.for_connection(EgressScope::Inferred, &schema(), values, &Arc::new(Redactor::default()))
}

/// `a.test` and `b.test` lead to two servers.
fn net(a: &Door, b: Option<&Door>) -> Net {
    let net = Net::default();
    net.host("a.test", &["93.184.215.14"]).host("b.test", &["93.184.215.15"]);
    net.route("93.184.215.14:443", a.upstream.address);
    if let Some(b) = b {
        net.route("93.184.215.15:443", b.upstream.address);
    }
    net
}

#[tokio::test]
async fn who_shows_the_right_certificate_comes_in_and_the_alert_names_why_others_do_not() {
    let authority = Authority::new();
    let cases = [(&[&TLS13][..], false), (&[&TLS12][..], false), (&[&TLS13][..], true), (&[&TLS12][..], true)];
    for (versions, http2) in cases {
        let mut config = authority.sign_asking(&["a.test"], Asks::Always, versions);
        if http2 {
            config.alpn_protocols = vec![b"h2".to_vec()];
        }
        let door = Door::open(config, |_| answer("200 OK", "", "in")).await;
        let client = net(&door, None).client_trusting(Policy::strict(), &authority.root);
        let own = authority.client(Flaw::None);
        let shows = of(&client, &connection("https://a.test/v1", &own));
        for path in ["x", "y"] {
            assert_eq!(shows.get(format!("https://a.test/{path}")).send().await.unwrap().text(), "in", "{http2}");
        }
        assert_eq!(door.shown().len(), 1, "a connection that was opened is used again");
        assert!(door.shown()[0].is_some());
        let is_new = versions == [&TLS13];
        for (own, alert) in [
            (None, "CertificateRequired"),
            (Some(Authority::named("another one").client(Flaw::None)), "UnknownCA"),
            (Some(Authority::new().client(Flaw::None)), "DecryptError"),
            (Some(authority.client(Flaw::Expired)), "CertificateExpired"),
        ] {
            let shows = match &own {
                None => client.clone(),
                Some(own) => of(&client, &connection("https://a.test", own)),
            };
            let error = shows.post("https://a.test/x?q=hush").text("one").send().await.unwrap_err();
            let text = error.to_string();
            assert_eq!(error.code(), "tls", "{http2} {is_new} {text}");
            assert!(text.contains(&format!("({alert})")), "{http2} {is_new} {alert} {text}");
            assert!(text.contains("clientCertificate") && !text.contains("hush"), "{text}");
            assert!(!error.may_have_arrived(), "{text}");
        }
        assert_eq!(door.shown().len(), 1);
    }
}

#[tokio::test]
async fn only_the_connections_own_origin_sees_the_certificate() {
    let authority = Authority::new();
    let (asks, polite) = (
        authority.sign_asking(&["a.test"], Asks::Always, BOTH),
        authority.sign_asking(&["a.test", "b.test"], Asks::Politely, BOTH),
    );
    let home = Door::open(asks, |request| match request.line() {
        "GET /away HTTP/1.1" => redirect(307, "https://b.test/landed"),
        "GET /port HTTP/1.1" => redirect(302, "https://a.test:8443/landed"),
        _ => answer("200 OK", "", "home"),
    })
    .await;
    let away = Door::open(polite, |request| match request.line() {
        "GET /back HTTP/1.1" => redirect(302, "https://a.test/again"),
        _ => answer("200 OK", "", "away"),
    })
    .await;
    let net = net(&home, Some(&away));
    net.route("93.184.215.14:8443", away.upstream.address);
    let client = net.client_trusting(Policy::strict(), &authority.root);
    let shows = of(&client, &connection("https://a.test/v1", &authority.client(Flaw::None)));
    for (url, text) in [
        ("https://a.test/away", "away"),
        ("https://a.test/port", "away"),
        ("https://b.test/", "away"),
        ("https://b.test/back", "home"),
    ] {
        assert_eq!(shows.get(url).send().await.unwrap().text(), text, "{url}");
        // As one does who has credentials of a call: what the certificate is shown to does not widen.
        assert_eq!(shows.unscoped().get(url).send().await.unwrap().text(), text, "{url}");
    }
    assert!(away.shown().iter().all(Option::is_none) && !away.shown().is_empty(), "{:?}", away.shown().len());
    assert!(home.shown().iter().all(Option::is_some));
}

#[tokio::test]
async fn nobody_else_rides_on_a_connection_that_was_opened_with_a_certificate() {
    let authority = Authority::new();
    for versions in [&[&TLS13], &[&TLS12]] {
        let config = authority.sign_asking(&["a.test"], Asks::Politely, versions);
        let door = Door::open(config, |_| answer("200 OK", "", "in")).await;
        let client = net(&door, None).client_trusting(Policy::strict(), &authority.root);
        let values = |own: &(String, String)| connection("https://a.test", own);
        let (one, two) = (authority.client(Flaw::None), authority.client(Flaw::None));
        for client in
            [of(&client, &values(&one)), of(&client, &values(&two)), client.clone(), of(&client, &values(&one))]
        {
            client.get("https://a.test/").send().await.unwrap();
        }
        let shown = door.shown();
        // Neither a pooled connection nor a resumed session is another one's.
        assert!(shown.len() == 4 && shown[0].is_some() && shown[0] == shown[3], "{}", shown.len());
        assert!(shown[1].is_some() && shown[1] != shown[0] && shown[2].is_none());
    }
}

#[tokio::test]
async fn a_server_elsewhere_that_wants_one_too_is_told_apart() {
    let authority = Authority::new();
    let door = |name: &'static str| {
        let config = authority.sign_asking(&[name], Asks::Always, BOTH);
        Door::open(config, |_| redirect(302, "https://b.test/landed"))
    };
    let (home, away) = (door("a.test").await, door("b.test").await);
    let client = net(&home, Some(&away)).client_trusting(Policy::strict(), &authority.root);
    let shows = of(&client, &connection("https://a.test", &authority.client(Flaw::None)));
    for url in ["https://b.test/", "https://a.test/"] {
        let error = shows.get(url).send().await.unwrap_err().to_string();
        assert!(error.contains("CertificateRequired") && error.contains("is shown only to https://a.test"), "{error}");
    }
    assert_eq!(away.shown().len(), 0);
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_stops_every_request_before_it_leaves() {
    let authority = Authority::new();
    let net = Net::default();
    let client = net.client(Policy::strict());
    let (own, other) = (authority.client(Flaw::None), authority.client(Flaw::None));
    let none = String::new;
    for (base, own, field, words) in [
        ("https://a.test", (own.0.clone(), none()), "clientKey", "send the key"),
        ("https://a.test", (none(), own.1.clone()), "clientCertificate", "send the certificate"),
        ("https://a.test", (own.0.clone(), other.1.clone()), "clientKey", "belong together"),
        ("http://a.test", own.clone(), "clientCertificate", "set baseUrl to an https URL"),
        ("", own.clone(), "clientCertificate", "set baseUrl to an https URL"),
    ] {
        let shows = of(&client, &connection(base, &own));
        for url in ["https://a.test/", "https://b.test/", "http://a.test/"] {
            let error = shows.get(url).send().await.unwrap_err();
            assert_eq!(error.code(), "certificate");
            let text = error.to_string();
            assert!(matches!(error, EgressError::Certificate { field: place, .. } if place == field), "{text}");
            assert!(text.contains(words) && !text.contains("MI"), "{text}");
        }
    }
    assert_eq!(net.looked_up(), [""; 0]);
    // Without these fields, or with one of them alone as another secret, nothing changes.
    let error = of(&client, &Map::new()).get("https://a.test/").send().await.unwrap_err();
    assert_eq!(error.code(), "dns");
}

#[test]
fn what_is_wrong_with_a_text_is_said_without_a_part_of_it() {
    let authority = Authority::new();
    let (certificate, key) = authority.client(Flaw::None);
    let read = |certificate: &str, key: &str| ClientCertificate::read(certificate, &Secret::new(key));
    assert!(read(&certificate, &key).is_ok());
    let (dos, spaced) = (certificate.replace('\n', "\r\n"), format!("\n  \n{key}\n\n"));
    assert!(read(&dos, &key.replace('\n', "\r\n")).is_ok() && read(&certificate, &spaced).is_ok());
    assert!(read(&format!("{certificate}{certificate}"), &format!("{key}{certificate}")).is_ok());
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let cut = &key[..key.len() - 40];
    let middle = key.lines().nth(1).unwrap();
    let garbled = key.replace(&middle[10..20], "!!!!hush!!");
    let no_key = key.replace(middle, &"A".repeat(middle.len()));
    let many = certificate.repeat(MAX_CHAIN_CERTIFICATES + 1);
    let huge = format!("{certificate}{}", " ".repeat(64 * 1024));
    let empty = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (certificate, key, field, words) in [
        (&*certificate, "", "clientKey", "no private key"),
        (&certificate, "pass", "clientKey", "-----BEGIN PRIVATE KEY-----"),
        (&certificate, &certificate, "clientKey", "a certificate in it and no key"),
        (&certificate, &encrypted, "clientKey", "passphrase"),
        (&certificate, cut, "clientKey", "not PEM"),
        (&certificate, &garbled, "clientKey", "not base64"),
        (&certificate, &no_key, "clientKey", "RSA"),
        (&certificate, &key.replace('\n', "\\n"), "clientKey", "\\ and n"),
        (&certificate, &key.replace('\n', " "), "clientKey", "-----BEGIN PRIVATE KEY-----"),
        (&certificate, &authority.client(Flaw::None).1, "clientKey", "belong together"),
        ("", &key, "clientCertificate", "no certificate"),
        ("words", &key, "clientCertificate", "-----BEGIN CERTIFICATE-----"),
        (empty, &key, "clientCertificate", "X.509"),
        (&key, &key, "clientCertificate", "the key belongs in clientKey"),
        (&format!("{certificate}{key}"), &key, "clientCertificate", "shown to whoever may read"),
        (&many, &key, "clientCertificate", "more than 10"),
        (&huge, &key, "clientCertificate", "64 KiB"),
    ] {
        let error = read(certificate, key).unwrap_err();
        assert!(error.field == field && error.why.contains(words), "{words}: {error}");
        assert!(!error.why.contains(&middle[..8]) && !error.why.contains("hush"), "{error}");
    }
    assert_eq!(format!("{:?}", read(&certificate, &key).unwrap()), "ClientCertificate { certificates: 1, .. }");
}

#[tokio::test]
async fn a_connection_that_comes_with_each_call_has_one_pool() {
    let authority = Authority::new();
    let config = authority.sign_asking(&["a.test"], Asks::Always, BOTH);
    let door = Door::open(config, |_| answer("200 OK", "", "in")).await;
    let client = net(&door, None).client_trusting(Policy::strict(), &authority.root);
    let call = |own: &(String, String)| {
        let values = connection("https://a.test", own);
        client.for_called_connection(EgressScope::Inferred, &schema(), &values, &Arc::default())
    };
    let (one, two) = (authority.client(Flaw::None), authority.client(Flaw::None));
    for own in [&one, &two, &one, &one] {
        assert_eq!(call(own).get("https://a.test/").send().await.unwrap().text(), "in");
    }
    let shown = door.shown();
    assert!(shown.len() == 2 && shown[0] != shown[1], "{}", shown.len());
    // The key of a rotation is another one, and an odd one is remembered as such.
    let error = call(&(one.0.clone(), two.1.clone())).get("https://a.test/").send().await.unwrap_err();
    assert_eq!(error.code(), "certificate");
    for number in 0..2 * MAX_KEPT {
        drop(call(&(format!("{} {number}", one.0), one.1.clone())));
    }
    assert_eq!(client.kept_pools(), MAX_KEPT);
    tokio::time::pause();
    tokio::time::advance(MAX_IDLE).await;
    drop(call(&one));
    assert_eq!(client.kept_pools(), 1);
}

#[tokio::test]
async fn where_the_code_decides_the_urls_of_the_connection_see_it() {
    let authority = Authority::new();
    let door = |name: &'static str| {
        let config = authority.sign_asking(&[name], Asks::Politely, BOTH);
        Door::open(config, |_| answer("200 OK", "", "in"))
    };
    let (home, away) = (door("a.test").await, door("b.test").await);
    let client = net(&home, Some(&away)).client_trusting(Policy::strict(), &authority.root);
    let values = connection("https://a.test", &authority.client(Flaw::None));
    let shows = client.for_connection(EgressScope::Anywhere, &schema(), &values, &Arc::default());
    shows.get("https://a.test/").send().await.unwrap();
    shows.get("https://b.test/").send().await.unwrap();
    assert!(home.shown()[0].is_some() && away.shown()[0].is_none());
}

/// As most servers do, so that what it said may come behind a reset, before the request is written or while it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_closes_at_once_is_understood_too() {
    const CALLS: usize = 40;
    let authority = Authority::new();
    for http2 in [false, true] {
        let mut config = authority.sign_asking(&["a.test"], Asks::Always, &[&TLS13]);
        if http2 {
            config.alpn_protocols = vec![b"h2".to_vec()];
        }
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let upstream = Upstream::raw(move |stream, _| {
            let acceptor = acceptor.clone();
            async move { drop(acceptor.accept(stream).await) }
        })
        .await;
        let door = Door { upstream, shown: Arc::default() };
        let client = net(&door, None).client_trusting(Policy::strict(), &authority.root);
        for number in 0..CALLS {
            let body = "x".repeat(if number % 2 == 0 { 10 } else { 300_000 });
            let error = client.post("https://a.test/x").text(body).send().await.unwrap_err();
            assert!(error.to_string().contains("(CertificateRequired)"), "{http2} {number} {error}");
            assert_eq!((error.code(), error.may_have_arrived()), ("tls", false), "{http2} {number} {error}");
        }
    }
}
