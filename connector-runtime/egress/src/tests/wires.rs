//! Connections of other protocols than HTTP: the same policy, ports of their own, and hosts that fields name.

use std::sync::Arc;
use std::time::Duration;

use connector_schema::{ConfigSchema, Field, FieldKind};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::authority::{Authority, Flaw};
use crate::testing::{Net, PUBLIC};
use crate::{Client, EgressScope, MAX_WIRE_BYTES, Policy, Protocol, Rule, Trust};

const PROTOCOLS: [Protocol; 6] =
    [Protocol::Ldap, Protocol::Smtp, Protocol::Imap, Protocol::Ssh, Protocol::Postgresql, Protocol::Mysql];

/// Returns the code and the rule of a connection that is refused.
async fn refusal(client: &Client, protocol: Protocol, host: &str, port: u16) -> (&'static str, Option<Rule>) {
    let error = client.connect(protocol, host, port).await.unwrap_err();
    (error.code(), error.rule())
}

/// A network whose names lead to a server that repeats what it gets.
async fn network() -> Net {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let net = Net::default();
    net.host("dc.test", &[PUBLIC]).host("evil.test", &[PUBLIC]).route_all(listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.into_split();
                tokio::io::copy(&mut read, &mut write).await
            });
        }
    });
    net
}

fn connection(fields: &[(&str, &str)]) -> (ConfigSchema, Map<String, Value>) {
    let mut schema = ConfigSchema::default();
    let mut values = Map::new();
    for (name, value) in fields {
        schema.connection.insert((*name).to_owned(), Field::new(FieldKind::String));
        values.insert((*name).to_owned(), json!(value));
    }
    (schema, values)
}

fn of_connection(net: &Net, fields: &[(&str, &str)]) -> Client {
    let (schema, values) = connection(fields);
    net.client(Policy::strict()).for_connection(EgressScope::Inferred, &schema, &values, &Arc::default())
}

#[tokio::test]
async fn a_protocol_has_its_ports_and_no_other() {
    let net = network().await;
    let client = net.client(Policy::strict());
    let all: Vec<u16> =
        PROTOCOLS.iter().flat_map(|protocol| protocol.ports()).copied().chain([80, 443, 6379]).collect();
    for protocol in PROTOCOLS {
        for port in &all {
            let connected = client.connect(protocol, "dc.test", *port).await;
            match protocol.ports().contains(port) {
                true => assert!(connected.is_ok(), "{protocol} {port}"),
                false => assert_eq!(connected.unwrap_err().rule(), Some(Rule::Port), "{protocol} {port}"),
            }
        }
    }
    let error = client.connect(Protocol::Ldap, "dc.test", 5432).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "refused to call ldap://dc.test:5432: its port is a port of another protocol [port]; ldap is spoken on 389, 636, \
         3268 or 3269; an operator can open this one with --egress-allow dc.test:5432"
    );
    let opened = net.client(Policy::parse(&["dc.test:1389"], &[]).unwrap());
    assert!(opened.connect(Protocol::Ldap, "dc.test", 1389).await.is_ok());
    // What opens a port for one protocol opens no other place, and HTTP's refusal stays.
    assert_eq!(refusal(&opened, Protocol::Ldap, "evil.test", 1389).await.1, Some(Rule::Port));
    assert_eq!(client.get("http://dc.test:389/").send().await.unwrap_err().rule(), Some(Rule::Port));
}

#[tokio::test]
async fn the_policy_is_that_of_requests() {
    let net = network().await;
    net.host("inner.test", &["10.0.0.5"]).host("mixed.test", &[PUBLIC, "169.254.169.254"]);
    let client = net.client(Policy::parse(&[] as &[&str], &["evil.test"]).unwrap());
    let dialled = net.dialled();
    for (host, code, rule) in [
        ("127.0.0.1", "policy", Some(Rule::Loopback)),
        ("0x7f000001", "policy", Some(Rule::Loopback)),
        ("[::1]", "policy", Some(Rule::Loopback)),
        ("::1", "policy", Some(Rule::Loopback)),
        ("169.254.169.254", "policy", Some(Rule::LinkLocal)),
        ("10.0.0.5", "policy", Some(Rule::Private)),
        ("inner.test", "policy", Some(Rule::Private)),
        ("mixed.test", "policy", Some(Rule::LinkLocal)),
        ("localhost", "policy", Some(Rule::InternalName)),
        ("dc", "policy", Some(Rule::SingleLabel)),
        ("evil.test", "policy", Some(Rule::OperatorDeny)),
        ("unknown.test", "dns", Some(Rule::DnsFailed)),
        ("a b.test", "url", Some(Rule::Space)),
        ("user@dc.test", "url", Some(Rule::Malformed)),
        ("dc.test/x", "url", Some(Rule::Malformed)),
        ("dc%2etest", "url", Some(Rule::PercentInHost)),
        ("", "url", Some(Rule::Malformed)),
    ] {
        let refused = refusal(&client, Protocol::Ldap, host, 389).await;
        let is_metadata = refused.1 == Some(Rule::Metadata) && rule == Some(Rule::LinkLocal);
        assert!(refused == (code, rule) || is_metadata, "{host}: {refused:?}");
    }
    assert_eq!(net.dialled(), dialled, "nothing was dialled");
    assert!(client.connect(Protocol::Ldap, "DC.test.", 389).await.is_ok());
}

#[tokio::test]
async fn only_a_field_says_where_a_connection_leads() {
    let net = network().await;
    let fixed = of_connection(&net, &[("url", "ldap://dc.test"), ("baseDn", "evil.test")]);
    assert!(fixed.connect(Protocol::Ldap, "dc.test", 389).await.is_ok());
    assert!(fixed.unscoped().connect(Protocol::Ldap, "dc.test", 389).await.is_ok());
    for (host, port) in [("dc.test", 636), ("evil.test", 389), (PUBLIC, 389)] {
        assert_eq!(refusal(&fixed, Protocol::Ldap, host, port).await.0, "scope", "{host}:{port}");
        assert_eq!(refusal(&fixed.unscoped(), Protocol::Ldap, host, port).await.0, "scope", "{host}:{port}");
    }
    let error = fixed.connect(Protocol::Ldap, "evil.test", 389).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "refused to send a secret to ldap://evil.test:389: this connection may only be opened to the host and port of url \
         [scope]; set url to the service that is meant; a param cannot name it"
    );
    // A host alone leaves the port to the protocol; host:port and an empty field do not.
    let host = of_connection(&net, &[("host", "dc.test")]);
    assert!(host.connect(Protocol::Smtp, "dc.test", 25).await.is_ok());
    assert!(host.connect(Protocol::Smtp, "dc.test", 587).await.is_ok());
    let both = of_connection(&net, &[("host", "dc.test:587")]);
    assert!(both.connect(Protocol::Smtp, "dc.test", 587).await.is_ok());
    assert_eq!(refusal(&both, Protocol::Smtp, "dc.test", 25).await.0, "scope");
    for fields in [&[("url", "")][..], &[("url", "ldap://")], &[("name", "dc.test")], &[]] {
        assert_eq!(
            refusal(&of_connection(&net, fields), Protocol::Ldap, "dc.test", 389).await.0,
            "scope",
            "{fields:?}"
        );
    }
}

#[tokio::test]
async fn what_is_written_arrives_and_what_is_read_is_counted() {
    let net = network().await;
    let mut wire = net.client(Policy::strict()).connect(Protocol::Ldap, "dc.test", 389).await.unwrap();
    assert_eq!((wire.place(), wire.is_secure()), ("ldap://dc.test:389".to_owned(), false));
    let meter = wire.meter();
    wire.write_all(b"hello").await.unwrap();
    let mut back = [0; 5];
    wire.read_exact(&mut back).await.unwrap();
    assert_eq!((&back, meter.bytes()), (b"hello", 5));
    let (socket, carrier) = wire.into_socket().unwrap();
    let mut socket = tokio::net::UnixStream::from_std({
        socket.set_nonblocking(true).unwrap();
        socket
    })
    .unwrap();
    socket.write_all(b"again").await.unwrap();
    socket.read_exact(&mut back).await.unwrap();
    assert_eq!((&back, meter.bytes()), (b"again", 10));
    drop(carrier);
    assert_eq!(socket.read(&mut back).await.unwrap(), 0, "closed with its carrier");
}

#[tokio::test]
async fn an_endless_answer_ends_at_the_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let net = Net::default();
    net.host("dc.test", &[PUBLIC]).route_all(listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let block = vec![b'x'; 1 << 20];
        while stream.write_all(&block).await.is_ok() {}
    });
    let wire = net.client(Policy::strict()).connect(Protocol::Ldap, "dc.test", 389).await.unwrap();
    let meter = wire.meter();
    let (socket, _carrier) = wire.into_socket().unwrap();
    socket.set_nonblocking(true).unwrap();
    let mut socket = tokio::net::UnixStream::from_std(socket).unwrap();
    let read = tokio::io::copy(&mut socket, &mut tokio::io::sink()).await.unwrap();
    assert!(read <= MAX_WIRE_BYTES && read > MAX_WIRE_BYTES - (1 << 20), "{read}");
    assert!(meter.is_over());
    meter.reset();
    assert!(!meter.is_over());
}

#[tokio::test]
async fn a_silent_place_does_not_hold_a_call() {
    let net = Net::default();
    net.host("dc.test", &[PUBLIC]).silent(&format!("{PUBLIC}:389"));
    let client = net.client(Policy::strict()).with_timeout(Duration::from_millis(50));
    let error = client.connect(Protocol::Ldap, "dc.test", 389).await.unwrap_err();
    assert!(error.to_string().starts_with("could not connect to ldap://dc.test:389: it did not answer"), "{error}");
}

#[tokio::test]
async fn tls_trusts_whom_the_connection_says_and_the_host_that_was_dialled() {
    let authority = Authority::new();
    let other = Authority::named("other authority");
    let pem = |authority: &Authority| {
        use base64::Engine as _;
        let text = base64::prelude::BASE64_STANDARD.encode(&authority.root);
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    };
    let both = Trust::only(&(pem(&authority) + &pem(&other))).unwrap();
    let own = Trust::only(&pem(&authority)).unwrap();
    for (names, flaw, trust, expected) in [
        (["dc.test"], Flaw::None, &own, Ok(())),
        (["dc.test"], Flaw::None, &both, Ok(())),
        (
            ["dc.test"],
            Flaw::None,
            &Trust::only(&pem(&other)).unwrap(),
            Err("not from an authority that this connection"),
        ),
        (["dc.test"], Flaw::None, &Trust::system(), Err("set the connection's CA certificate")),
        (["other.test"], Flaw::None, &own, Err("its certificate is for another host")),
        (["dc.test"], Flaw::Expired, &own, Err("its certificate has expired")),
    ] {
        let acceptor = TlsAcceptor::from(Arc::new(authority.sign(&names, flaw)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let net = Net::default();
        net.host("dc.test", &[PUBLIC]).route_all(listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            stream.write_all(b"hi").await.unwrap();
        });
        let wire = net.client(Policy::strict()).connect(Protocol::Ldap, "dc.test", 636).await.unwrap();
        match (wire.secure(trust).await, expected) {
            (Ok(mut wire), Ok(())) => {
                let mut said = [0; 2];
                wire.read_exact(&mut said).await.unwrap();
                assert_eq!((&said, wire.is_secure(), wire.meter().bytes()), (b"hi", true, 2));
            }
            (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{error}"),
            (got, expected) => panic!("{names:?} {flaw:?}: {got:?}, expected {expected:?}", flaw = flaw as u8),
        }
    }
    for (text, why) in [
        ("", "there is no certificate in it"),
        ("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----", "it is not PEM"),
        (&"x".repeat(70_000), "more than 64 KiB"),
        (&pem(&own_root()).repeat(11), "more than 10 certificates"),
    ] {
        let error = Trust::only(text).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

/// What tools make of one command: a certificate that is its own authority.
#[tokio::test]
async fn a_server_may_show_the_very_certificate_that_is_trusted() {
    for (name, days, expected) in [
        ("dc.test", 1, None),
        ("other.test", 1, Some("its certificate is for another host")),
        ("dc.test", -1, Some("its certificate has expired")),
    ] {
        let (config, pem) = self_made(name, days > 0);
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let net = Net::default();
        net.host("dc.test", &[PUBLIC]).route_all(listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            drop(acceptor.accept(stream).await);
        });
        let wire = net.client(Policy::strict()).connect(Protocol::Ldap, "dc.test", 636).await.unwrap();
        let secured = wire.secure(&Trust::only(&pem).unwrap()).await;
        match expected {
            None => assert!(secured.unwrap().is_secure()),
            Some(text) => assert!(secured.unwrap_err().to_string().contains(text)),
        }
    }
}

fn self_made(name: &str, is_valid: bool) -> (rustls::ServerConfig, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    if !is_valid {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    }
    let certificate = params.self_signed(&key).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    (config.with_single_cert(vec![certificate.der().clone()], key).unwrap(), certificate.pem())
}

fn own_root() -> Authority {
    Authority::new()
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_told_apart() {
    let net = network().await;
    let wire = net.client(Policy::strict()).connect(Protocol::Ldap, "dc.test", 636).await.unwrap();
    // It repeats our hello, which is no answer to it.
    let error = wire.secure(&Trust::system()).await.unwrap_err();
    assert_eq!(error.code(), "tls");
    assert!(error.to_string().starts_with("could not speak TLS with ldap://dc.test:636: "), "{error}");
}

#[test]
fn what_left_counts_as_unanswered_until_it_is_settled() {
    let client = Net::default().client(Policy::strict()).noting_unanswered();
    let effect = client.begin_effect();
    assert!(client.unanswered().is_some_and(|seen| seen.left()));
    effect.settle();
    assert!(client.unanswered().is_none());
    drop(client.begin_effect());
    assert!(client.unanswered().is_some(), "nobody read its answer");
}

#[tokio::test]
async fn a_check_of_another_protocol_is_that_of_a_connection() {
    let net = network().await;
    let policy = Policy::parse(&["10.0.0.5"], &[] as &[&str]).unwrap();
    let rule = async |input: &str| policy.check_with(&net, input, false).await.rule;
    assert_eq!(rule("ldap://dc.test").await, None);
    assert_eq!(rule("ldaps://dc.test:636").await, None);
    assert_eq!(rule("ldap://dc.test:5432").await, Some(Rule::Port));
    assert_eq!(rule("postgresql://10.0.0.5:5432").await, Some(Rule::OperatorAllow));
    assert_eq!(rule("ldap://user@dc.test").await, Some(Rule::UserInfo));
    assert_eq!(rule("gopher://dc.test").await, Some(Rule::Scheme));
}
