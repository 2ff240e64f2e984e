//! The mocks: each command has one, and no packet leaves.

use connector_runtime::connector::Connector as _;
use connector_runtime::testing::{self, TestCall};

use super::super::*;

fn call(command: &str) -> TestCall {
    let call = testing::call::<Scim>(command).config("baseUrl", "https://example.com/scim/v2").config("token", "t");
    match command {
        "createUser" => call.param("userName", "eve"),
        "createGroup" => call.param("displayName", "g"),
        "addMembers" | "removeMembers" | "setMembers" => call.param("groupId", "g").param("userIds", json!(["a"])),
        "setActive" => call.param("id", "1").param("active", false),
        "bulk" => call.param("operations", json!([{ "method": "DELETE", "path": "/Users/1" }])),
        "list" => call.param("resourceType", "Role"),
        "create" => call.param("resourceType", "Role").param("resource", json!({})),
        "patch" => call.param("resourceType", "Role").param("id", "1").param("operations", json!([])),
        "get" | "delete" => call.param("resourceType", "Role").param("id", "1"),
        "test" | "listUsers" | "listGroups" => call,
        _ => call.param("id", "1"),
    }
}

#[tokio::test]
async fn every_command_has_mocks() {
    let failing = ["unauthenticated", "denied", "notFound", "exists", "conflict", "badFilter"];
    let mut commands = 0;
    for command in Scim::DESCRIPTOR.commands {
        commands += 1;
        let scenarios: Vec<&str> = command.mocks.iter().map(|mock| mock.scenario).collect();
        assert!(scenarios.contains(&"default"), "{}", command.name);
        assert!(command.effect.is_some(), "{}", command.name);
        for scenario in scenarios {
            let finished = call(command.name).mock(scenario).done().await;
            assert!(finished.mocked, "{} {scenario}", command.name);
            let result = finished.reply.into_result();
            assert_eq!(result.success, !failing.contains(&scenario), "{} {scenario}: {result:?}", command.name);
            if !result.success {
                assert!(result.diagnostics.unwrap()["code"].is_string());
            }
        }
    }
    assert_eq!(commands, 21);
}
