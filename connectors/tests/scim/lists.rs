//! Lists on both servers, also while others change them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use connector_runtime::prelude::{Value, json};

use crate::server::{Kind, Server, done, failed, on_both};

on_both!(what_matches, nothing_is_injected, a_filter_with_a_mistake, limits, all_while_others_change_them);

fn names(list: &Value) -> Vec<String> {
    let resources = list["resources"].as_array().unwrap();
    resources.iter().map(|user| user["userName"].as_str().unwrap().to_owned()).collect()
}

async fn what_matches(server: &Server) {
    for name in ["ada", "bob", "eve"] {
        server.user(name).await;
    }
    let list = |conditions: Value| server.call("listUsers").param("where", conditions);
    assert_eq!(names(&done(list(json!({ "userName": "bob" }))).await), ["bob"]);
    let mut either = names(&done(list(json!({ "userName": ["bob", "ada"], "active": true }))).await);
    either.sort();
    assert_eq!(either, ["ada", "bob"]);
    assert_eq!(done(list(json!({ "userName": [] }))).await["count"], 0);
    assert_eq!(done(list(json!({}))).await["count"], 3);
    assert_eq!(done(list(json!({ "nickName": null }))).await["count"], 3);
    let filter = server.call("listUsers").param("filter", "userName sw {begin} and active eq {on}");
    let found = done(filter.param("values", json!({ "begin": "e", "on": true }))).await;
    assert_eq!(names(&found), ["eve"]);
    let narrow = done(list(json!({ "userName": "ada" })).param("attributes", json!(["userName"]))).await;
    assert_eq!(narrow["resources"][0].get("active"), None);
    let sorted = server.call("listUsers").param("sortBy", "userName").param("descending", true);
    assert_eq!(names(&done(sorted).await), ["eve", "bob", "ada"]);
}

async fn nothing_is_injected(server: &Server) {
    for name in ["ada", "bob"] {
        server.user(name).await;
    }
    for value in [
        "a\" or userName pr",
        "a\" or userName pr or userName eq \"",
        "\\\" or userName pr or userName eq \\\"",
        "a\\",
        "\\\\\" or userName pr or userName eq \"",
        "\" ] or [ \"",
        "a\u{0}\n\r\t\" or userName pr",
        "*",
        "%",
        "a%22 or userName pr",
        "') or (userName pr",
        "\u{2019}\u{ff02} or userName pr",
    ] {
        let found = done(server.call("listUsers").param("where", json!({ "userName": value }))).await;
        assert_eq!(found["count"], 0, "{value:?}");
        let filter =
            server.call("listUsers").param("filter", "userName eq {name}").param("values", json!({ "name": value }));
        assert_eq!(done(filter).await["count"], 0, "{value:?}");
        let get = failed(server.call("getUser").param("userName", value)).await;
        assert_eq!(get["code"], "notFound", "{value:?}");
    }
    for name in ["userName pr or userName", "userName eq \"a\" or userName", "", "a b", "a)"] {
        let refused = failed(server.call("listUsers").param("where", json!({ name: "x" }))).await;
        assert_eq!(refused["code"], "invalid", "{name:?}");
    }
    let id = "ada/../../Users";
    assert_eq!(failed(server.call("getUser").param("id", id)).await["code"], "notFound");
    let odd = "o'brien+x (y) José".to_owned();
    server.user(&odd).await;
    assert_eq!(names(&done(server.call("listUsers").param("where", json!({ "userName": odd }))).await), [odd]);
}

async fn a_filter_with_a_mistake(server: &Server) {
    let refused = failed(server.call("listUsers").param("filter", "userName zz \"bob\"")).await;
    assert_eq!((&refused["code"], &refused["systemCode"]), (&json!("invalid"), &json!("invalidFilter")));
    assert_eq!(refused["filter"], "userName zz \"bob\"");
    if server.is_python() {
        assert_eq!((&refused["column"], &refused["near"]), (&json!(10), &json!("zz \"bob\"")));
        assert!(refused["error"].as_str().unwrap().contains("column 10 begins with `zz \"bob\"`"), "{refused}");
    }
}

async fn limits(server: &Server) {
    for n in 0..101 {
        server.user(&format!("u{n}")).await;
    }
    for (limit, page, count) in
        [(1, 100, 1), (50, 100, 50), (100, 100, 100), (101, 100, 101), (1000, 2, 101), (60, 7, 60)]
    {
        let list = server.call("listUsers").config("pageSize", page).param("limit", limit);
        let listed = done(list).await;
        assert_eq!((&listed["count"], &listed["total"]), (&json!(count), &json!(101)), "{limit} {page}");
        assert_eq!(listed["truncated"], count < 101, "{limit} {page}");
        assert_eq!(listed["reason"], if count < 101 { json!("limit") } else { Value::Null });
    }
}

/// Lists 1,050 users while others are inserted and deleted: no user comes twice, and none is missing that was there all
/// the time.
async fn all_while_others_change_them(server: &Server) {
    const KEPT: usize = 1050;
    const GOING: usize = 150;
    const CHANGES: usize = 30;
    const MAX_CHANGES: usize = 1500;
    const MAX_LISTS: usize = 20;
    let (mut kept, mut going) = (BTreeSet::new(), Vec::new());
    // Those that go are spread among those that stay.
    for n in 0..KEPT + GOING {
        let id = server.user(&format!("u{n}")).await;
        if n % 8 == 0 && going.len() < GOING {
            going.push(id);
        } else {
            kept.insert(id);
        }
    }
    let (is_over, changes, going) = (AtomicBool::new(false), AtomicUsize::new(0), Mutex::new(going));
    let change = || async {
        while !is_over.load(Ordering::Relaxed) {
            let made = changes.fetch_add(1, Ordering::Relaxed);
            if made >= MAX_CHANGES {
                return;
            }
            // From everywhere in the list.
            let gone = {
                let mut going = going.lock().unwrap();
                let at = made * 7 % going.len().max(1);
                (!going.is_empty()).then(|| going.swap_remove(at))
            };
            if let Some(id) = gone {
                server.raw("DELETE", &format!("/Users/{id}"), None).await;
            }
            server.user(&format!("new{made}")).await;
        }
    };
    let listing = async {
        let mut lists = Vec::new();
        // One of the servers needs half a second for a page. Lists are read until enough has changed meanwhile.
        let pages: &[u32] = if server.is_python() { &[20, 100] } else { &[100] };
        for page in pages.iter().cycle().take(MAX_LISTS) {
            if lists.len() >= pages.len() && changes.load(Ordering::Relaxed) > CHANGES {
                break;
            }
            let list = server.call("listUsers").config("pageSize", page).param("limit", 100_000).timeout_ms(120_000);
            lists.push(done(list).await);
        }
        is_over.store(true, Ordering::Relaxed);
        lists
    };
    let (lists, ..) = tokio::join!(listing, change(), change(), change(), change());
    let changed = changes.load(Ordering::Relaxed);
    assert!(changed > CHANGES, "only {changed} changes while lists were read");
    for list in lists {
        let ids: Vec<&str> =
            list["resources"].as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap()).collect();
        let unique: BTreeSet<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        assert_eq!(unique.len(), ids.len(), "a user came twice");
        let lost: Vec<&String> = kept.difference(&unique).collect();
        assert_eq!(list["truncated"], false, "{}: {} of {}", list["reason"], list["count"], list["total"]);
        assert!(lost.is_empty(), "{} of {KEPT} are lost, such as {:?}", lost.len(), lost[0]);
    }
}

#[tokio::test]
async fn all_by_cursor_while_others_change_them() {
    let Some(server) = Server::start(Kind::PythonByCursor) else { return };
    assert_eq!(done(server.call("test")).await["cursor"], true);
    all_while_others_change_them(&server).await;
}

/// Two at a time add members to the same group; one of the servers loses one of two changes.
#[tokio::test]
async fn two_add_members_at_a_time() {
    for kind in [Kind::Python, Kind::Node] {
        let Some(server) = Server::start(kind) else { return };
        let server = Arc::new(server);
        let group = server.group("g").await;
        let add = |name: &'static str| {
            let (server, group) = (Arc::clone(&server), group.clone());
            async move {
                let mut ids = Vec::new();
                for n in 0..20 {
                    let id = server.user(&format!("{name}{n}")).await;
                    let call = server.call("addMembers").param("groupId", &group).param("userIds", json!([id]));
                    assert_eq!(done(call).await["changed"], json!([id]));
                    ids.push(id);
                }
                ids
            }
        };
        let (mut all, others) = tokio::join!(add("a"), add("b"));
        all.extend(others);
        let shown = done(server.call("getGroup").param("id", &group)).await;
        let members: BTreeSet<&str> = shown["resource"]["members"]
            .as_array()
            .unwrap()
            .iter()
            .map(|member| member["value"].as_str().unwrap())
            .collect();
        assert_eq!(members, all.iter().map(String::as_str).collect(), "{kind:?}");
    }
}
