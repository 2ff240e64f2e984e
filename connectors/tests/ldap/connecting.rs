//! Reaching a directory: TLS in its two ways, who is trusted, and which step failed.

use std::time::{Duration, Instant};

use connector_runtime::egress::{Client, Policy};
use connector_runtime::testing;
use connectors::ldap::Ldap;
use serde_json::json;
use test_support::certificates::Authority;
use test_support::slapd::{ACCOUNT, BASE, Slapd};

use crate::support::{call, client, failure, payload};

/// A second, and what a busy machine may be late.
const LATE: Duration = Duration::from_secs(3);

#[tokio::test]
async fn both_ways_of_tls_lead_in_and_nothing_else_does() {
    let Some(slapd) = Slapd::start("").await else { return };
    let told = payload(call(&slapd, "test")).await;
    assert_eq!(told["whoAmI"], format!("dn:{ACCOUNT}"));
    assert_eq!((&told["tls"], &told["paging"]), (&json!(true), &json!(true)));
    assert_eq!((&told["directory"], &told["vendor"]), (&json!("openldap"), &json!("OpenLDAP")));
    assert_eq!(told["namingContexts"], json!([BASE]));
    let plain = format!("ldap://127.0.0.1:{}", slapd.port());
    let started = payload(call(&slapd, "test").config("url", &plain)).await;
    assert_eq!(started["tls"], true);

    let other = tempfile_authority();
    for (url, ca, step, text) in [
        (format!("ldaps://127.0.0.1:{}", slapd.tls_port()), other.clone(), "tls", "does not trust"),
        (plain.clone(), other, "tls", "not from an authority that this connection trusts"),
        (format!("ldap://127.0.0.1:{}", slapd.tls_port()), slapd.authority(), "tls", "did not begin TLS"),
        (format!("ldaps://127.0.0.1:{}", slapd.port()), slapd.authority(), "tls", "could not speak TLS"),
        ("ldap://127.0.0.1".to_owned(), slapd.authority(), "dial", "a loopback address"),
        ("http://127.0.0.1".to_owned(), slapd.authority(), "dial", "has to begin with ldap://"),
        ("ldap://user@127.0.0.1".to_owned(), slapd.authority(), "dial", "may hold no user name"),
        (format!("{plain}/dc=example"), slapd.authority(), "dial", "may hold a host and a port alone"),
        (plain.clone(), "nonsense".to_owned(), "tls", "caCertificate: there is no certificate in it"),
    ] {
        let (_, at, error) = failure(call(&slapd, "test").config("url", &url).config("caCertificate", &ca)).await;
        let expected = if text == "does not trust" { "this connection trusts" } else { text };
        assert!(at == step && error.contains(expected), "{url}: {at}: {error}");
    }
    // An address that is open is not open on the ports of other protocols.
    let open = Client::new(Policy::parse(&["127.0.0.1"], &[]).unwrap());
    let database = call(&slapd, "test").config("url", "ldap://127.0.0.1:5432").http(open);
    let (code, step, error) = failure(database).await;
    assert!(code == "policy" && step == "dial" && error.contains("its port is a port of another protocol"), "{error}");
    // Without its authority, the system's are asked.
    let system = testing::call::<Ldap>("test")
        .config("url", format!("ldaps://127.0.0.1:{}", slapd.tls_port()))
        .config("baseDn", BASE)
        .http(client(&slapd));
    let (_, step, error) = failure(system).await;
    assert!(step == "tls" && error.contains("set the connection's CA certificate"), "{error}");
}

fn tempfile_authority() -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::read_to_string(Authority::new().write(folder.path())).unwrap()
}

#[tokio::test]
async fn passwords_do_not_leave_in_the_clear() {
    let Some(slapd) = Slapd::start("").await else { return };
    let plain = format!("ldap://127.0.0.1:{}", slapd.port());
    for command in ["test", "authenticate", "setPassword", "create"] {
        let unencrypted = call(&slapd, command)
            .config("url", &plain)
            .config("startTls", false)
            .param("dn", ACCOUNT)
            .param("password", "canary-password-1")
            .param("newPassword", "canary-password-1")
            .param("objectClasses", ["device"]);
        let (code, step, error) = failure(unencrypted).await;
        assert_eq!((code.as_str(), step.as_str()), ("policy", "tls"), "{command}: {error}");
    }
    let allowed = call(&slapd, "test").config("url", &plain).config("startTls", false).config("allowPlaintext", true);
    assert_eq!(payload(allowed).await["tls"], false);
}

#[tokio::test]
async fn the_step_that_failed_is_named() {
    let Some(slapd) = Slapd::start("").await else { return };
    let (code, step, error) = failure(call(&slapd, "test").config("bindPassword", "canary-wrong-password")).await;
    assert_eq!((code.as_str(), step.as_str()), ("unauthenticated", "signIn"), "{error}");
    assert!(error.contains("it does not accept the name or the password"), "{error}");
    let (code, step, _) = failure(call(&slapd, "test").config("baseDn", "dc=other")).await;
    assert_eq!((code.as_str(), step.as_str()), ("notFound", "base"));
    let (code, step, error) = failure(call(&slapd, "test").config("bindPassword", "")).await;
    assert_eq!((code.as_str(), step.as_str()), ("invalid", "signIn"), "{error}");
    slapd.process().stall();
    let began = Instant::now();
    let (code, _, error) = failure(call(&slapd, "test").config("timeoutSecs", 1)).await;
    assert!(began.elapsed() < LATE, "{:?}", began.elapsed());
    assert_eq!(code, "timeout", "{error}");
    slapd.process().go_on();
    assert!(call(&slapd, "test").run().await.success);
}
