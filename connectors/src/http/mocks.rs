//! Prepared answers, for flows that are tried without a service.

use std::collections::BTreeMap;

use connector_runtime::prelude::*;

use super::{Answer, Listed};

fn refused<T>(status: u16) -> Outcome<T> {
    let fail = Fail::new(format!("https://api.example.com/users answered {status}"));
    Err(fail.diagnostic("statusCode", status).diagnostic("responseBody", "").into())
}

pub(super) fn answer() -> Outcome<Answer> {
    let headers = BTreeMap::from([("content-type".to_owned(), json!("application/json"))]);
    succeed(Answer { status: 200, headers, body: json!({ "id": 1, "name": "Ada Lovelace" }) })
}

pub(super) fn unavailable<T>() -> Outcome<T> {
    refused(503)
}

pub(super) fn not_found() -> Outcome<Answer> {
    refused(404)
}

pub(super) fn listed() -> Outcome<Listed> {
    let items = vec![json!({ "id": 1, "name": "Ada Lovelace" }), json!({ "id": 2, "name": "Grace Hopper" })];
    succeed(Listed { items, count: 2, truncated: false, pages: 1 })
}

pub(super) fn nothing_listed() -> Outcome<Listed> {
    succeed(Listed { items: Vec::new(), count: 0, truncated: false, pages: 1 })
}
