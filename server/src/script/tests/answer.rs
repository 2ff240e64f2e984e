use connector_runtime::result::{Reply, ReplyOrigin};

use crate::script::judge;

/// The fast path gives the same result as the general one.
#[test]
fn the_usual_way_and_the_long_one_agree() {
    for json in [
        "null",
        "1",
        "\"x\"",
        "true",
        "[1]",
        "{}",
        "{\"a\":1}",
        "{\"success\":true}",
        "{\"success\":true,\"payload\":null}",
        "{\"success\":true,\"payload\":{ \"a\" : [1, 2.50, \"\\u00e9\"] },\"variables\":{\"n\":1},\"extra\":1}",
        "{\"success\":false,\"error\":\"no\",\"diagnostics\":{\"status\":503},\"variables\":null}",
        "{\"success\":false,\"error\":null,\"diagnostics\":null}",
        "{\"success\":false,\"error\":{}}",
        "{\"success\":1}",
        "{\"success\":true,\"variables\":[]}",
        "{\"success\":true,\"data\":{}}",
        "{\"success\":true,\"data\":null}",
        "{\"success\":true,\"payload\":1,\"outputVariables\":null}",
        "{\"payload\":1}",
        "{\"variables\":{}}",
        "{\"error\":\"no\"}",
        "{\"success\":true,\"success\":false}",
        "{\"success\":true,\"payload\":{\"__proto__\":{\"admin\":true}}}",
    ] {
        let long = Reply::from_value(serde_json::from_str(json).unwrap(), ReplyOrigin::Script);
        assert_eq!(judge(json).into_result(), long.into_result(), "{json}");
    }
}

#[test]
fn what_cannot_be_read_is_a_failure() {
    let reply = judge("{\"success\":tr");
    assert!(!reply.success && reply.error.unwrap().contains("cannot be read"));
}
