//! Accounts: passwords, who may sign in, and who may not any more.

use serde_json::{Value, json};
use test_support::slapd::{BASE, Slapd};

use crate::support::{call, failure, payload, person};

const ADA: &str = "uid=ada,ou=people,dc=example,dc=com";

async fn signs_in(slapd: &Slapd, who: &Value, password: &str) -> (bool, Value) {
    let mut authenticate = call(slapd, "authenticate").param("password", password);
    for (name, value) in who.as_object().unwrap() {
        authenticate = authenticate.param(name, value);
    }
    let told = payload(authenticate).await;
    (told["authenticated"].as_bool().unwrap(), told["reason"].clone())
}

#[tokio::test]
async fn a_password_is_set_checked_and_changed() {
    let Some(slapd) = Slapd::start(&person("ada")).await else { return };
    let by_dn = json!({ "dn": ADA });
    let by_login = json!({ "login": "ada" });
    let set = |password: &str| call(&slapd, "setPassword").param("dn", ADA).param("newPassword", password);
    assert!(set("canary-first-one").run().await.success);
    for who in [&by_dn, &by_login, &json!({ "login": "Person ada", "loginAttribute": "cn" })] {
        assert_eq!(signs_in(&slapd, who, "canary-first-one").await, (true, Value::Null));
    }
    assert_eq!(signs_in(&slapd, &by_dn, "canary-wrong").await, (false, json!("invalid")));
    assert_eq!(signs_in(&slapd, &json!({ "login": "nobody" }), "canary-first-one").await, (false, json!("invalid")));
    assert_eq!(signs_in(&slapd, &json!({ "login": "*" }), "canary-first-one").await, (false, json!("invalid")));
    // The directory would let anybody in without a password.
    let nothing = call(&slapd, "authenticate").param("dn", ADA).param("password", "");
    assert_eq!(failure(nothing).await.2, "Missing required field(s): password");
    let (code, _, error) = failure(set("canary")).await;
    assert_eq!(code, "invalid", "{error}");
    assert!(error.contains("quality"), "{error}");
    assert_eq!(failure(set("")).await.2, "Missing required field(s): newPassword");
    // With the old one it is the owner who changes it.
    let own = |old: &str| {
        set("canary-second-one")
            .param("oldPassword", old)
            .config("bindDn", ADA)
            .config("bindPassword", "canary-first-one")
    };
    assert!(!own("canary-not-it").run().await.success);
    assert!(own("canary-first-one").run().await.success);
    assert_eq!(signs_in(&slapd, &by_dn, "canary-second-one").await, (true, Value::Null));
    let must = set("canary-third-one").param("mustChange", true);
    assert!(must.run().await.success);
    assert_eq!(signs_in(&slapd, &by_dn, "canary-third-one").await, (false, json!("mustChange")));
    let (code, ..) =
        failure(call(&slapd, "authenticate").param("password", "canary-x").param("dn", ADA).param("login", "ada"))
            .await;
    assert_eq!(code, "invalid");
}

#[tokio::test]
async fn a_disabled_account_is_locked_for_good_and_wrong_passwords_lock_it_too() {
    let Some(slapd) = Slapd::start(&person("ada")).await else { return };
    let by_dn = json!({ "dn": ADA });
    assert!(call(&slapd, "setPassword").param("dn", ADA).param("newPassword", "canary-first-one").run().await.success);
    let enable = |enabled: bool| payload(call(&slapd, "setEnabled").param("dn", ADA).param("enabled", enabled));
    assert_eq!(enable(true).await, json!({ "changed": false }));
    assert_eq!(enable(false).await, json!({ "changed": true }));
    assert_eq!(enable(false).await, json!({ "changed": false }));
    assert_eq!(signs_in(&slapd, &by_dn, "canary-first-one").await, (false, json!("locked")));
    assert_eq!(enable(true).await, json!({ "changed": true }));
    assert_eq!(signs_in(&slapd, &by_dn, "canary-first-one").await, (true, Value::Null));
    for _ in 0..3 {
        assert_eq!(signs_in(&slapd, &by_dn, "canary-wrong").await, (false, json!("invalid")));
    }
    assert_eq!(signs_in(&slapd, &by_dn, "canary-first-one").await, (false, json!("locked")));
    let (code, ..) =
        failure(call(&slapd, "setEnabled").param("dn", format!("uid=no,{BASE}")).param("enabled", false)).await;
    assert_eq!(code, "notFound");
}

#[tokio::test]
async fn an_account_is_created_with_its_password_or_not_at_all() {
    let Some(slapd) = Slapd::start("").await else { return };
    let create = |password: &str| {
        call(&slapd, "create")
            .param("dn", ADA)
            .param("objectClasses", ["inetOrgPerson"])
            .param("attributes", json!({ "cn": "Ada", "sn": "Lovelace" }))
            .param("password", password)
    };
    let weak = create("short").run().await;
    assert_eq!(weak.diagnostics.unwrap()["created"], false);
    assert_eq!(failure(call(&slapd, "get").param("dn", ADA)).await.0, "notFound");
    assert_eq!(payload(create("canary-long-enough")).await["created"], true);
    assert_eq!(signs_in(&slapd, &json!({ "login": "ada" }), "canary-long-enough").await, (true, Value::Null));
}
