use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::{Payload, PayloadText, Reply, ReplyOrigin, Returns};
use crate::egress::EgressError;
use crate::outcome::{ConnectorResult, Fail, Failure, Outcome, OutcomeExt, Success, Thrown, fail, succeed};

fn wire(reply: &Reply) -> Value {
    serde_json::to_value(reply).unwrap()
}

fn from_script(value: Value) -> Value {
    wire(&Reply::from_value(value, ReplyOrigin::Script))
}

fn from_service(value: Value) -> Value {
    wire(&Reply::from_value(value, ReplyOrigin::Service))
}

fn returned(value: impl Returns) -> Value {
    wire(&value.into_reply().unwrap_or_else(|failure| Reply::from_failure(failure, false, |_| None)))
}

fn refused(error: &str) -> Value {
    json!({ "success": false, "error": error })
}

#[test]
fn the_builders_fill_their_slots_and_no_others() {
    assert_eq!(returned(succeed(())), json!({ "success": true }));
    let outcome = succeed(json!({ "id": 1 })).variable("count", 2).diagnostic("lost", 3);
    assert_eq!(returned(outcome), json!({ "success": true, "payload": { "id": 1 }, "variables": { "count": 2 } }));
    let outcome: Outcome =
        fail("no").diagnostic("status", 404).diagnostics(json!({ "more": true })).variable("flag", 1);
    let expected = json!({ "success": false, "error": "no", "variables": { "flag": 1 },
        "diagnostics": { "status": 404, "more": true } });
    assert_eq!(returned(outcome), expected);
    let outcome: Outcome = fail("no").diagnostics(json!([1]));
    assert_eq!(returned(outcome)["diagnostics"], json!({ "value": [1] }));
}

#[test]
fn nothing_and_a_null_payload_are_success() {
    assert_eq!(returned(()), json!({ "success": true }));
    assert_eq!(returned(succeed(Value::Null)), json!({ "success": true, "payload": null }));
    assert_eq!(returned(succeed(Map::new())), json!({ "success": true, "payload": {} }));
}

#[test]
fn a_result_of_full_control_passes_as_it_is() {
    assert_eq!(returned(ConnectorResult::default()), json!({ "success": false }));
    let odd = ConnectorResult {
        success: true,
        payload: Some(json!(1)),
        variables: Some(Map::new()),
        diagnostics: Some(json!("kept")),
        error: Some("kept too".to_owned()),
    };
    let expected =
        json!({ "success": true, "payload": 1, "variables": {}, "diagnostics": "kept", "error": "kept too" });
    assert_eq!(returned(odd), expected);
}

#[test]
fn a_thrown_error_speaks_for_itself_and_keeps_variables() {
    fn throw() -> Outcome {
        let number: i32 = "x".parse()?;
        succeed(()).variable("n", number)
    }
    let outcome = throw().variable("tried", true).diagnostic("not", "kept");
    let expected =
        json!({ "success": false, "error": "invalid digit found in string", "variables": { "tried": true } });
    assert_eq!(returned(outcome), expected);
}

#[test]
fn a_fail_under_the_question_mark_is_no_thrown_error() {
    fn give_up() -> Outcome {
        Err(Fail::new("on purpose"))?;
        succeed(())
    }
    let failure = give_up().unwrap_err();
    let reply = Reply::from_failure(failure, false, |_| Some(Fail::new("translated")));
    assert_eq!(reply.error.as_deref(), Some("on purpose"));
}

#[test]
fn a_request_that_left_and_has_no_answer_leaves_the_outcome_unknown() {
    let told = |error: EgressError, only_reads: bool| {
        let failure = Failure::from(error);
        Reply::from_failure(failure, only_reads, |_| None).diagnostics.map(|told| *told)
    };
    let late = |status| EgressError::Timeout {
        target: "https://a.example".to_owned(),
        after: Duration::from_secs(1),
        status,
        left: true,
    };
    assert_eq!(told(late(None), false), Some(json!({ "outcome": "unknown" })));
    assert_eq!(told(late(Some(201)), false), Some(json!({ "outcome": "unknown", "statusCode": 201 })));
    assert_eq!(told(late(None), true), None, "it only reads");
    let refused = EgressError::Connect { target: "https://a.example".to_owned(), why: "refused".to_owned() };
    assert_eq!(told(refused, false), None, "nothing left");
    // What the connector says itself counts.
    let own = |_: &Thrown<'_>| Some(Fail::new("own").diagnostic("outcome", "failed"));
    let reply = Reply::from_failure(Failure::from(late(None)), false, own);
    assert_eq!(reply.diagnostics.map(|told| *told), Some(json!({ "outcome": "failed" })));
}

struct Broken;

impl Serialize for Broken {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("broken"))
    }
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Broken")
    }
}

impl Payload for Broken {
    const OUTPUTS: crate::descriptor::Outputs = <() as Payload>::OUTPUTS;
}

#[test]
fn a_payload_that_is_no_json_is_a_failure() {
    let outcome: Outcome<Broken> = Ok(Success { payload: Broken, variables: Map::new() });
    assert_eq!(returned(outcome), refused("The payload cannot be written as JSON: broken"));
}

#[test]
fn scripts_may_return_scalars() {
    for value in [json!(null), json!("done"), json!(7), json!(true), json!(false)] {
        assert_eq!(from_script(value.clone()), json!({ "success": true }), "{value}");
    }
}

#[test]
fn scripts_may_leave_success_out() {
    assert_eq!(from_script(json!({ "payload": { "a": 1 } })), json!({ "success": true, "payload": { "a": 1 } }));
    assert_eq!(from_script(json!({ "variables": { "a": 1 } })), json!({ "success": true, "variables": { "a": 1 } }));
    let failed = json!({ "error": "no", "diagnostics": { "a": 1 }, "variables": { "b": 2 } });
    let expected = json!({ "success": false, "error": "no", "diagnostics": { "a": 1 }, "variables": { "b": 2 } });
    assert_eq!(from_script(failed), expected);
}

#[test]
fn success_by_builder_drops_diagnostics_and_a_full_result_keeps_them() {
    assert_eq!(
        from_script(json!({ "payload": 1, "diagnostics": { "a": 1 } })),
        json!({ "success": true, "payload": 1 })
    );
    let full = json!({ "success": true, "payload": 1, "diagnostics": { "a": 1 } });
    assert_eq!(from_script(full.clone()), full);
}

#[test]
fn other_keys_of_a_result_are_dropped() {
    for read in [from_script, from_service] {
        assert_eq!(read(json!({ "success": false, "status": 404 })), json!({ "success": false }));
    }
}

#[test]
fn what_is_no_result_is_a_failure_that_says_what_came() {
    let cases = [
        (json!([1]), "The command returned an array; return { success, payload } instead"),
        (
            json!({ "id": 1, "name": "x" }),
            "The command returned an object without success, payload, variables or error (it has: id, name)",
        ),
        (json!({}), "The command returned an object without success, payload, variables or error (it has: )"),
        (json!({ "success": "yes" }), "The result's success must be true or false, got string"),
        (json!({ "error": { "code": 1 } }), "The result's error must be a string, got object"),
        (json!({ "success": false, "error": 5 }), "The result's error must be a string, got number"),
        (json!({ "success": true, "variables": [1] }), "The result's variables must be an object, got array"),
        (json!({ "payload": 1, "variables": "x" }), "The result's variables must be an object, got string"),
    ];
    for (value, error) in cases {
        assert_eq!(from_script(value.clone()), refused(error), "{value}");
    }
}

#[test]
fn null_slots_are_absent() {
    let value = json!({ "success": false, "error": null, "variables": null });
    assert_eq!(from_script(value), json!({ "success": false }));
}

#[test]
fn services_must_send_success() {
    let cases = [
        (json!(null), "The service answered null where a result object was expected"),
        (json!("ok"), "The service answered string where a result object was expected"),
        (json!({ "payload": 1 }), "The result has no success; it must be true or false"),
        (json!({ "error": "no" }), "The result has no success; it must be true or false"),
        (json!([]), "The service answered array where a result object was expected"),
    ];
    for (value, error) in cases {
        assert_eq!(from_service(value.clone()), refused(error), "{value}");
    }
    assert_eq!(from_service(json!({ "success": true, "payload": 1 })), json!({ "success": true, "payload": 1 }));
}

#[test]
fn slots_of_the_old_protocol_are_refused_even_beside_new_ones() {
    for read in [from_script, from_service] {
        for value in [
            json!({ "success": true, "data": {} }),
            json!({ "success": true, "payload": {}, "data": {} }),
            json!({ "success": true, "variables": {}, "outputVariables": {} }),
            json!({ "data": {}, "outputVariables": {} }),
            json!({ "success": "x", "data": null }),
        ] {
            let answer = read(value.clone());
            assert_eq!(answer["success"], false, "{value}");
            let error = answer["error"].as_str().unwrap();
            assert!(["payload", "diagnostics", "variables"].iter().all(|slot| error.contains(slot)), "{error}");
            assert_eq!(answer.as_object().unwrap().len(), 2, "{answer}");
        }
    }
    let both = from_script(json!({ "data": {}, "outputVariables": {} }));
    assert!(both["error"].as_str().unwrap().starts_with("The result uses data and outputVariables of protocol 1.x."));
}

#[test]
fn a_reply_reads_back_as_a_result() {
    let result = ConnectorResult { success: true, payload: Some(json!({ "a": [1] })), ..ConnectorResult::default() };
    assert_eq!(Reply::try_from(result.clone()).unwrap().into_result(), result);
}

#[test]
fn a_reply_is_written_as_serde_writes_it() {
    let payload =
        [None, Some(json!(null)), Some(json!({ "a": [1.5, "\u{e9}\"\n"], "big": 12_345_678_901_234_567_u64 }))];
    let variables = [None, Some(json!({})), Some(json!({ "count": 1, "q\"": null }))];
    let diagnostics = [None, Some(json!(null)), Some(json!({ "statusCode": 404 }))];
    let error = [None, Some(""), Some("it said \"no\"\n")];
    for success in [true, false] {
        for (payload, variables) in payload.iter().flat_map(|payload| variables.iter().map(move |one| (payload, one))) {
            for (diagnostics, error) in diagnostics.iter().flat_map(|one| error.iter().map(move |error| (one, error))) {
                let result = ConnectorResult {
                    success,
                    payload: payload.clone(),
                    variables: variables.as_ref().and_then(|all| all.as_object().cloned()),
                    diagnostics: diagnostics.clone(),
                    error: error.map(str::to_owned),
                };
                let reply = Reply::try_from(result).unwrap();
                let written = serde_json::to_string(&reply).unwrap();
                assert_eq!(reply.to_json(), written);
                assert_eq!(reply.into_json(), written);
            }
        }
    }
}

#[test]
fn a_payload_that_was_read_already_is_taken_as_it_is() {
    let read: &RawValue = serde_json::from_str(r#" {"a": [1, 2]} "#).unwrap();
    let payload = PayloadText::of_text(read);
    assert_eq!(payload.get(), r#"{"a": [1, 2]}"#);
    assert_eq!(payload.get(), PayloadText::of(read).unwrap().get());
}
