//! Arguments, values and exit codes.

use std::io::Write as _;

use connector_runtime::schema::{ConfigSchema, Fields};
use serde_json::{Value, json};

use super::*;
use crate::cli::values;
use crate::config::variable;
use crate::store::{PageRequest, Store, sqlite_url};

fn line(arguments: &[&str]) -> Vec<OsString> {
    std::iter::once("floh").chain(arguments.iter().copied()).map(OsString::from).collect()
}

fn code(arguments: &[&str]) -> ExitCode {
    connectors::link();
    run_line(line(arguments))
}

const DONE: ExitCode = ExitCode::SUCCESS;

fn failed() -> ExitCode {
    ExitCode::from(1)
}

fn usage() -> ExitCode {
    ExitCode::from(2)
}

fn serve_args(arguments: &[&str]) -> ServeArgs {
    match parse(line(arguments)).unwrap().command {
        Command::Serve(args) => *args,
        other => panic!("{other:?}"),
    }
}

#[test]
fn floh_alone_serves() {
    for arguments in [&[][..], &["serve"], &["--listen", "127.0.0.1:8080"], &["serve", "--listen=127.0.0.1:8080"]] {
        let args = serve_args(arguments);
        assert_eq!((args.listen.to_string(), args.allow_downgrade), ("127.0.0.1:8080".to_owned(), false));
    }
    let args =
        serve_args(&["--allow-downgrade", "--egress-allow", "10.0.0.0/8,intern.example:8443", "--data-dir", "/x"]);
    assert!(args.allow_downgrade && !args.allow_schema_drift);
    assert_eq!(args.egress.egress_allow, ["10.0.0.0/8", "intern.example:8443"]);
    assert!(args.storage.database_url().ends_with("/x/floh.db"), "{}", args.storage.database_url());
    let args = serve_args(&["--max-connections", "100", "--record-limit", "64"]);
    let limits = args.connections.limits();
    assert_eq!((limits.total, limits.per_peer, args.record_limit), (100, 50, 64));
    let limits = serve_args(&["--max-connections=1000000", "--max-connections-per-peer=1000000"]).connections.limits();
    assert!(limits.total < 1_000_000 && limits.per_peer == limits.total, "{limits:?}");
    let args = serve_args(&["--public-url", "https://floh.example.com/"]);
    assert_eq!(args.public_url.unwrap().origin(), "https://floh.example.com");
    let refused = parse(line(&["--public-url", "https://floh.example.com/floh"])).unwrap_err().to_string();
    assert!(refused.contains("--public-url") && refused.contains("a path"), "{refused}");
    for other in ["-h", "--help", "-V", "--version", "types", "nonsense"] {
        assert!(!stands_for_serve(Some(&other.into())), "{other}");
    }
    assert!(stands_for_serve(None));
}

#[test]
fn only_known_types_are_served_to_others() {
    for arguments in [
        &["connector"][..],
        &["connector", "serve"],
        &["connector", "serve", "no-such-type"],
        &["connector", "serve", "delay", "--listen", "nowhere"],
        &["connector", "serve", "delay", "--listen", "127.0.0.1:0", "--egress-allow", "no/thing"],
    ] {
        assert_eq!(code(arguments), usage(), "{arguments:?}");
    }
    // An address that does not belong to this machine.
    assert_eq!(code(&["connector", "serve", "delay", "--listen", "192.0.2.1:1"]), failed());
    assert_eq!(code(&["connector", "serve", "--help"]), DONE);
}

#[test]
fn help_is_no_failure_and_wrong_usage_is_two() {
    for arguments in [&["--help"][..], &["-V"], &["serve", "--help"], &["call", "-h"], &["token", "create", "--help"]] {
        assert_eq!(code(arguments), DONE, "{arguments:?}");
    }
    for arguments in [
        &["nonsense"][..],
        &["--nonsense"],
        &["serve", "extra"],
        &["--listen", "nowhere"],
        &["--log-format", "xml"],
        &["schema"],
        &["schema", "nothing"],
        &["call"],
        &["call", "nothing"],
        &["call", "odd", "nothing"],
        &["call", "odd"],
        &["call", "safe", "echo", "--param", "text"],
        &["call", "safe", "echo", "--param", "color=red"],
        &["call", "safe", "echo", "--param", "text=a", "--param", "text=b"],
        &["call", "safe", "echo", "--config", "limit=x"],
        &["call", "odd", "ping", "--timeout-ms", "0"],
        &["call", "odd", "ping", "--timeout-ms", "300001"],
        &["call", "odd", "ping", "--log-level", "loud"],
        &["call", "odd", "ping", "--egress-allow", "::not a rule::"],
        &["import"],
        &["import", "document.json"],
        &["token"],
        &["token", "create", "--name", "n"],
        &["token", "revoke", "no-id"],
    ] {
        assert_eq!(code(arguments), usage(), "{arguments:?}");
    }
}

#[test]
fn a_call_tells_by_its_code_how_it_went() {
    for (arguments, wanted) in [
        (&["types"][..], DONE),
        (&["types", "--json"], DONE),
        (&["schema", "http"], DONE),
        (&["schema", "safe", "--json-schema"], DONE),
        (&["call", "odd", "ping"], DONE),
        (&["call", "odd", "panic"], failed()),
        (&["call", "safe"], failed()),
        (&["call", "safe", "--mock", "polite", "--param", "text=hi", "--json"], DONE),
        (&["call", "safe", "echo", "--mock", "nothing"], failed()),
        (
            &["call", "safe", "--config", "baseUrl=https://a.example", "--config", "apiKey=k", "--config", "limit=5"],
            DONE,
        ),
        (&["call", "odd", "peek", "--param", "gate=never-cli", "--timeout-ms", "10"], failed()),
    ] {
        assert_eq!(code(arguments), wanted, "{arguments:?}");
    }
}

#[test]
fn a_start_that_fails_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "no folder").unwrap();
    let data = file.join("data");
    let data = data.to_str().unwrap();
    assert_eq!(code(&["token", "--data-dir", data, "list"]), failed());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert_eq!(code(&["--listen", &address, "--data-dir", folder.path().to_str().unwrap()]), failed());
    assert!(!folder.path().join("floh.db").exists(), "nothing is made before the address is ours");
}

#[test]
fn tokens_are_made_listed_and_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap().to_owned();
    let token = |arguments: &[&str]| {
        let mut all = vec!["token", "--data-dir", &data];
        all.extend(arguments);
        code(&all)
    };
    let rows = || {
        runtime().unwrap().block_on(async {
            let store = Store::open(&sqlite_url(&folder.path().join("floh.db"))).await.unwrap();
            let rows = store.tokens().list(&PageRequest::default()).await.unwrap().items;
            store.close().await;
            rows
        })
    };
    assert_eq!(token(&["create", "--name", "n", "--scope", "nothing:read"]), usage());
    assert_eq!(token(&["create", "--name", "n", "--scope", "admin", "--expires-at", "2001-01-01T00:00:00Z"]), usage());
    assert_eq!(token(&["create", "--name", "n", "--agent", "a-1"]), usage());
    assert_eq!(token(&["create", "--name", "n", "--scope", "admin", "--agent", "a-1", "--connector", "ldap"]), usage());
    assert_eq!(token(&["create", "--name", "n", "--agent", "a-1", "--connector", "Not A Name"]), usage());
    assert_eq!(token(&["create", "--name", "n", "--agent", "a-1", "--connector", "ldap,sap"]), DONE);
    let agent = rows().remove(0).token;
    assert_eq!((agent.agent_id.as_deref(), agent.scopes), (Some("a-1"), vec!["agents:connect".to_owned()]));
    assert_eq!(agent.connector_names, ["ldap", "sap"]);
    assert_eq!(token(&["revoke", &agent.id.to_string()]), DONE);
    let bounded =
        ["create", "--name", "n", "--scope", "connectors:execute:read", "--connector", "erp", "--connector", "crm"];
    assert_eq!(token(&bounded), DONE);
    assert_eq!(token(&["list"]), DONE);
    let bounded = rows().remove(0).token;
    assert_eq!(
        (&bounded.scopes[..], &bounded.connector_names[..]),
        (&["connectors:execute:read".to_owned()][..], &["crm".to_owned(), "erp".to_owned()][..])
    );
    assert_eq!(token(&["revoke", &bounded.id.to_string()]), DONE);
    assert_eq!(token(&["create", "--name", "n", "--scope", "admin", "--connector", "Not A Name"]), usage());
    assert_eq!(token(&["create", "--name", "n", "--scope", "runs:*,types:read"]), DONE);
    assert_eq!(token(&["list"]), DONE);
    assert_eq!(token(&["list", "--json"]), DONE);
    let made = rows();
    assert_eq!(made.len(), 1);
    assert_eq!(made[0].token.scopes, ["types:read", "runs:read", "runs:write"].map(str::to_owned));
    let id = made[0].token.id.to_string();
    assert_eq!(token(&["revoke", &id]), DONE);
    assert_eq!(token(&["revoke", &id]), failed());
    assert!(rows().is_empty());
}

fn fields() -> Fields {
    let schema = json!({ "connectionConfig": {
        "text": { "type": "string" }, "secret": { "type": "string", "secret": true }, "number": { "type": "number" },
        "flag": { "type": "boolean" }, "day": { "type": "date" }, "raw": { "type": "raw" }, "list": { "type": "array" },
        "object": { "type": "object" },
        "choice": { "type": "select", "options": [{ "value": "1", "label": "one" }, { "value": 2, "label": "two" }] },
    }, "commands": {} });
    ConfigSchema::parse(&schema).unwrap().connection
}

fn read(pairs: &[&str]) -> Result<Value, String> {
    let pairs: Vec<String> = pairs.iter().map(|pair| (*pair).to_owned()).collect();
    match values::read(&pairs, &fields(), "param") {
        Ok(values) => Ok(Value::Object(values)),
        Err(CliError::Usage(text)) => Err(text),
        Err(CliError::Failed(text)) => panic!("{text}"),
    }
}

#[test]
fn a_secret_that_is_too_long_is_refused_with_its_name() {
    let text = "x".repeat(64 * 1024 + 1);
    let error = read(&[&format!("secret={text}")]).unwrap_err();
    assert_eq!(error, "param secret: expected a secret of at most 65536 bytes (64 KiB), got 65537");
    assert!(read(&[&format!("text={text}")]).is_ok(), "what is no secret has no such limit");
}

#[test]
fn a_value_is_read_by_the_kind_of_its_field() {
    for (pair, value) in [
        ("text=a=b", json!({ "text": "a=b" })),
        ("text=", json!({ "text": "" })),
        ("text=12", json!({ "text": "12" })),
        ("secret=true", json!({ "secret": "true" })),
        ("number=-1500.50", serde_json::from_str(r#"{"number":-1500.50}"#).unwrap()),
        ("number=9007199254740993", json!({ "number": 9_007_199_254_740_993_i64 })),
        ("flag=true", json!({ "flag": true })),
        ("day=2026-01-31", json!({ "day": "2026-01-31" })),
        ("raw={\"a\":[1]}", json!({ "raw": { "a": [1] } })),
        ("raw=12", json!({ "raw": 12 })),
        ("raw=just text", json!({ "raw": "just text" })),
        ("raw=", json!({ "raw": "" })),
        ("list=[1,\"x\"]", json!({ "list": [1, "x"] })),
        ("object={\"a\":null}", json!({ "object": { "a": null } })),
        ("choice=1", json!({ "choice": "1" })),
        ("choice=2", json!({ "choice": 2 })),
        ("choice=other", json!({ "choice": "other" })),
    ] {
        assert_eq!(read(&[pair]), Ok(value), "{pair}");
    }
    for (pair, told) in [
        ("number=one", "param number: expected a number, got \"one\""),
        ("number=\"1\"", "param number: expected a number, got \"\\\"1\\\"\""),
        ("flag=yes", "param flag: expected true or false, got \"yes\""),
        ("text", "param \"text\": write NAME=VALUE"),
        ("=x", "no param ; known are text, secret, number, flag, day, raw, list, object, choice"),
    ] {
        assert_eq!(read(&[pair]), Err(told.to_owned()), "{pair}");
    }
    for pair in ["list=1,2", "object={", "object="] {
        assert!(read(&[pair]).unwrap_err().contains("expected JSON"), "{pair}");
    }
    assert_eq!(read(&["text=a", "text=a"]), Err("param text is given twice".to_owned()));
}

#[test]
fn a_value_may_lie_in_a_file_or_a_variable() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"{\"a\":\n1}\n\n").unwrap();
    let path = file.path().to_str().unwrap();
    assert_eq!(read(&[&format!("object=@{path}")]), Ok(json!({ "object": { "a": 1 } })));
    assert_eq!(read(&[&format!("text=@{path}")]), Ok(json!({ "text": "{\"a\":\n1}" })));
    assert!(read(&["text=@/nothing/here"]).unwrap_err().starts_with("text: cannot read /nothing/here"));
    assert_eq!(read(&["secret=env:PATH"]), Ok(json!({ "secret": variable("PATH").unwrap() })));
    assert_eq!(
        read(&["secret=env:FLOH_TEST_NOT_SET"]),
        Err("secret: the variable FLOH_TEST_NOT_SET is not set".to_owned())
    );
}
