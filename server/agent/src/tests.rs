//! Addresses, waits, settings and tokens.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use connector_runtime::Secret;
use connector_runtime::protocol::frames::ConfigPlace;
use connector_runtime::registry::Registry;
use proptest::prelude::*;
use serde_json::json;

use super::backoff::FailureCount;
use super::config::Kind;
use super::*;

fn registry() -> Registry {
    connectors::link();
    Registry::collect().unwrap()
}

fn config(text: &str) -> Result<AgentConfig, String> {
    AgentConfig::parse(text, Path::new("agent.toml"), &registry()).map_err(|error| error.to_string())
}

#[test]
fn the_servers_address_is_completed_and_its_way_encrypted() {
    for (text, insecure, url) in [
        ("wss://floh.example.com", false, "wss://floh.example.com/api/connectors/agents/ws"),
        ("wss://floh.example.com:8443/", false, "wss://floh.example.com:8443/api/connectors/agents/ws"),
        ("wss://example.com/floh/", false, "wss://example.com/floh/api/connectors/agents/ws"),
        ("wss://example.com/api/connectors/agents/ws", false, "wss://example.com/api/connectors/agents/ws"),
        ("ws://127.0.0.1:8080", false, "ws://127.0.0.1:8080/api/connectors/agents/ws"),
        ("ws://[::1]:8080", false, "ws://[::1]:8080/api/connectors/agents/ws"),
        ("ws://localhost:8080", false, "ws://localhost:8080/api/connectors/agents/ws"),
        ("ws://floh.internal", true, "ws://floh.internal/api/connectors/agents/ws"),
    ] {
        assert_eq!(ServerAddress::parse(text, insecure).unwrap().url().as_str(), url, "{text}");
    }
    for text in ["ws://floh.internal", "ws://10.1.2.3:8080", "ws://localhost.example.com", "ws://127.0.0.1.example.com"]
    {
        assert!(matches!(ServerAddress::parse(text, false), Err(AddressError::Insecure(_))), "{text}");
    }
    for (text, words) in [
        ("floh.example.com", "no URL"),
        ("https://floh.example.com", "neither wss://"),
        ("wss://user:hunter2@floh.example.com", "user name or password"),
        ("wss://floh.example.com/?token=x", "query"),
    ] {
        let error = ServerAddress::parse(text, false).unwrap_err().to_string();
        assert!(error.contains(words) && !error.contains("hunter2"), "{error}");
    }
    let (host, port) = ServerAddress::parse("wss://[2001:db8::1]", false).unwrap().host_and_port();
    assert_eq!((host.as_str(), port), ("2001:db8::1", 443));
}

proptest! {
    /// Every wait is below the limit of its attempt, which doubles up to the longest.
    #[test]
    fn waits_stay_below_their_limits(draws in prop::collection::vec(any::<u32>(), 1..40)) {
        let pace = Pace::default();
        let mut failures = FailureCount::default();
        for (attempt, draw) in draws.into_iter().enumerate() {
            let limit = Duration::from_secs(60).min(Duration::from_secs(1 << attempt.min(10)));
            prop_assert!(pace.backoff.wait_at(failures.count(), draw) <= limit);
        }
        failures.reset();
        prop_assert_eq!(pace.backoff.wait_at(failures.count(), u32::MAX), Duration::from_secs(1));
    }
}

#[test]
fn a_thousand_agents_spread_over_the_whole_wait() {
    // Pseudo-random numbers that are the same in each run (a linear congruential generator).
    let mut seed = 42_u64;
    let mut draw = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(seed >> 32).unwrap()
    };
    let pace = Pace::default();
    let mut tenths = [0_u32; 10];
    for _ in 0..1000 {
        let mut failures = FailureCount::default();
        for _ in 0..6 {
            failures.count();
            draw();
        }
        let wait = pace.backoff.wait_at(failures.count(), draw());
        let tenth = (0..9).find(|tenth| wait < Duration::from_secs(6 * (tenth + 1))).unwrap_or(9);
        tenths[usize::try_from(tenth).unwrap()] += 1;
    }
    assert!(tenths.iter().all(|count| (60..=140).contains(count)), "{tenths:?}");
}

#[test]
fn a_file_says_who_where_and_what() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("key");
    std::fs::write(&secret, "signing secret\n").unwrap();
    std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o600)).unwrap();
    let text = r#"
        id = "agent-prod-01"
        name = "Production Agent"
        max-concurrent = 4
        allow = ["10.1.2.3/32:8080", "sap.internal:8000"]
        [connectors.internal-api]
        type = "http"
        [connectors.sap-hr]
        url = "http://sap.internal:8000/hr"
        signing-secret = { file = "key" }
        [connectors.old]
        url = "http://10.1.2.3:8080"
        protocol = "plain"
    "#;
    let read = AgentConfig::parse(text, &folder.path().join("agent.toml"), &registry()).unwrap();
    assert_eq!((read.id.as_str(), read.name.as_str(), read.max_concurrent), ("agent-prod-01", "Production Agent", 4));
    assert_eq!(read.place, ConfigPlace::Server);
    assert!(matches!(&read.connectors["internal-api"].kind, Kind::BuiltIn(name) if name == "http"));
    assert!(matches!(&read.connectors["old"].kind, Kind::Plain(_)));
    let Kind::Floh(endpoint) = &read.connectors["sap-hr"].kind else { panic!("{read:?}") };
    assert_eq!(endpoint.signing_secret, Some(Secret::new("signing secret")));
    assert!(!format!("{read:?}").contains("signing secret"));
    let least = config("id = \"a\"\n[connectors.wait]\ntype = \"delay\"").unwrap();
    assert_eq!((least.name.as_str(), least.max_concurrent), ("a", 32));
}

#[tokio::test]
async fn nothing_but_the_list_is_open() {
    let text = r#"
        id = "a"
        allow = ["10.1.2.3/32:8080", "127.0.0.1:9000", "127.0.0.0/8"]
        [connectors.wait]
        type = "delay"
    "#;
    let policy = config(text).unwrap().policy;
    for (url, allowed) in [
        ("http://10.1.2.3:8080/x", true),
        ("http://10.1.2.3/", false),
        ("http://127.0.0.1:9000/", true),
        ("http://127.0.0.1:9001/", false),
        ("http://127.0.0.2:9000/", false),
        ("https://93.184.215.14/", false),
        ("http://169.254.169.254/", false),
    ] {
        assert_eq!(policy.check(url, false).await.allowed, allowed, "{url}");
    }
    assert_eq!(policy.warnings().len(), 1, "a block of loopback addresses opens nothing, and that is told");
}

#[test]
fn a_config_may_stay_with_the_agent() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("auth"), "bearer").unwrap();
    std::fs::set_permissions(folder.path().join("auth"), PermissionsExt::from_mode(0o600)).unwrap();
    let read = |text: &str| AgentConfig::parse(text, &folder.path().join("agent.toml"), &registry());
    let fields = registry().get("http").unwrap().schema().connection.clone();
    assert!(fields.contains_key("baseUrl"), "{:?}", fields.keys().collect::<Vec<_>>());
    let local = read(
        "id = \"a\"\nconfig = \"agent\"\n[connectors.api]\ntype = \"http\"\nconfig.baseUrl = \"http://10.1.2.3\"\n",
    )
    .unwrap();
    assert_eq!(local.place, ConfigPlace::Agent);
    let config = local.connectors["api"].config.as_ref().unwrap();
    assert_eq!(config.0["baseUrl"], json!("http://10.1.2.3"));
    assert_eq!(format!("{config:?}"), "{\"baseUrl\"}");
    let remote = read(
        "id = \"a\"\nconfig = \"agent\"\n[connectors.x]\nurl = \"http://x.test\"\nconfig.key = { file = \"auth\" }\nconfig.at = 2026-01-02T03:04:05Z\n",
    );
    let remote = remote.unwrap();
    let values = &remote.connectors["x"].config.as_ref().unwrap().0;
    assert_eq!((&values["key"], &values["at"]), (&json!("bearer"), &json!("2026-01-02T03:04:05Z")));
}

#[test]
fn mistakes_are_told_with_their_place() {
    for (text, words) in [
        ("id = \"a\"\nmax-concurent = 3\n", "line 2 column 1: unknown field `max-concurent`"),
        ("id = \"a\"\nallow = [\n", "line 2 column 10"),
        ("name = \"a\"\n", "missing field `id`"),
        ("id = \"\"\n[connectors.x]\ntype = \"http\"", "id: it must be"),
        ("id = \"a\"\n", "connectors: there is none"),
        ("id = \"a\"\nmax-concurrent = 0\n", "max-concurrent: it must be"),
        ("id = \"a\"\nallow = [\"10.0.0.1/8\"]\n", "allow: egress setting `10.0.0.1/8`"),
        ("id = \"a\"\n[connectors.Bad_Name]\ntype = \"http\"", "connectors.Bad_Name: expected lower-case letters"),
        ("id = \"a\"\n[connectors.x]\ntype = \"nonsense\"", "connectors.x.type: this program has no connector type"),
        ("id = \"a\"\n[connectors.x]\n", "it needs either type"),
        ("id = \"a\"\n[connectors.x]\ntype = \"http\"\nurl = \"http://x\"", "it needs either type"),
        ("id = \"a\"\n[connectors.x]\ntype = \"http\"\nprotocol = \"floh\"", "belong to a url"),
        ("id = \"a\"\n[connectors.x]\nurl = \"ftp://x\"", "connectors.x.url: it is no URL"),
        ("id = \"a\"\n[connectors.x]\nurl = \"http://u:hunter2@x\"", "connectors.x.url: it must have no user name"),
        ("id = \"a\"\n[connectors.x]\nurl = \"http://x\"\nprotocol = \"soap\"", "unknown variant `soap`"),
        (
            "id = \"a\"\n[connectors.x]\nurl = \"http://x\"\nsigning-secret = { env = \"FLOH_NO_SUCH_VARIABLE\" }",
            "is not set",
        ),
        (
            "id = \"a\"\n[connectors.x]\nurl = \"http://x\"\nsigning-secret = { file = \"/no/such/file\" }",
            "cannot read the file",
        ),
        ("id = \"a\"\n[connectors.x]\nurl = \"http://x\"\nsigning-secret = {}", "write either"),
        ("id = \"a\"\n[connectors.x]\ntype = \"http\"\nconfig.baseUrl = \"http://x\"", "write config = \"agent\""),
        (
            "id = \"a\"\nconfig = \"agent\"\n[connectors.x]\ntype = \"http\"\nconfig.nonsense = 1",
            "connectors.x.config.nonsense: the type has no such field",
        ),
        (
            "id = \"a\"\nconfig = \"agent\"\n[connectors.x]\ntype = \"http\"\nconfig.baseUrl = 1",
            "Invalid field(s): baseUrl",
        ),
        (
            "id = \"a\"\nconfig = \"agent\"\n[connectors.x]\nurl = \"http://x\"\nprotocol = \"plain\"\nconfig.a = 1",
            "sent no connection config",
        ),
    ] {
        let error = config(text).unwrap_err();
        assert!(
            error.contains(words) && error.starts_with("agent.toml") && !error.contains("hunter2"),
            "{text}: {error}"
        );
    }
}

#[test]
fn a_token_comes_from_a_private_file_or_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let write = |text: &str, mode: u32| {
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        read_token(Some(&path), Some(Secret::new("of-the-environment")))
    };
    assert_eq!(write(" token-of-a-test\n", 0o600).unwrap(), Secret::new("token-of-a-test"));
    assert_eq!(write("token-of-a-test", 0o400).unwrap(), Secret::new("token-of-a-test"));
    let error = write("token-of-a-test", 0o640).unwrap_err().to_string();
    assert!(error.contains("open to others (mode 0640)") && error.contains("chmod 600"), "{error}");
    assert!(write("\n", 0o600).unwrap_err().to_string().contains("is empty"));
    let long = write(&"x".repeat(64 * 1024 + 1), 0o600).unwrap_err().to_string();
    assert!(long.contains("has more than the 65536 bytes of a secret") && !long.contains("xxx"), "{long}");
    assert_eq!(write(&format!("{}\n", "x".repeat(64 * 1024)), 0o600).unwrap().expose().len(), 64 * 1024);
    assert!(matches!(write("two words", 0o600), Err(TokenError::Unsendable)));
    assert_eq!(read_token(None, Some(Secret::new("x"))).unwrap(), Secret::new("x"));
    assert!(matches!(read_token(None, None), Err(TokenError::Missing)));
}

#[test]
fn an_authority_must_be_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    for text in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        std::fs::write(&path, text).unwrap();
        let error = tls_config(Some(&path), None).unwrap_err().to_string();
        assert!(error.contains("ca.pem") && error.contains("PEM file"), "{error}");
    }
    assert!(tls_config(Some(Path::new("/no/such/file")), None).is_err());
    assert!(tls_config(None, None).is_ok());
}

#[test]
fn refusals_that_need_people_are_told_apart() {
    for (code, needs) in [
        ("unauthorized", true),
        ("forbidden", true),
        ("protocol_version", true),
        ("unavailable", false),
        ("stopping", false),
    ] {
        let error = ConnectError::refused(code.to_owned(), "the text".to_owned());
        assert_eq!(error.needs_people(), needs, "{error}");
        assert!(error.to_string().contains("the text"), "{error}");
    }
}
