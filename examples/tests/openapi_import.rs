//! The import story prints what its head says.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::process::Command;

#[test]
fn the_story_of_an_import_runs_to_its_end() {
    let output = Command::new(env!("CARGO_BIN_EXE_openapi_import")).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    let wanted = [
        "draft:   listPets (exact), addPet (exact)",
        "made:    pet-shop 1.0.0",
        r#"list:    {"success":true,"payload":{"pets":[{"name":"Mia","kind":"cat"},{"name":"Mia","kind":"fish"}]}}"#,
        r#"add:     {"success":true,"payload":{"added":{"name":"Rex","kind":"dog"}}}"#,
        r#"refused: {"success":false,"diagnostics":{"statusCode":401,"responseBody":{"message":"the shop does not know this key"}},"error":"GET /pets answered 401: the shop does not know this key"}"#,
        "diff:    minor, 1.1.0 needed: /commands/removePet",
        "changed: 1.1.0 listPets, addPet, removePet",
    ];
    assert_eq!(told.lines().collect::<Vec<_>>(), wanted);
}
