//! Commands that delete: the person is asked where the client can ask.

use serde_json::{Value, json};
use test_support::{Setup, Upstream};

use crate::driver::{Driver, Kind};
use crate::server::{CANARY, Server, echo, with};
use crate::tools::Tools;

fn wiped(server: &Server) -> usize {
    server.upstream.received().iter().filter(|request| request.path().starts_with("/wipe")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_person_is_asked_before_something_is_deleted() {
    let Some(tools) = Tools::find() else { return };
    let server = Server::start().await;
    let what = json!({ "what": "everything" });
    for (to, so_far) in [(server.http(), 0), (server.stdio(), 2)] {
        for (answer, called, told) in
            [("decline", 0, "The user declined"), ("cancel", 0, "The user declined"), ("accept", 1, "")]
        {
            let mut client = Driver::start(&tools, Kind::Python, &with(to.clone(), &json!({ "elicit": answer }))).await;
            let before = wiped(&server);
            let done = client.call("effects__wipe", what.clone()).await;
            let asked = done["asked"].as_array().unwrap();
            assert_eq!(asked.len(), 1, "{answer}: {done}");
            let question = asked[0]["message"].as_str().unwrap();
            for part in ["effects", "wipe", "everything"] {
                assert!(question.contains(part), "{part}: {question}");
            }
            assert!(!question.contains(CANARY), "{question}");
            assert_eq!(wiped(&server) - before, called, "{answer}: {done}");
            assert_eq!(done["isError"], called == 0, "{answer}: {done}");
            assert!(done["content"][0]["text"].as_str().unwrap().contains(told), "{answer}: {done}");
            // The same through the tool for every command.
            let generic = json!({ "connector": "effects", "command": "wipe", "params": what });
            let done = client.call("execute_connector_command", generic).await;
            assert_eq!((done["asked"].as_array().unwrap().len(), wiped(&server) - before), (1, called * 2), "{done}");
            // What only reads is never asked about.
            let read = client.call("effects__look", json!({})).await;
            assert!(read["asked"].as_array().unwrap().is_empty() && read["isError"] == false, "{read}");
        }
        assert_eq!(wiped(&server), so_far + 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_cannot_ask_runs_or_is_refused() {
    let Some(tools) = Tools::find() else { return };
    let what = json!({ "what": "everything" });
    for (setting, runs) in [("ask", true), ("off", true), ("require", false)] {
        let upstream = Upstream::start(echo).await;
        let server = Server::of(Setup::default().arg("--mcp-confirm").arg(setting), upstream).await;
        for mode in ["auto", "legacy"] {
            let before = wiped(&server);
            let mut client = Driver::start(&tools, Kind::Python, &with(server.http(), &json!({ "mode": mode }))).await;
            let done = client.call("effects__wipe", what.clone()).await;
            assert_eq!(
                (done["isError"] == false, wiped(&server) - before),
                (runs, usize::from(runs)),
                "{setting} {mode}: {done}"
            );
            if !runs {
                assert!(done.to_string().contains("--mcp-confirm"), "{done}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_counts_once_for_one_call_of_one_token() {
    let Some(tools) = Tools::find() else { return };
    let server = Server::start().await;
    let asks = json!({ "elicit": "accept" });
    let mut client = Driver::start(&tools, Kind::Python, &with(server.http(), &asks)).await;
    let round = |what: &str, state: &Value| json!({ "do": "round", "name": "effects__wipe", "arguments": { "what": what }, "state": state });
    let asked = client.get(round("a", &Value::Null)).await;
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let state = &asked["requestState"];
    assert!(state.is_string() && wiped(&server) == 0, "{asked}");

    let token = server.token(&["connectors:execute"]).await;
    let mut other =
        Driver::start(&tools, Kind::Python, &with(with(server.http(), &asks), &json!({ "token": token }))).await;
    let forged = json!(format!("{}x", state.as_str().unwrap()));
    for refused in
        [client.get(round("b", state)).await, client.get(round("a", &forged)).await, other.get(round("a", state)).await]
    {
        assert!(refused["isError"] == true && wiped(&server) == 0, "{refused}");
    }
    let done = client.get(round("a", state)).await;
    assert!(done["isError"] == false && wiped(&server) == 1, "{done}");
    let again = client.get(round("a", state)).await;
    assert!(again["isError"] == true && wiped(&server) == 1, "{again}");
}
