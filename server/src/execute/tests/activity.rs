//! Charts: what calls came to, counted while they are recorded.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::super::*;
use crate::auth::{OpContext, RequestId};
use crate::error::ErrorKind;
use crate::store::ExecutionSource;
use crate::testing::TestServer;

#[tokio::test]
async fn calls_are_counted_by_connector_and_hour() {
    let server = TestServer::start().await;
    let id = |view: serde_json::Value| view["id"].as_str().unwrap().parse::<uuid::Uuid>().unwrap();
    let used = id(server.connector("used", "odd", json!({})).await);
    let idle = id(server.connector("idle", "odd", json!({})).await);
    let ctx = OpContext::system();
    let (before, hour) = (Timestamp::now() - SignedDuration::from_hours(1), SignedDuration::from_hours(1));
    for command in ["ping", "ping", "no-such-command"] {
        server.execute("used", json!({ "command": command })).await.ok(200);
    }
    let lines = sparklines(&ctx, &server.app, &[used, idle]).await.unwrap();
    assert_eq!(lines.keys().copied().collect::<Vec<_>>(), [used]);
    let line = lines[&used];
    // The hour may have turned while the test ran.
    assert_eq!(line.calls[SPARKLINE_HOURS - 2..].iter().sum::<u64>(), 3);
    assert_eq!((line.calls.iter().sum::<u64>(), line.failed.iter().sum::<u64>()), (3, 1));

    let activity = connector_activity(&ctx, &server.app, used, before, before + hour * 2).await.unwrap();
    assert!((2..=3).contains(&activity.hours.len()), "hours without calls are there: {activity:?}");
    assert_eq!((activity.total.calls, activity.total.failed), (3, 1));
    assert!(activity.total.percentile(95).is_some());
    let none = connector_activity(&ctx, &server.app, idle, before, before + hour).await.unwrap();
    assert_eq!((none.total.calls, none.total.percentile(95)), (0, None));
    let all = connector_activity(&ctx, &server.app, used, Timestamp::MIN, before + hour * 2).await.unwrap();
    assert_eq!((all.hours.len(), all.total.calls), (MAX_ACTIVITY_HOURS, 3), "the newest ones");
    let backwards = connector_activity(&ctx, &server.app, used, before + hour * 2, before).await.unwrap();
    assert_eq!(backwards.hours, []);

    let token = server.token(&["connectors:read"]).await;
    let identity = server.app.auth.authenticate(&token).await.unwrap();
    let weak = OpContext::of_token(identity, ExecutionSource::Ui, RequestId::new());
    let denied = sparklines(&weak, &server.app, &[used]).await.unwrap_err();
    assert_eq!(denied.kind(), ErrorKind::Denied(Some("audit:read")));
    connector_activity(&weak, &server.app, used, before, before).await.unwrap_err();
    sparklines(&ctx, &server.app, &vec![used; 501]).await.unwrap_err();

    server.call("DELETE", "/api/connectors/used", json!(null)).await.ok(204);
    assert_eq!(sparklines(&ctx, &server.app, &[used]).await.unwrap().len(), 0, "they go with the connector");
}

#[tokio::test]
async fn mocked_calls_and_those_that_are_not_recorded_are_not_counted() {
    let server = TestServer::start().await;
    let mock = json!({ "enabled": true, "data": { "ping": { "success": true } } });
    for (name, more) in [
        ("mocked", json!({ "mock": mock })),
        ("quiet", json!({ "record": "none" })),
        ("brief", json!({ "record": "summary" })),
    ] {
        server.connector(name, "odd", json!({})).await;
        server.put(&format!("/api/connectors/{name}"), more).await.ok(200);
        server.execute(name, json!({ "command": "ping" })).await.ok(200);
    }
    let ids: Vec<uuid::Uuid> = server.get("/api/connectors").await.ok(200)["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_str().unwrap().parse().unwrap())
        .collect();
    let lines = sparklines(&OpContext::system(), &server.app, &ids).await.unwrap();
    assert_eq!(lines.values().map(|line| line.calls.iter().sum::<u64>()).collect::<Vec<_>>(), [1], "that of `brief`");
}
