//! Checks that evidently pass, by the names of the types alone. A check of its own costs the compiler far more than a
//! line in a common one, so only what may be wrong gets one. A name may be that of another type: the common check looks
//! at the types all the same.

use syn::{GenericArgument, PathArguments, Type};

use crate::args::{Constant, Value};
use crate::model::Field;

/// Returns whether the constants of a field evidently fit its type.
pub(super) fn evidently_fits(field: &Field) -> bool {
    let Some((name, optional)) = known_name(&field.ty) else { return false };
    let Field { default, min, max, min_length, max_length, pattern, example, destination, .. } = field;
    if optional && default.is_some() {
        return false;
    }
    let is_text = min_length.is_some() || max_length.is_some() || pattern.is_some() || destination.is_some();
    let is_number = min.is_some() || max.is_some();
    let all = |fits: fn(&Value) -> bool| [default, example].into_iter().flatten().all(|constant| fits(&constant.value));
    match name.as_str() {
        "String" => !is_number && all(|value| matches!(value, Value::Str(_))),
        "Secret" => !is_number && default.is_none() && all(|value| matches!(value, Value::Str(_))),
        "bool" => !is_number && !is_text && all(|value| matches!(value, Value::Bool(_))),
        name => range(name).is_some_and(|range| !is_text && in_range(field, range)),
    }
}

/// Returns the smallest and the largest number of a type of whole numbers.
fn range(name: &str) -> Option<(i64, i64)> {
    Some(match name {
        "u8" => (0, i64::from(u8::MAX)),
        "u16" => (0, i64::from(u16::MAX)),
        "u32" => (0, i64::from(u32::MAX)),
        "u64" | "usize" => (0, i64::MAX),
        "i8" => (i64::from(i8::MIN), i64::from(i8::MAX)),
        "i16" => (i64::from(i16::MIN), i64::from(i16::MAX)),
        "i32" => (i64::from(i32::MIN), i64::from(i32::MAX)),
        "i64" | "isize" => (i64::MIN, i64::MAX),
        _ => return None,
    })
}

/// Returns whether all constants are whole numbers that a type holds, and the default is within the bounds.
fn in_range(field: &Field, (least, most): (i64, i64)) -> bool {
    let whole = |constant: &Option<Constant>, or: i64| match constant.as_ref().map(|constant| &constant.value) {
        None => Some(or),
        Some(Value::Int(value)) if (least..=most).contains(value) => Some(*value),
        Some(_) => None,
    };
    let (Some(min), Some(max)) = (whole(&field.min, least), whole(&field.max, most)) else { return false };
    let default = whole(&field.default, min).is_some_and(|value| (min..=max).contains(&value));
    default && whole(&field.example, min).is_some()
}

/// The name of a type, or of what is inside an `Option`, and whether it is in one.
fn known_name(ty: &Type) -> Option<(String, bool)> {
    let Type::Path(path) = ty else { return None };
    let segment = path.path.get_ident().map(ToString::to_string);
    if let Some(name) = segment {
        return Some((name, false));
    }
    let last = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match (path.path.segments.len(), arguments.args.first()) {
        (1, Some(GenericArgument::Type(inner))) if last.ident == "Option" && arguments.args.len() == 1 => {
            known_name(inner).filter(|(_, optional)| !optional).map(|(name, _)| (name, true))
        }
        _ => None,
    }
}
