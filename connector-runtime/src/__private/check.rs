//! Checks that need types, run by const evaluation: a wrong definition does not compile, and the
//! panic's text stands under the token that the macro gave the call.

use crate::descriptor::{Descriptor, Literal, Outputs, TypeSpec};
use crate::schema::FieldKind;

/// Checks a default against the type of its field and the bounds beside it.
pub const fn default(ty: &TypeSpec, value: Literal, minimum: Option<Literal>, maximum: Option<Literal>) {
    if ty.nullable {
        panic!("a default on an Option: drop the Option, or the default");
    }
    if ty.secret {
        panic!("a secret takes no default: it would stand in the source code");
    }
    match (ty.kind, value) {
        (FieldKind::String | FieldKind::Date, Literal::Str(_)) | (FieldKind::Boolean, Literal::Bool(_)) => {}
        (FieldKind::Number, Literal::Int(_) | Literal::Float(_)) => default_number(ty, value, minimum, maximum),
        (FieldKind::Select, Literal::Str(text)) => default_choice(ty, text),
        (FieldKind::String, _) => panic!("the default of this field is a text in quotes"),
        (FieldKind::Date, _) => panic!("the default of a date is an RFC 3339 text in quotes"),
        (FieldKind::Number, _) => panic!("the default of this field is a number"),
        (FieldKind::Boolean, _) => panic!("the default of this field is `true` or `false`"),
        (FieldKind::Select, _) => panic!("the default of a select is the wire name of a value, in quotes"),
        (FieldKind::Raw | FieldKind::Array | FieldKind::Object, _) => {
            panic!("lists, objects and raw JSON take no default: make the field an Option")
        }
    }
}

const fn default_number(ty: &TypeSpec, value: Literal, minimum: Option<Literal>, maximum: Option<Literal>) {
    if ty.integer && matches!(value, Literal::Float(_)) {
        panic!("the default of this field is a whole number");
    }
    let number = number(value);
    if below(number, minimum) {
        panic!("the default is below `min`");
    }
    if above(number, maximum) {
        panic!("the default is above `max`");
    }
    if below(number, ty.minimum) || above(number, ty.maximum) {
        panic!("the default does not fit the type of the field");
    }
}

const fn default_choice(ty: &TypeSpec, text: &str) {
    let mut index = 0;
    while index < ty.choices.len() {
        if same(ty.choices[index].value, text) {
            return;
        }
        index += 1;
    }
    panic!("the default is no value of this select: write the wire name of a variant, such as \"on_hold\"");
}

/// Checks a bound against the type of its field.
pub const fn bound(ty: &TypeSpec, value: Literal) {
    if !matches!(ty.kind, FieldKind::Number) {
        panic!("only a number has bounds");
    }
    let number = number(value);
    if below(number, ty.minimum) || above(number, ty.maximum) {
        panic!("the bound does not fit the type of the field");
    }
    if ty.integer && matches!(value, Literal::Float(_)) {
        panic!("the bound of a whole number is a whole number");
    }
}

/// Checks that a length or a pattern stands on a text.
pub const fn text(ty: &TypeSpec) {
    if !matches!(ty.kind, FieldKind::String) {
        panic!("only a text has a length and a pattern");
    }
}

/// Checks that named outputs stand beside a free-form payload.
pub const fn outputs(returned: &Outputs) {
    if returned.typed {
        panic!("`outputs` beside a typed payload: the fields of the payload are the outputs already");
    }
}

/// Checks that the default command is a command.
pub const fn default_command(descriptor: &'static Descriptor) -> &'static Descriptor {
    if let Some(name) = descriptor.default_command {
        let mut index = 0;
        while index < descriptor.commands.len() {
            if same(descriptor.commands[index].name, name) {
                return descriptor;
            }
            index += 1;
        }
        panic!("the default command is no command of this connector: write the wire name, such as \"listWidgets\"");
    }
    descriptor
}

#[expect(clippy::cast_precision_loss, reason = "only compared; bounds beyond 2^53 are met by the type itself")]
const fn number(value: Literal) -> f64 {
    match value {
        Literal::Int(value) => value as f64,
        Literal::Float(value) => value,
        Literal::Bool(_) | Literal::Str(_) => 0.0,
    }
}

const fn below(value: f64, bound: Option<Literal>) -> bool {
    match bound {
        Some(bound) => value < number(bound),
        None => false,
    }
}

const fn above(value: f64, bound: Option<Literal>) -> bool {
    match bound {
        Some(bound) => value > number(bound),
        None => false,
    }
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
