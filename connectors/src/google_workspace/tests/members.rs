//! Groups, members and organizational units.

use connector_runtime::prelude::*;
use connector_runtime::testing::{Answer, TestCall, Upstream};

use super::support::{api_requests, call, error, google, lines, route};

fn member(command: &str, upstream: &Upstream) -> TestCall {
    call(command, upstream).param("groupKey", "staff").param("memberKey", "ada@x.test")
}

const ADA: &str = "groups/staff/members/ada%40x.test";

#[tokio::test]
async fn a_member_is_added_once_and_gets_its_role() {
    let upstream = google().await;
    upstream.on(&route("POST", "groups/staff/members"), Answer::json(json!({ "role": "MEMBER" })));
    upstream.on(&route("POST", "groups/staff/members"), error(409, "duplicate", "Member already exists."));
    upstream.on(&route("GET", ADA), Answer::json(json!({ "role": "MEMBER" })));
    upstream.on(&route("PATCH", ADA), Answer::json(json!({ "role": "OWNER" })));
    for (role, changed) in [("MEMBER", true), ("MEMBER", false), ("OWNER", true)] {
        let payload = member("addMember", &upstream).param("role", role).run().await.payload.unwrap();
        assert_eq!(payload["changed"], changed, "{role}");
    }
    let seen = api_requests(&upstream);
    assert_eq!(seen[0].json(), json!({ "email": "ada@x.test", "role": "MEMBER" }));
    assert_eq!(seen.last().unwrap().json(), json!({ "role": "OWNER" }));
    let by_id = call("addMember", &upstream).param("groupKey", "staff").param("memberKey", "1100");
    let _ = by_id.run().await;
    assert!(api_requests(&upstream).iter().any(|seen| seen.json() == json!({ "id": "1100", "role": "MEMBER" })));
}

#[tokio::test]
async fn a_member_that_is_gone_is_removed_already_but_a_group_must_exist() {
    let upstream = google().await;
    upstream.on(&route("DELETE", ADA), error(404, "notFound", "Resource Not Found: memberKey"));
    upstream.on(&route("GET", "groups/staff"), Answer::json(json!({ "id": "1" })));
    upstream.on(&route("GET", "groups/staff"), error(404, "notFound", "Resource Not Found: groupKey"));
    assert_eq!(member("removeMember", &upstream).run().await.payload.unwrap()["changed"], false);
    assert_eq!(member("removeMember", &upstream).run().await.diagnostics.unwrap()["code"], "notFound");
}

#[tokio::test]
async fn members_of_other_domains_are_looked_for_directly() {
    let has = route("GET", "groups/staff/hasMember/ada%40x.test");
    let upstream = google().await;
    upstream.on(&has, Answer::json(json!({ "isMember": true })));
    upstream.on(&has, Answer::json(json!({ "isMember": false })));
    upstream.on(&has, error(400, "invalid", "Invalid Input: memberKey"));
    upstream.on(&route("GET", ADA), Answer::json(json!({ "role": "MEMBER" })));
    upstream.on(&route("GET", ADA), error(404, "notFound", "Resource Not Found: memberKey"));
    upstream.on(&route("GET", "groups/staff"), Answer::json(json!({ "id": "1" })));
    for expected in [true, false, true, false] {
        let result = member("hasMember", &upstream).run().await;
        assert_eq!(result.payload.unwrap(), json!({ "member": expected }));
    }
}

#[tokio::test]
async fn a_group_is_changed_if_it_is_not_so() {
    let upstream = google().await;
    upstream.on(&route("GET", "groups/staff"), Answer::json(json!({ "name": "Staff", "email": "staff@x.test" })));
    upstream.on(&route("PATCH", "groups/staff"), Answer::json(json!({ "name": "All" })));
    for (name, changed) in [("Staff", false), ("All", true)] {
        let change = call("updateGroup", &upstream).param("groupKey", "staff").param("name", name);
        let payload = change.param("description", "").run().await.payload;
        // An empty description is what it has.
        assert_eq!(payload.unwrap()["changed"], changed);
    }
    assert_eq!(
        call("updateGroup", &upstream).param("groupKey", "staff").run().await.diagnostics.unwrap()["code"],
        "invalid"
    );
}

#[tokio::test]
async fn a_unit_that_exists_is_found_by_its_path() {
    let upstream = google().await;
    let create = |on_exists: &str, name: &str| {
        let create = call("createOrgUnit", &upstream).param("name", name).param("parentOrgUnitPath", "/corp");
        create.param("onExists", on_exists).run()
    };
    upstream.on(&route("POST", "customer/my_customer/orgunits"), error(400, "invalid", "Invalid Ou Id"));
    upstream.on(&route("GET", "customer/my_customer/orgunits/corp/sales%20team"), Answer::json(json!({ "name": "x" })));
    upstream.otherwise(|_| error(404, "notFound", "Org unit not found"));
    assert_eq!(create("return", "sales team").await.payload.unwrap()["created"], false);
    assert_eq!(create("fail", "sales team").await.diagnostics.unwrap()["code"], "exists");
    assert_eq!(create("return", "new").await.diagnostics.unwrap()["code"], "invalid");
    assert_eq!(lines(&upstream).len(), 6);
}
