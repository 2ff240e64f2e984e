//! Runs on a paused clock, which advances only when every task waits.

use connector_runtime::connector::Connector as _;
use connector_runtime::registry::Registry;
use connector_runtime::testing;
use tokio::time::Instant;

use super::*;

/// Runs `wait` and returns its result and the milliseconds by which the clock advanced.
async fn wait(delay_ms: Option<Value>) -> (ConnectorResult, u128) {
    let mut call = testing::call::<Delay>("wait");
    if let Some(delay_ms) = delay_ms {
        call = call.param("delayMs", delay_ms);
    }
    let began = Instant::now();
    let result = call.run().await;
    (result, began.elapsed().as_millis())
}

#[tokio::test(start_paused = true)]
async fn it_waits_as_long_as_it_is_told_and_gives_the_number_back_as_it_came() {
    for (given, waited) in [(json!(1), 1), (json!(1500), 1500), (json!(250.0), 250), (json!(295_000), 295_000)] {
        let (result, took) = wait(Some(given.clone())).await;
        assert!(result.success, "{result:?}");
        assert_eq!(result.payload, Some(json!({ "delayed": given })));
        assert_eq!(took, waited, "delayMs {given}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fraction_of_a_millisecond_counts() {
    let (result, took) = wait(Some(json!(2.5))).await;
    assert_eq!(result.payload, Some(json!({ "delayed": 2.5 })));
    assert_eq!(took, 3, "the timer's grain is a millisecond");
}

#[tokio::test(start_paused = true)]
async fn nothing_and_zero_wait_a_second() {
    for (given, payload) in [
        (None, json!({})),
        (Some(Value::Null), json!({})),
        (Some(json!(0)), json!({ "delayed": 0 })),
        (Some(json!(0.0)), json!({ "delayed": 0.0 })),
    ] {
        let (result, took) = wait(given.clone()).await;
        assert_eq!((result.payload, took), (Some(payload), 1_000), "delayMs {given:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_command_it_waits() {
    let result = testing::call::<Delay>("").without_command().param("delayMs", 5).run().await;
    assert_eq!(result.payload, Some(json!({ "delayed": 5 })));
}

#[tokio::test(start_paused = true)]
async fn what_is_out_of_range_or_no_number_never_waits() {
    for (given, problem) in [
        (json!(-1), "delayMs: expected at least 0, got -1"),
        (json!(295_001), "delayMs: expected at most 295000, got 295001"),
        (json!("1500"), "delayMs: expected number, got string"),
    ] {
        let (result, took) = wait(Some(given)).await;
        assert_eq!(result.error.as_deref(), Some(format!("Invalid field(s): {problem}").as_str()));
        assert_eq!(took, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn the_callers_deadline_ends_the_wait() {
    let began = Instant::now();
    let result = testing::call::<Delay>("wait").param("delayMs", 10_000).timeout_ms(40).run().await;
    assert_eq!(result.error.as_deref(), Some("Timed out after 40 ms"));
    assert!(began.elapsed() < Duration::from_secs(1), "the wait is dropped with the call");
}

#[test]
fn the_deadline_is_the_wait_and_five_seconds() {
    for (given, wanted) in [(None, 6_000), (Some(0), 6_000), (Some(1_001), 6_001), (Some(295_000), 300_000)] {
        let params = WaitParams { delay_ms: given.map(Number::from) };
        assert_eq!(deadline(&params).as_millis(), wanted, "delayMs {given:?}");
    }
}

#[test]
fn it_is_seeded_without_a_schema_and_described_all_the_same() {
    let registry = Registry::of([Delay::DESCRIPTOR]).unwrap();
    let schema = registry.get("delay").unwrap().schema();
    assert!(Delay::DESCRIPTOR.legacy_commandless_ui);
    assert_eq!(schema.default_command.as_deref(), Some("wait"));
    assert!(schema.connection.is_empty());
}
