//! What is shown of a kept import: enough to choose, and never more than a model can read.

use connector_runtime::schema::Field;
use floh_client::answers::{ConnectorDraft, OperationView, Verdict, Warning};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::plain_text::plain;

/// The maximum number of operations that are shown.
pub const MAX_SHOWN_OPERATIONS: usize = 100;
/// The maximum number of connection fields that are shown.
pub const MAX_SHOWN_FIELDS: usize = 50;
/// The maximum number of warnings that are shown.
pub const MAX_SHOWN_WARNINGS: usize = 20;
/// The maximum number of bytes of the answer as JSON. A tool answers it twice, as JSON and as the text of that JSON, and both
/// have 64 KiB together.
pub const MAX_ANSWER_BYTES: usize = 28 << 10;

/// The numbers of characters that texts are cut to, one after the other, until the answer is small enough.
const TEXT_CHARS: [usize; 4] = [160, 80, 40, 0];
/// The fewest characters of a warning.
const MIN_WARNING_CHARS: usize = 60;
const MAX_NAME_CHARS: usize = 128;
const MAX_PATH_CHARS: usize = 160;
const MAX_VERSION_CHARS: usize = 64;

/// A kept import, as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptImport {
    /// Names the draft.
    pub draft: Uuid,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The connector's name.
    pub name: String,
    /// The type's version.
    pub version: String,
    /// What the connection needs.
    pub connection_fields: Vec<ShownField>,
    /// The first of its operations.
    pub operations: Vec<KeptOperation>,
    /// How many there are.
    pub totals: KeptTotals,
    /// The first of its warnings, and what is not shown here.
    pub warnings: Vec<Warning>,
}

/// A connection field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownField {
    /// Its name.
    pub name: String,
    /// Whether it is a credential.
    pub secret: bool,
    /// Whether calls need it.
    pub required: bool,
    /// What it is for.
    pub description: Option<String>,
}

/// An operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptOperation {
    /// The command.
    pub name: String,
    /// The method.
    pub method: String,
    /// The path template.
    pub path: String,
    /// What it does.
    pub summary: Option<String>,
    /// Whether the document calls it deprecated.
    pub deprecated: bool,
    /// How exactly the command represents it.
    pub verdict: Verdict,
}

/// How many operations there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct KeptTotals {
    /// All of them.
    pub operations: usize,
    /// Those that are imported completely.
    pub exact: usize,
    /// Those that can be called and differ in something.
    pub degraded: usize,
    /// Those of which every call fails.
    pub refused: usize,
}

/// Shows a draft: first texts become shorter, then there are fewer operations.
pub(super) fn of(draft: Uuid, expires_at: Timestamp, of: &ConnectorDraft) -> KeptImport {
    let mut shown = KeptImport {
        draft,
        expires_at,
        name: of.name.clone(),
        version: plain(&of.version, MAX_VERSION_CHARS),
        connection_fields: Vec::new(),
        operations: Vec::new(),
        totals: totals(&of.operations),
        warnings: Vec::new(),
    };
    let mut count = of.operations.len().min(MAX_SHOWN_OPERATIONS);
    let (mut chars, mut shorter) = (TEXT_CHARS[0], TEXT_CHARS[1..].iter());
    loop {
        shown.connection_fields = fields(of, chars);
        shown.operations = of.operations[..count].iter().map(|it| operation(it, chars)).collect();
        shown.warnings = warnings(of, &shown, chars.max(MIN_WARNING_CHARS));
        if serde_json::to_vec(&shown).map_or(0, |text| text.len()) <= MAX_ANSWER_BYTES || count == 0 {
            return shown;
        }
        match shorter.next() {
            Some(fewer) => chars = *fewer,
            None => count = count * 3 / 4,
        }
    }
}

fn fields(of: &ConnectorDraft, chars: usize) -> Vec<ShownField> {
    let field = |(name, field): (&String, &Field)| ShownField {
        name: plain(name, MAX_NAME_CHARS),
        secret: field.secret,
        required: field.required,
        description: text(field.description.as_deref(), chars),
    };
    of.config_schema.connection.iter().take(MAX_SHOWN_FIELDS).map(field).collect()
}

fn operation(of: &OperationView, chars: usize) -> KeptOperation {
    KeptOperation {
        name: plain(&of.name, MAX_NAME_CHARS),
        method: plain(&of.method, MAX_VERSION_CHARS),
        path: plain(&of.path, MAX_PATH_CHARS),
        summary: text(of.summary.as_deref(), chars),
        deprecated: of.deprecated,
        verdict: of.verdict,
    }
}

fn text(of: Option<&str>, chars: usize) -> Option<String> {
    of.map(|text| plain(text, chars)).filter(|text| !text.is_empty())
}

fn totals(operations: &[OperationView]) -> KeptTotals {
    let count = |verdict| operations.iter().filter(|operation| operation.verdict == verdict).count();
    KeptTotals {
        operations: operations.len(),
        exact: count(Verdict::Exact),
        degraded: count(Verdict::Degraded),
        refused: count(Verdict::Refused),
    }
}

/// Returns the first warnings, and one more that says what is not shown: a part is never shown as the whole.
fn warnings(of: &ConnectorDraft, shown: &KeptImport, chars: usize) -> Vec<Warning> {
    let mut left = Vec::new();
    let mut note = |all: usize, what: &str, is_shown: usize| {
        if all > is_shown {
            left.push(format!("{} of {all} {what}", all - is_shown));
        }
    };
    note(of.operations.len(), "operations", shown.operations.len());
    note(of.config_schema.connection.len(), "connection fields", shown.connection_fields.len());
    let all = of.warnings.len();
    let is_whole = left.is_empty() && all <= MAX_SHOWN_WARNINGS;
    let room = if is_whole { MAX_SHOWN_WARNINGS } else { MAX_SHOWN_WARNINGS - 1 };
    let mut warnings: Vec<Warning> = of.warnings.iter().take(room).map(|it| warning(it, chars)).collect();
    if all > warnings.len() {
        left.push(format!("{} of {all} warnings", all - warnings.len()));
    }
    if !left.is_empty() {
        let message = format!("not shown here, but in the draft: {}", left.join(", "));
        warnings.push(Warning { code: "left_out".into(), pointer: String::new(), message });
    }
    warnings
}

fn warning(of: &Warning, chars: usize) -> Warning {
    Warning { code: of.code.clone(), pointer: plain(&of.pointer, chars), message: plain(&of.message, chars) }
}
