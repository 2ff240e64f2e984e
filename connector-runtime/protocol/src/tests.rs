//! Signatures against a known answer, fingerprints against order, bodies of requests.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use connector_schema::{ConfigSchema, Secret};
use serde_json::json;

use super::*;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

const NONCE: &str = "0123456789abcdef0123456789abcdef";

fn of(body: &[u8]) -> SignedRequest<'_> {
    SignedRequest { path: "/widget/execute", body }
}

#[test]
fn a_signature_is_the_hmac_of_time_nonce_path_and_body() {
    let secret = Secret::new("a signing secret");
    // Computed with another implementation of HMAC.
    let expected = "t=1700000000,n=0123456789abcdef0123456789abcdef,\
         v1=8684a444ca2e912b560858f6bbd34d35e46a45294787687b3ce1a2e9550fa436,\
         v2=35e4083c64b7cc310ed31b50d2c863abe691a00f5a7dddd82067cc4dbbc4882c";
    let now = at(1_700_000_000);
    let signature = sign(&secret, of(b"{\"a\":1}"), NONCE, now);
    assert_eq!(signature, expected);
    let verified = Ok(Verified { nonce: Some(NONCE), valid_until: 1_700_000_300 });
    for accepted in [AcceptedSignatures::V2, AcceptedSignatures::V1AndV2] {
        assert_eq!(verify(&secret, Some(&signature), of(b"{\"a\":1}"), accepted, now), verified);
    }
}

#[test]
fn a_signature_fits_one_secret_one_path_one_body_and_five_minutes() {
    let (secret, body) = (Secret::new("a signing secret"), b"body");
    let signature = sign(&secret, of(body), NONCE, at(1_000_000));
    let check = |header: &str, request: SignedRequest<'_>, now| {
        verify(&secret, Some(header), request, AcceptedSignatures::V2, at(now)).map(drop)
    };
    assert_eq!(check(&signature, of(body), 1_000_300), Ok(()));
    assert_eq!(check(&signature, of(body), 999_700), Ok(()));
    assert_eq!(check(&signature, of(body), 1_000_301), Err(SignatureError::Stale { seconds: 301 }));
    assert_eq!(check(&signature, of(body), 999_699), Err(SignatureError::Stale { seconds: 301 }));
    assert_eq!(check(&signature, of(b"Body"), 1_000_000), Err(SignatureError::Wrong));
    let elsewhere = SignedRequest { path: "/other/execute", body };
    assert_eq!(check(&signature, elsewhere, 1_000_000), Err(SignatureError::Wrong));
    let other = sign(&Secret::new("another secret"), of(body), NONCE, at(1_000_000));
    assert_eq!(check(&other, of(body), 1_000_000), Err(SignatureError::Wrong));
    // Another time or another nonce under the same code is another text.
    for (one, another) in [("t=1000000", "t=1000001"), ("n=0", "n=1")] {
        assert_eq!(check(&signature.replace(one, another), of(body), 1_000_000), Err(SignatureError::Wrong));
    }
    // While a secret is changed both signatures are sent.
    let (_, codes) = signature.split_once(",v1").unwrap();
    assert_eq!(check(&format!("{other},v1{codes}"), of(body), 1_000_000), Ok(()));
    let nonce = "n=0123456789abcdef";
    for broken in [
        "",
        "t=1",
        "v2=00",
        "t=x,v2=00",
        "t=1,v2=0",
        "t=1,v1=0",
        "t=1,v2=zz",
        "t=,v2=",
        "nonsense",
        &signature.replace("n=0123456789abcdef", "n=short,x="),
        &signature.replace(nonce, "n=0123456789abcde."),
        &signature.replace(nonce, &format!("n={}", "x".repeat(129))),
    ] {
        assert_eq!(check(broken, of(body), 1_000_000), Err(SignatureError::Unreadable), "{broken}");
    }
    assert_eq!(verify(&secret, None, of(body), AcceptedSignatures::V2, at(0)).map(drop), Err(SignatureError::Missing));
}

#[test]
fn version_1_is_accepted_where_that_was_chosen() {
    let (secret, body) = (Secret::new("a signing secret"), b"body");
    let signature = sign(&secret, of(body), NONCE, at(1_000_000));
    let (alone, _) = signature.split_once(",v2").unwrap();
    let check = |accepted, request| verify(&secret, Some(alone), request, accepted, at(1_000_000));
    assert_eq!(check(AcceptedSignatures::V2, of(body)), Err(SignatureError::OldVersion));
    let verified = Ok(Verified { nonce: None, valid_until: 1_000_300 });
    assert_eq!(check(AcceptedSignatures::V1AndV2, of(body)), verified);
    assert_eq!(check(AcceptedSignatures::V1AndV2, SignedRequest { path: "/behind/a/proxy", body }), verified);
    assert_eq!(check(AcceptedSignatures::V1AndV2, of(b"other")), Err(SignatureError::Wrong));
}

#[test]
fn a_fingerprint_heeds_no_order_but_every_word() {
    let of = |text: &str| {
        let schema = ConfigSchema::parse(&serde_json::from_str(text).unwrap()).unwrap();
        Fingerprint::of("1.0.0", &schema)
    };
    let one = of(
        r#"{"connectionConfig":{"a":{"type":"string"},"b":{"type":"number"}},"commands":{"x":{"params":["p","q"]},"y":{}}}"#,
    );
    let moved = of(
        r#"{"commands":{"y":{},"x":{"params":["q","p"]}},"connectionConfig":{"b":{"type":"number"},"a":{"type":"string"}}}"#,
    );
    let other = of(
        r#"{"connectionConfig":{"a":{"type":"string"},"b":{"type":"number"}},"commands":{"x":{"params":["p"]},"y":{}}}"#,
    );
    assert_eq!(one, moved);
    assert_ne!(one.sha256, other.sha256);
    assert_eq!(one.to_string().parse(), Ok(one));
    let (short, prefixed) = ("0".repeat(62), format!("0x{}", "0".repeat(62)));
    let (long, letters) = (format!("0x{}", "0".repeat(64)), "g".repeat(64));
    let hashes = ["00", &short, &prefixed, &long, &letters].map(|hash| format!("1.0.0;sha256={hash}"));
    for broken in ["", "1.0.0", "1.0.0;md5=00"].into_iter().chain(hashes.iter().map(String::as_str)) {
        assert_eq!(broken.parse::<Fingerprint>(), Err(FingerprintError), "{broken}");
    }
}

#[test]
fn the_guides_request_is_read() {
    let request: ExecuteRequest<'static> = serde_json::from_value(json!({
        "protocolVersion": "2.0", "command": "listUsers", "config": { "apiKey": "..." }, "params": { "limit": 50 },
        "variables": { "project_id": "proj-1" },
        "metadata": { "stepId": "step-1", "runId": "run-123", "timeout": 30000 }, "later": true
    }))
    .unwrap();
    assert_eq!(request.command.as_deref(), Some("listUsers"));
    assert_eq!((request.metadata.timeout, request.metadata.run_id.as_deref()), (Some(30_000), Some("run-123")));
    let shown = format!("{request:?}");
    assert!(shown.contains("listUsers") && !shown.contains("apiKey"), "{shown}");
    for (version, supported) in
        [("2.0", true), ("2.7", true), ("2", true), ("1.0", false), ("20.0", false), ("", false)]
    {
        assert_eq!(is_supported(version), supported, "{version}");
    }
}
