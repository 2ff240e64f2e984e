//! The texts for people, which a lock has as a hash.

use super::super::out::Out;
use super::fields::{is_element, is_plain, literal};
use crate::descriptor::FieldSpec;

/// Hashes what forms show, in source order, so that another order counts as another text.
pub(super) const fn field_texts(hash: &mut Out<'_>, specs: &[FieldSpec], nested: bool) {
    let mut specs = specs;
    while let [spec, more @ ..] = specs {
        specs = more;
        if is_element(spec) && is_plain(spec) {
            continue;
        }
        hash.str(spec.name);
        hash.bytes(b"\0");
        hash.str(spec.description);
        if let (None, None) = (spec.label, spec.placeholder) {
            hash.bytes(b"\0\0");
        } else {
            text(hash, spec.label);
            text(hash, spec.placeholder);
        }
        if let Some(example) = spec.example {
            literal(hash, example);
        }
        let mut choices = spec.ty.choices;
        while let [choice, others @ ..] = choices {
            hash.bytes(b"\0");
            hash.str(choice.label);
            if nested {
                hash.str(choice.description);
            }
            choices = others;
        }
        if let [_, ..] = spec.ty.fields {
            field_texts(hash, spec.ty.fields, true);
        }
    }
}

const fn text(hash: &mut Out<'_>, text: Option<&str>) {
    hash.bytes(b"\0");
    if let Some(text) = text {
        hash.str(text);
    }
}
