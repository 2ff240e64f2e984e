//! Checks that need types, run by const evaluation: a wrong definition does not compile, and the
//! panic's text is shown under the token that the macro gave the call: each is `#[track_caller]`, as the compiler leaves
//! such functions out of its trace.

mod default;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::descriptor::{Descriptor, FieldSpec, Literal, Outputs, TypeSpec};
use crate::lock::LockVerdict;
use crate::schema::FieldKind;

pub use default::default;

/// Checks all constants of a field against its type.
#[track_caller]
pub const fn field(fields: &[FieldSpec], place: usize) {
    let spec = &fields[place];
    let ty = &spec.ty;
    if let Some(value) = spec.default {
        default(ty, value, spec.minimum, spec.maximum);
    }
    if let Some(value) = spec.minimum {
        bound(ty, value);
    }
    if let Some(value) = spec.maximum {
        bound(ty, value);
    }
    if spec.min_length.is_some() || spec.max_length.is_some() || spec.pattern.is_some() {
        text(ty);
    }
    if let Some(value) = spec.example {
        example(ty, value);
    }
    if spec.destination {
        destination(ty);
    }
}

/// Checks a bound against the type of its field.
#[track_caller]
pub const fn bound(ty: &TypeSpec, value: Literal) {
    if !matches!(ty.kind, FieldKind::Number) {
        panic!("only a number has bounds");
    }
    if !holds(ty, number(value)) {
        panic!("the bound does not fit the type of the field");
    }
    if ty.integer && matches!(value, Literal::Float(_)) {
        panic!("the bound of a whole number is a whole number");
    }
}

/// Checks that a length or a pattern belongs to a text.
#[track_caller]
pub const fn text(ty: &TypeSpec) {
    if !matches!(ty.kind, FieldKind::String) {
        panic!("only a text has a length and a pattern");
    }
}

/// Checks an example against the type of its field.
#[track_caller]
pub const fn example(ty: &TypeSpec, value: Literal) {
    let fits = match ty.kind {
        FieldKind::String | FieldKind::Date | FieldKind::Select => matches!(value, Literal::Str(_)),
        FieldKind::Number => matches!(value, Literal::Int(_) | Literal::Float(_)),
        FieldKind::Boolean => matches!(value, Literal::Bool(_)),
        FieldKind::Array => matches!(value, Literal::Str(_) | Literal::List(_)),
        FieldKind::Object => matches!(value, Literal::Str(_) | Literal::Map(_)),
        FieldKind::Raw => true,
    };
    if !fits {
        panic!("the example is of another type than the field");
    }
}

/// Checks that a destination is a text.
#[track_caller]
pub const fn destination(ty: &TypeSpec) {
    if !matches!(ty.kind, FieldKind::String) {
        panic!("only a text names the place that credentials are sent to");
    }
}

/// Checks that a field names an origin, so that secrets can be kept to it.
#[track_caller]
pub const fn egress(ty: &TypeSpec, destination: bool) {
    if matches!(ty.format, Some(format) if same(format, "uri")) {
        return;
    }
    if destination {
        panic!("a host without scheme and port is not an origin to keep secrets to: make the field a `Url`");
    }
    panic!("secrets can be kept to the origin of a `Url` or an `Option<Url>` alone");
}

/// What a field of a payload may be: written and read by serde, and described by a schema.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be in a payload",
    label = "no schema describes this type",
    note = "put #[payload] or #[object] above the struct, or #[derive(Select)] above the enum; `Value` takes any JSON"
)]
pub trait InPayload {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + JsonSchema> InPayload for T {}

/// Checks that a type may be in a payload.
pub const fn in_payload<T: InPayload>() {}

/// What a field of an object may be: read by serde, and described by a schema.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be in an object",
    label = "no schema describes this type",
    note = "put #[object] above the struct, or #[derive(Select)] above the enum; `Value` takes any JSON"
)]
pub trait InObject {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + JsonSchema> InObject for T {}

/// Checks that a type may be in an object.
pub const fn in_object<T: InObject>() {}

/// Checks that outputs are named only for a free-form payload.
#[track_caller]
pub const fn outputs(returned: &Outputs) {
    if returned.typed {
        panic!("`outputs` beside a typed payload: the fields of the payload are the outputs already");
    }
}

/// Checks that a variable is no secret, and that none is inside it.
#[track_caller]
pub const fn variable(ty: &TypeSpec) {
    if holds_secret(ty) {
        panic!(
            "a variable is no secret: later steps of the run may read it, and it reaches the caller as it is; leave it out"
        );
    }
}

const fn holds_secret(ty: &TypeSpec) -> bool {
    let mut at = 0;
    while at < ty.fields.len() {
        if holds_secret(&ty.fields[at].ty) {
            return true;
        }
        at += 1;
    }
    ty.secret
}

/// Checks that the default command is a command.
#[track_caller]
pub const fn default_command(descriptor: &Descriptor) {
    if let Some(name) = descriptor.default_command {
        let mut index = 0;
        while index < descriptor.commands.len() {
            if same(descriptor.commands[index].name, name) {
                return;
            }
            index += 1;
        }
        panic!("the default command is not a command of this connector: write the wire name, such as \"listWidgets\"");
    }
}

/// Reports that a connector has no lock, unless the check is off.
#[track_caller]
pub const fn missing_lock(mode: Option<&str>, text: &str) {
    match mode {
        Some(mode) if is_off(mode) => {}
        _ => panic!("{}", text),
    }
}

const fn is_off(mode: &str) -> bool {
    same(mode, "off") || same(mode, "warn")
}

/// Checks that what the lock has did not change without the version that this needs.
#[track_caller]
pub const fn locked(verdict: &LockVerdict) {
    if let LockVerdict::Changed(report) = verdict {
        panic!("{}", report.as_str());
    }
}

/// Checks that a command, or a field of it, is not the first addition that the version does not cover.
/// Without a command, the field is the connection's; without a field, the outputs and the variables count.
#[track_caller]
pub const fn added(verdict: &LockVerdict, command: &str, field: &str) {
    if let LockVerdict::Added(report) = verdict
        && report.is_about(command, field)
    {
        panic!("{}", report.as_str());
    }
}

#[expect(clippy::cast_precision_loss, reason = "only compared; bounds beyond 2^53 are met by the type itself")]
const fn number(value: Literal) -> f64 {
    match value {
        Literal::Int(value) => value as f64,
        Literal::Float(value) => value,
        _ => 0.0,
    }
}

const fn holds(ty: &TypeSpec, value: f64) -> bool {
    ty.holds.0 <= value && value <= ty.holds.1
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}
