//! Members of groups: those that are, those that are not, and those that cannot be.

use serde_json::{Value, json};
use test_support::slapd::{BASE, Slapd};

use crate::support::{call, failure, payload, person};

fn group(name: &str, class: &str, attribute: &str, members: &[String]) -> String {
    let members: String = members.iter().map(|member| format!("{attribute}: {member}\n")).collect();
    let number = if class == "posixGroup" { "gidNumber: 7\n" } else { "" };
    format!("dn: cn={name},ou=groups,{BASE}\nobjectClass: {class}\ncn: {name}\n{number}{members}\n")
}

fn dn(uid: &str) -> String {
    format!("uid={uid},ou=people,{BASE}")
}

fn of(name: &str) -> String {
    format!("cn={name},ou=groups,{BASE}")
}

fn sorted(value: &Value) -> Vec<String> {
    let mut texts: Vec<String> =
        value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect();
    texts.sort();
    texts
}

#[tokio::test]
async fn each_member_is_told_what_became_of_it() {
    let ldif = ["ada", "bob", "cy"].map(person).concat()
        + &group("names", "groupOfNames", "member", &[dn("ada")])
        + &group("unique", "groupOfUniqueNames", "uniqueMember", &[dn("ada")])
        + &group("posix", "posixGroup", "memberUid", &["ada".to_owned()]);
    let Some(slapd) = Slapd::start(&ldif).await else { return };
    for (name, named) in [("names", true), ("unique", true), ("posix", false)] {
        let member = |uid: &str| if named { dn(uid) } else { uid.to_owned() };
        let change = |command: &str, uids: &[&str]| {
            let members: Vec<String> = uids.iter().map(|uid| member(uid)).collect();
            payload(call(&slapd, command).param("group", of(name)).param("members", members))
        };
        let added = change("addMembers", &["bob", "cy", "bob"]).await;
        assert_eq!(sorted(&added["changed"]), [member("bob"), member("cy")], "{name}");
        let again = change("addMembers", &["bob", "ada"]).await;
        assert_eq!((sorted(&again["unchanged"]), &again["changed"]), (vec![member("ada"), member("bob")], &json!([])));
        let removed = change("removeMembers", &["bob", "nobody"]).await;
        assert_eq!((&removed["changed"], &removed["unchanged"]), (&json!([member("bob")]), &json!([member("nobody")])));
        let again = change("removeMembers", &["bob"]).await;
        assert_eq!(again, json!({ "changed": [], "unchanged": [member("bob")], "failed": [] }));
        let listed = payload(call(&slapd, "listMembers").param("group", of(name))).await;
        assert_eq!(
            (sorted(&listed["members"]), &listed["truncated"]),
            (vec![member("ada"), member("cy")], &json!(false))
        );
        let one = payload(call(&slapd, "listMembers").param("group", of(name)).param("limit", 1)).await;
        assert_eq!((&one["count"], &one["truncated"]), (&json!(1), &json!(true)));
    }
    // A group of names may not be empty, and a name has to be one.
    let last = call(&slapd, "removeMembers").param("group", of("names")).param("members", [dn("ada"), dn("cy")]);
    let last = payload(last).await;
    assert_eq!((last["changed"].as_array().unwrap().len(), last["failed"].as_array().unwrap().len()), (1, 1), "{last}");
    assert_eq!((&last["failed"][0]["code"], &last["failed"][0]["systemCode"]), (&json!("invalid"), &json!(65)));
    let wrong = payload(
        call(&slapd, "addMembers").param("group", of("names")).param("members", ["nonsense".to_owned(), dn("bob")]),
    )
    .await;
    assert_eq!((&wrong["changed"], &wrong["failed"][0]["member"]), (&json!([dn("bob")]), &json!("nonsense")));
    for command in ["addMembers", "removeMembers"] {
        let (code, ..) = failure(call(&slapd, command).param("group", of("none")).param("members", [dn("ada")])).await;
        assert_eq!(code, "notFound");
    }
    assert_eq!(failure(call(&slapd, "listMembers").param("group", of("none"))).await.0, "notFound");
}

#[tokio::test]
async fn groups_in_groups_are_followed_once() {
    let ldif = ["ada", "bob", "cy"].map(person).concat()
        + &group("outer", "groupOfNames", "member", &[dn("ada"), of("inner"), of("gone")])
        + &group("inner", "groupOfNames", "member", &[dn("bob"), of("outer"), of("deep")])
        + &group("deep", "groupOfUniqueNames", "uniqueMember", &[dn("cy"), dn("ada")]);
    let Some(slapd) = Slapd::start(&ldif).await else { return };
    let nested = call(&slapd, "listMembers").param("group", of("outer")).param("nested", true);
    let found = payload(nested).await;
    let mut expected = vec![dn("ada"), dn("bob"), dn("cy"), of("inner"), of("deep"), of("gone")];
    expected.sort();
    assert_eq!((sorted(&found["members"]), &found["truncated"]), (expected, &json!(false)));
    let some = call(&slapd, "listMembers").param("group", of("outer")).param("nested", true).param("limit", 3);
    assert_eq!(payload(some).await["truncated"], true);
}
