//! Signatures against a known answer, fingerprints against order, bodies of requests.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use connector_schema::{ConfigSchema, Secret};
use serde_json::json;

use super::*;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn a_signature_is_the_hmac_of_time_and_body() {
    let secret = Secret::new("a signing secret");
    // Computed with another implementation of HMAC.
    let expected = "t=1700000000,v1=8684a444ca2e912b560858f6bbd34d35e46a45294787687b3ce1a2e9550fa436";
    let signature = sign(&secret, b"{\"a\":1}", at(1_700_000_000));
    assert_eq!(signature, expected);
    assert_eq!(verify(&secret, Some(&signature), b"{\"a\":1}", at(1_700_000_000)), Ok(()));
}

#[test]
fn a_signature_fits_one_secret_one_body_and_five_minutes() {
    let (secret, body) = (Secret::new("a signing secret"), b"body");
    let signature = sign(&secret, body, at(1_000_000));
    let check = |header: &str, body: &[u8], now| verify(&secret, Some(header), body, at(now));
    assert_eq!(check(&signature, body, 1_000_300), Ok(()));
    assert_eq!(check(&signature, body, 999_700), Ok(()));
    assert_eq!(check(&signature, body, 1_000_301), Err(SignatureError::Stale { seconds: 301 }));
    assert_eq!(check(&signature, body, 999_699), Err(SignatureError::Stale { seconds: 301 }));
    assert_eq!(check(&signature, b"Body", 1_000_000), Err(SignatureError::Wrong));
    let other = sign(&Secret::new("another secret"), body, at(1_000_000));
    assert_eq!(check(&other, body, 1_000_000), Err(SignatureError::Wrong));
    // Another time under the same code is another text.
    assert_eq!(check(&signature.replace("t=1000000", "t=1000001"), body, 1_000_000), Err(SignatureError::Wrong));
    // While a secret is changed both signatures are sent.
    let (_, code) = signature.split_once(',').unwrap();
    assert_eq!(check(&format!("{other},{code}"), body, 1_000_000), Ok(()));
    for broken in ["", "t=1", "v1=00", "t=x,v1=00", "t=1,v1=0", "t=1,v1=zz", "t=,v1=", "nonsense"] {
        let error = check(broken, body, 1_000_000).unwrap_err();
        assert!(matches!(error, SignatureError::Unreadable | SignatureError::Wrong), "{broken}: {error:?}");
    }
    assert_eq!(verify(&secret, None, body, at(0)), Err(SignatureError::Missing));
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
