//! Calls of the connector to the directory of a test.

use connector_runtime::egress::{Client, Policy};
use connector_runtime::outcome::ConnectorResult;
use connector_runtime::testing::{self, TestCall};
use connectors::ldap::Ldap;
use serde_json::Value;
use test_support::slapd::{ACCOUNT, BASE, PASSWORD, Slapd};

/// A client that may reach the ports of a directory on loopback, and nothing else there.
pub(crate) fn client(slapd: &Slapd) -> Client {
    let opened = [slapd.port(), slapd.tls_port()].map(|port| format!("127.0.0.1:{port}"));
    Client::new(Policy::parse(&opened, &[]).unwrap())
}

/// A call over TLS, by the account of the test.
pub(crate) fn call(slapd: &Slapd, command: &str) -> TestCall {
    testing::call::<Ldap>(command)
        .config("url", format!("ldaps://127.0.0.1:{}", slapd.tls_port()))
        .config("caCertificate", slapd.authority())
        .config("bindDn", ACCOUNT)
        .config("bindPassword", PASSWORD)
        .config("baseDn", BASE)
        .http(client(slapd))
}

/// Returns the payload of a call that has to succeed.
pub(crate) async fn payload(call: TestCall) -> Value {
    let result = call.run().await;
    assert!(result.success, "{result:?}");
    result.payload.unwrap()
}

/// Returns the failure of a call: its code, its step, its text.
pub(crate) async fn failure(call: TestCall) -> (String, String, String) {
    let result = call.run().await;
    assert!(!result.success, "{result:?}");
    assert!(!format!("{result:?}").contains("canary"), "a secret is in {result:?}");
    let diagnostics = result.diagnostics.clone().unwrap_or_default();
    let text = |name: &str| diagnostics[name].as_str().unwrap_or_default().to_owned();
    (text("code"), text("step"), result.error.unwrap())
}

/// Returns the diagnostics of a failure.
pub(crate) fn diagnostics(result: &ConnectorResult) -> Value {
    result.diagnostics.clone().unwrap_or_default()
}

/// An entry of a person, as LDIF.
pub(crate) fn person(uid: &str) -> String {
    format!("dn: uid={uid},ou=people,{BASE}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: Person {uid}\nsn: {uid}\n\n")
}
