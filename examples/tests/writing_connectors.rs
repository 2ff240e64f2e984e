//! docs/writing-connectors.md quotes code that is compiled and tested, word by word.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::path::Path;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn every_block_of_code_is_in_a_file_that_is_compiled() {
    let page = read("../docs/writing-connectors.md");
    let files = ["src/bookshelf.rs", "src/every_key.rs", "src/bin/floh_with_widget.rs"].map(read);
    let blocks: Vec<&str> = page.split("```rust\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks.len() > 10);
    for block in blocks {
        assert!(files.iter().any(|file| file.contains(block)), "no file has this block:\n{block}");
    }
}

#[test]
fn every_example_of_the_tables_is_in_a_file_that_is_compiled() {
    let page = read("../docs/writing-connectors.md");
    let (_, tables) = page.split_once("\n## All keys\n").unwrap();
    let tables = tables.split("\n## ").next().unwrap();
    let file = read("src/every_key.rs");
    let rows = tables.lines().filter(|line| line.starts_with("| `"));
    let examples: Vec<&str> = rows.filter_map(|row| row.strip_suffix("` |")?.rsplit('`').next()).collect();
    assert!(examples.len() > 30);
    for example in examples {
        assert!(file.contains(example), "{example} is in no file");
    }
}
