//! Frames as they are written and read, and what is said of those that cannot be read.

use connector_schema::Secret;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const SECRET: &str = "canary-in-a-frame";

#[test]
fn every_close_code_has_its_row() {
    for (index, (code, number, name)) in CloseCode::ALL.into_iter().enumerate() {
        assert_eq!((code as usize, code.number(), code.name()), (index, number, name));
        assert_eq!(CloseCode::from_name(name), Some(code));
        assert!(CloseCode::from_number(number).is_none_or(|found| found == code), "{name}");
    }
    assert_eq!(CloseCode::from_number(4409), Some(CloseCode::Replaced));
    assert_eq!(CloseCode::from_number(1008), None, "three codes share it");
    assert_eq!((CloseCode::from_number(4000), CloseCode::from_name("later")), (None, None));
}

#[test]
fn the_first_frame_is_a_registration_with_or_without_its_type() {
    let guide = json!({ "agentId": "a", "agentName": "A", "connectorNames": ["sap"], "apiToken": SECRET, "later": 1 });
    let mut typed = guide.clone();
    typed["type"] = "register".into();
    for value in [&guide, &typed] {
        let frame = AgentFrame::parse_first(&value.to_string()).unwrap();
        assert_eq!((frame.agent_id.as_str(), frame.connector_names.as_slice()), ("a", &["sap".to_owned()][..]));
        assert_eq!((frame.capabilities.config, frame.protocol_version.as_deref()), (ConfigPlace::Server, None));
        assert_eq!(frame.api_token.as_ref().map(Secret::expose), Some(SECRET));
        assert!(!format!("{frame:?}").contains(SECRET), "{frame:?}");
        let text = AgentFrame::Register(Box::new(frame)).to_text();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["apiToken"], SECRET, "the server has to get it");
    }
    typed["type"] = "response".into();
    let error = AgentFrame::parse_first(&typed.to_string()).unwrap_err().to_string();
    assert!(error.contains("the first frame must be of type register"), "{error}");
}

#[test]
fn what_cannot_be_read_is_worded_without_its_values() {
    for (text, words) in [
        ("", "not valid JSON, line 1 column 0"),
        ("{", "not valid JSON"),
        ("[]", "a key is missing or has the wrong type"),
        (r#"{"type":"ack"}"#, "a key is missing or has the wrong type"),
        (r#"{"type":7}"#, "a key is missing or has the wrong type"),
        (
            r#"{"type":"command","commandId":"1","connectorName":"s","command":"c","params":"canary-in-a-frame"}"#,
            "type",
        ),
        (r#"{"type":"response","commandId":["canary-in-a-frame"],"result":1}"#, "frames of type response are unknown"),
    ] {
        let error = ServerFrame::parse(text).unwrap_err().to_string();
        assert!(error.contains(words) && !error.contains(SECRET), "{text}: {error}");
    }
    let long = json!({ "type": "x".repeat(1000) }).to_string();
    assert_eq!(AgentFrame::parse(&long).unwrap_err(), FrameError::UnknownType("x".repeat(64)));
}

#[test]
fn debug_shows_no_value() {
    let command = json!({
        "type": "command", "commandId": "1", "connectorName": "sap", "command": "add", "config": { "key": SECRET },
        "params": { "p": SECRET }, "variables": { "v": SECRET }, "metadata": { "timeout": 5 }
    });
    let frame = ServerFrame::parse(&command.to_string()).unwrap();
    let shown = format!("{frame:?}");
    assert!(shown.contains("sap") && shown.contains("add") && !shown.contains(SECRET), "{shown}");
    assert_eq!(serde_json::from_str::<Value>(&frame.to_text()).unwrap(), command);
    let response = json!({ "type": "response", "commandId": "1", "result": { "payload": SECRET } });
    let shown = format!("{:?}", AgentFrame::parse(&response.to_string()).unwrap());
    assert!(!shown.contains(SECRET), "{shown}");
}

#[test]
fn agents_accept_the_heartbeat_of_the_server() {
    assert!(limits::HEARTBEAT_SECS.contains(&limits::HEARTBEAT.as_secs()));
}

proptest! {
    /// A response around a text is the response frame of that value, whatever the id holds.
    #[test]
    fn a_response_around_a_text_is_a_frame(id in any::<String>(), payload in any::<String>()) {
        let result = json!({ "success": true, "payload": payload });
        let text = ResponseFrame::text_of(&id, &result.to_string());
        let AgentFrame::Response(read) = AgentFrame::parse(&text).unwrap() else { panic!("{text}") };
        prop_assert_eq!((&read.command_id, &read.result), (&id, &result));
        prop_assert_eq!(AgentFrame::Response(read).to_text(), text);
    }

    /// No text makes a reader panic.
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        drop((AgentFrame::parse(&text), AgentFrame::parse_first(&text), ServerFrame::parse(&text)));
    }
}
