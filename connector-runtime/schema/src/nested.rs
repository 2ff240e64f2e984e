//! The JSON Schema inside a field: what an array, an object or raw JSON must look like.
//!
//! Kept as the document that its author wrote and compiled at first use. A `$ref` to another document
//! is refused, so that validation never reads a file or the network.
//!
//! What a check may cost is bounded twice: the parser refuses a schema that expands too far, and each evaluation has
//! [fuel](Fuel).

mod expansion;
mod metered;
mod references;
mod secrets;
mod shape;

use std::fmt::{self, Write as _};
use std::sync::OnceLock;

use serde_json::Value;

use self::metered::{Metered, MeteredJson, OutOfFuel};

pub(crate) use self::expansion::{Expands, expands};
pub use self::metered::{Fuel, MAX_CHECK_STEPS};
pub(crate) use self::references::References;
pub use self::secrets::is_secret;

/// Steps that may be used to find more than the first mistake of a value.
const MAX_LISTING_STEPS: u64 = 200_000;
/// Mistakes of a value that are named.
const MAX_MISTAKES: usize = 8;
/// Bytes of the text about one mistake, which quotes the value.
const MAX_TEXT: usize = 1024;
/// Steps that a regular expression with look-around may take for one text.
const MAX_BACKTRACKS: usize = 100_000;
/// The message for a value whose check was given up.
const OUT_OF_FUEL: &str =
    "checking the value against its schema takes too long; send less, or simplify the references of the schema";

/// Bytes that one regular expression may take when compiled.
const PATTERN_SIZE: usize = 2 << 20;

/// A JSON Schema 2020-12 of one field's value.
#[derive(Clone)]
pub struct NestedSchema {
    document: Value,
    compiled: OnceLock<Result<std::sync::Arc<jsonschema::Validator<MeteredJson>>, String>>,
    holds_secret: OnceLock<bool>,
}

impl NestedSchema {
    /// Wraps a document that its reader has checked to expand to a bounded size. It is compiled when a value is
    /// checked first.
    pub fn new(document: Value) -> Self {
        Self { document, compiled: OnceLock::new(), holds_secret: OnceLock::new() }
    }

    /// Returns the document.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Compiles the document, as a check of it.
    ///
    /// # Errors
    /// Says what is wrong with the schema.
    pub fn compile(&self) -> Result<(), String> {
        self.validator().map(drop)
    }

    /// Checks a value, in at most [`MAX_CHECK_STEPS`] steps.
    ///
    /// # Errors
    /// As [`Self::check_within`].
    pub fn check(&self, value: &Value) -> Result<(), Vec<String>> {
        self.check_within(value, &mut Fuel::default())
    }

    /// Checks a value, as long as there is fuel.
    ///
    /// # Errors
    /// Lists what is wrong, each with the place inside the value; also if the fuel does not suffice, of which then none
    /// is left. A text never quotes the value where the schema holds a secret.
    pub fn check_within(&self, value: &Value, fuel: &mut Fuel) -> Result<(), Vec<String>> {
        let validator = self.validator().map_err(|error| vec![error])?;
        match metered::run(fuel, || validator.is_valid(Metered(value))) {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.mistakes(&validator, value, fuel)),
            Err(OutOfFuel) => Err(vec![OUT_OF_FUEL.to_owned()]),
        }
    }

    /// Names the mistakes of a value that is not valid, the first one at least. All of them are found before the first
    /// can be shown, so little fuel is used for that.
    fn mistakes(&self, validator: &jsonschema::Validator<MeteredJson>, value: &Value, fuel: &mut Fuel) -> Vec<String> {
        let quiet = self.holds_secret();
        let mut listing = Fuel { steps: fuel.steps.min(MAX_LISTING_STEPS), ..*fuel };
        let all = metered::run(&mut listing, || {
            validator.iter_errors(Metered(value)).take(MAX_MISTAKES).map(|error| text(&error, quiet)).collect()
        });
        all.or_else(|OutOfFuel| {
            let first = || validator.validate(Metered(value)).err().map(|error| text(&error, quiet));
            metered::run(fuel, first).map(|first| first.into_iter().collect())
        })
        .unwrap_or_else(|OutOfFuel| vec![OUT_OF_FUEL.to_owned()])
    }

    fn validator(&self) -> Result<std::sync::Arc<jsonschema::Validator<MeteredJson>>, String> {
        self.compiled
            .get_or_init(|| {
                jsonschema::options_for::<MeteredJson>()
                    .with_draft(jsonschema::Draft::Draft202012)
                    .with_pattern_options(
                        jsonschema::PatternOptions::fancy_regex()
                            .size_limit(PATTERN_SIZE)
                            .backtrack_limit(MAX_BACKTRACKS),
                    )
                    .build(&self.document)
                    .map(std::sync::Arc::new)
                    .map_err(|error| format!("the schema cannot be used: {error}"))
            })
            .clone()
    }
}

impl fmt::Debug for NestedSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.document, f)
    }
}

impl PartialEq for NestedSchema {
    fn eq(&self, other: &Self) -> bool {
        self.document == other.document
    }
}

/// Words a mistake and its place.
fn text(error: &jsonschema::ValidationError<'_>, quiet: bool) -> String {
    let place = error.instance_path().as_str();
    let mut text = Cut(if place.is_empty() { String::new() } else { format!("{place}: ") });
    // What does not fit is cut.
    let _cut: fmt::Result = if quiet { text.write_str(&quiet_text(error)) } else { write!(text, "{error}") };
    text.0
}

/// A text of at most [`MAX_TEXT`] bytes.
struct Cut(String);

impl fmt::Write for Cut {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let Some(room) = MAX_TEXT.checked_sub(self.0.len()) else { return Err(fmt::Error) };
        if more.len() <= room {
            self.0.push_str(more);
            return Ok(());
        }
        self.0.push_str(&more[..more.floor_char_boundary(room)]);
        self.0.push_str("...");
        Err(fmt::Error)
    }
}

/// The error without the value, and without names that the schema does not know.
fn quiet_text(error: &jsonschema::ValidationError<'_>) -> String {
    use jsonschema::error::ValidationErrorKind as Kind;
    match error.kind() {
        Kind::AdditionalProperties { .. } | Kind::UnevaluatedProperties { .. } | Kind::PropertyNames { .. } => {
            "a property is not allowed here".to_owned()
        }
        _ => error.masked().to_string(),
    }
}
