//! What is reserved for a JSON text is what its tree takes. Alone in its process, because it reads the process's size.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use connector_egress::memory::MemoryBudget;
use proptest::prelude::*;
use serde_json::Value;

/// Bytes of this process that are in memory.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

/// JSON texts of one small value, as costly for their bytes as possible.
fn any_small() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![Just("0".to_owned()), Just("\"\"".to_owned()), Just("[]".to_owned()), Just("{}".to_owned())];
    leaf.prop_recursive(4, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..5).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(("[a-z]{0,24}", inner), 1..5).prop_map(|members| {
                let members: Vec<String> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// No text makes work exceed the budget by 20%.
    #[test]
    fn a_tree_takes_no_more_than_is_reserved_for_it(small in any_small()) {
        // Large enough that the noise of the allocator does not count.
        let times = 2_000_000 / small.len() + 1;
        let text = format!("[{}]", vec![small.as_str(); times].join(","));
        let budget = MemoryBudget::unlimited();
        let mut reserved = budget.text(text.len()).unwrap();
        reserved.add(budget.tree(text.as_bytes(), usize::MAX).unwrap());
        let before = resident();
        let tree: Value = serde_json::from_str(&text).unwrap();
        let taken = resident().saturating_sub(before);
        drop(tree);
        let allowed = reserved.bytes() + reserved.bytes() / 5;
        prop_assert!(taken + text.len() <= allowed, "{small}: {taken} bytes taken, {} reserved", reserved.bytes());
    }
}
