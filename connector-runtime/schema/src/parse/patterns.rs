//! Regular expressions in a config schema. They cost far more than their text, so they are counted.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::parser::Parser;
use crate::json_type;
use crate::model::Pattern;
use crate::nested::{Expands, NestedSchema, expands};

/// Longest regular expression, in bytes.
pub const MAX_PATTERN_LENGTH: usize = 4096;
/// Most regular expressions of a config schema, the ones in nested schemas included.
const MAX_PATTERNS: usize = 50_000;
/// Most different regular expressions of a config schema: each is compiled once, to see whether it can be.
pub const MAX_DIFFERENT_PATTERNS: usize = 10_000;
/// Most regular expressions of one nested schema, which are compiled all at once.
pub const MAX_NESTED_PATTERNS: usize = 200;
/// Most regular expressions of a config schema that are large when compiled.
pub const MAX_LARGE_PATTERNS: usize = 50;
const TOO_MANY: &str = "one pattern too many: a config schema may have 50000, and 10000 different ones";

/// How many regular expressions were met.
#[derive(Default)]
pub(super) struct Patterns {
    all: usize,
    large: usize,
    /// Small ones that were seen to compile.
    sound: HashSet<String>,
}

impl Patterns {
    fn count(&mut self, more: usize) -> bool {
        self.all += more;
        self.all <= MAX_PATTERNS && self.sound.len() <= MAX_DIFFERENT_PATTERNS
    }

    fn count_large(&mut self) -> bool {
        self.large += 1;
        self.large <= MAX_LARGE_PATTERNS
    }
}

/// Counts what may be a regular expression in a JSON Schema.
fn count_patterns(schema: &Value) -> usize {
    match schema {
        Value::Object(map) => {
            let own = usize::from(map.get("pattern").is_some_and(Value::is_string));
            let named = map.get("patternProperties").and_then(Value::as_object).map_or(0, Map::len);
            own + named + map.values().map(count_patterns).sum::<usize>()
        }
        Value::Array(list) => list.iter().map(count_patterns).sum(),
        _ => 0,
    }
}

impl Parser {
    /// Reads a JSON Schema.
    pub(super) fn json_schema(&mut self, value: &Value) -> Option<Value> {
        if !value.is_object() && !value.is_boolean() {
            self.problem(format!("expected a JSON Schema (an object or a boolean), got {}", json_type(value)));
            return None;
        }
        let patterns = count_patterns(value);
        if patterns > MAX_NESTED_PATTERNS {
            self.problem(format!("holds {patterns} patterns; a schema may have {MAX_NESTED_PATTERNS}"));
            return None;
        }
        if !self.patterns.count(patterns) {
            self.problem(TOO_MANY);
            return None;
        }
        if let Err(Expands { pointer, message }) = expands(value)
            && !self.is_stored
        {
            self.problem_below(&pointer, message);
            return None;
        }
        if let Err(error) = NestedSchema::new(value.clone()).compile() {
            self.problem(error);
        }
        Some(value.clone())
    }

    /// Reads a regular expression.
    pub(super) fn pattern(&mut self, value: &Value) -> Option<Pattern> {
        let text = self.text(value)?;
        if text.len() > MAX_PATTERN_LENGTH {
            self.problem(format!("expected at most {MAX_PATTERN_LENGTH} bytes, got {}", text.len()));
            return None;
        }
        if !self.patterns.count(1) {
            self.problem(TOO_MANY);
            return None;
        }
        if self.patterns.sound.contains(&text) {
            return Some(Pattern::trusted(text));
        }
        if Pattern::is_small(&text) {
            self.patterns.sound.insert(text.clone());
        } else {
            if !self.patterns.count_large() {
                self.problem(format!("one large pattern too many: a config schema may have {MAX_LARGE_PATTERNS}"));
                return None;
            }
            if let Err(error) = Pattern::parse(text.as_str()) {
                self.problem(error);
                return None;
            }
        }
        // Compiled anew when it is used first: most patterns of a large schema never are.
        Some(Pattern::trusted(text))
    }
}
