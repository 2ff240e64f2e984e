//! A JSON value whose every look costs fuel, so that checking it against a schema ends.
//!
//! A JSON Schema is a program: references and alternatives make a small one visit a value more often than there is
//! time. The validator reads values through the trait [`Json`], so this representation sees each step of it, whatever
//! keyword takes it. When the fuel or the time is used up, the evaluation is unwound; nothing else ends it from inside.

use std::borrow::Cow;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Instant;

use jsonschema::JsonType;
use jsonschema::json::{Array, Json, Node, NodeIdentity, Object, cmp};
use serde_json::{Map, Value};

/// Steps that one check of values may take; a second or two.
pub const MAX_CHECK_STEPS: u64 = 20_000_000;
/// After so many steps the clock is read.
const STEPS_BETWEEN_LOOKS: u64 = 1024;
/// Bytes of stack that an evaluation may take: it goes as deep as schema and value together do.
const MAX_STACK: usize = 1 << 20;
/// Bytes of a text that count as one step more.
const TEXT_STEP: usize = 64;

/// How much an evaluation may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fuel {
    /// Steps: each look at a value is one.
    pub steps: u64,
    /// When it has to be done.
    pub until: Option<Instant>,
}

/// What one check of values may cost: [`MAX_CHECK_STEPS`].
impl Default for Fuel {
    fn default() -> Self {
        Self { steps: MAX_CHECK_STEPS, until: None }
    }
}

impl Fuel {
    /// Returns whether there is none left: what was checked with it may be right or wrong.
    pub const fn is_used_up(&self) -> bool {
        self.steps == 0
    }
}

/// The fuel or the time of an evaluation is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OutOfFuel;

thread_local! {
    static STEPS: Cell<u64> = const { Cell::new(0) };
    /// Where the stack was when the evaluation began.
    static STACK: Cell<usize> = const { Cell::new(0) };
    static UNTIL: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Runs an evaluation of [`Metered`] values, and takes what it used out of `fuel`.
pub(super) fn run<T>(fuel: &mut Fuel, work: impl FnOnce() -> T) -> Result<T, OutOfFuel> {
    let before = (STEPS.replace(fuel.steps), UNTIL.replace(fuel.until), STACK.replace(stack()));
    let done = catch_unwind(AssertUnwindSafe(work));
    fuel.steps = STEPS.replace(before.0);
    UNTIL.set(before.1);
    STACK.set(before.2);
    done.map_err(|panic| match panic.downcast::<OutOfFuel>() {
        Ok(out) => *out,
        Err(other) => resume_unwind(other),
    })
}

/// Returns about where the stack ends now.
#[inline(never)]
fn stack() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(&here) as usize
}

fn spend(steps: usize) {
    let left = STEPS.get();
    let rest = left.saturating_sub(steps as u64);
    STEPS.set(rest);
    let looks = left / STEPS_BETWEEN_LOOKS != rest / STEPS_BETWEEN_LOOKS;
    if rest == 0
        || STACK.get().abs_diff(stack()) > MAX_STACK
        || looks && UNTIL.get().is_some_and(|until| Instant::now() >= until)
    {
        STEPS.set(0);
        // Without the panic hook: this is no fault, and `run` takes it.
        resume_unwind(Box::new(OutOfFuel));
    }
}

/// The representation of JSON whose nodes are [`Metered`] values.
pub(super) struct MeteredJson;

/// A value; a look at it costs fuel.
#[derive(Clone, Copy)]
pub(super) struct Metered<'a>(pub(super) &'a Value);

/// An object; a look at one of its members costs fuel.
pub(super) struct MeteredObject<'a>(&'a Map<String, Value>);

/// A list; a look at one of its elements costs fuel.
pub(super) struct MeteredArray<'a>(&'a [Value]);

impl Json for MeteredJson {
    type Node<'a> = Metered<'a>;
    type PreparedKey = String;
    type StringBuffer = ();

    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>((): &mut (), string: &str, f: impl FnOnce(Metered<'_>) -> T) -> T {
        f(Metered(&Value::String(string.to_owned())))
    }
}

impl<'a> Node<'a, MeteredJson> for Metered<'a> {
    type Object = MeteredObject<'a>;
    type Array = MeteredArray<'a>;
    type Number = &'a serde_json::Number;

    fn as_object(&self) -> Option<MeteredObject<'a>> {
        spend(1);
        self.0.as_object().map(MeteredObject)
    }

    fn as_array(&self) -> Option<MeteredArray<'a>> {
        spend(1);
        self.0.as_array().map(|items| MeteredArray(items))
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        let text = self.0.as_str();
        spend(1 + text.map_or(0, str::len) / TEXT_STEP);
        text.map(Cow::Borrowed)
    }

    fn as_number(&self) -> Option<&'a serde_json::Number> {
        spend(1);
        self.0.as_number()
    }

    fn as_boolean(&self) -> Option<bool> {
        spend(1);
        self.0.as_bool()
    }

    fn is_null(&self) -> bool {
        spend(1);
        self.0.is_null()
    }

    fn is_number(&self) -> bool {
        spend(1);
        self.0.is_number()
    }

    fn json_type(&self) -> JsonType {
        spend(1);
        match self.0 {
            Value::Null => JsonType::Null,
            Value::Bool(_) => JsonType::Boolean,
            Value::Number(_) => JsonType::Number,
            Value::String(_) => JsonType::String,
            Value::Array(_) => JsonType::Array,
            Value::Object(_) => JsonType::Object,
        }
    }

    fn equals_value(&self, expected: &Value) -> bool {
        spend(1);
        cmp::equal(self.0, expected)
    }

    fn to_value(&self) -> Cow<'a, Value> {
        spend(1);
        Cow::Borrowed(self.0)
    }

    fn identity(&self) -> Option<NodeIdentity> {
        spend(1);
        Some(NodeIdentity::new(std::ptr::from_ref::<Value>(self.0) as usize))
    }
}

impl<'a> Object<'a, MeteredJson> for MeteredObject<'a> {
    type Node = Metered<'a>;
    type MemberName = &'a str;
    type MembersIter = Box<dyn Iterator<Item = (&'a str, Metered<'a>)> + 'a>;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, key: &String) -> Option<Metered<'a>> {
        spend(1);
        self.0.get(key.as_str()).map(Metered)
    }

    fn members(&self) -> Self::MembersIter {
        Box::new(self.0.iter().map(|(name, value)| {
            spend(1);
            (name.as_str(), Metered(value))
        }))
    }
}

impl<'a> Array<'a, MeteredJson> for MeteredArray<'a> {
    type Node = Metered<'a>;
    type ElementsIter = Box<dyn Iterator<Item = Metered<'a>> + 'a>;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn elements(&self) -> Self::ElementsIter {
        Box::new(self.0.iter().map(|item| {
            spend(1);
            Metered(item)
        }))
    }
}
