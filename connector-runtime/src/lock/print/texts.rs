//! The texts for people, which a lock has as a hash.

use super::super::out::Out;
use super::fields::{is_element, is_plain, literal};
use crate::descriptor::FieldSpec;

/// Hashes what forms show, in source order, so that another order counts as another text.
pub(super) const fn field_texts(hash: &mut Out<'_>, specs: &[FieldSpec], nested: bool) {
    let mut at = 0;
    while at < specs.len() {
        let spec = &specs[at];
        if is_element(spec) && is_plain(spec) {
            at += 1;
            continue;
        }
        hash.str(spec.name);
        hash.str("\0");
        hash.str(spec.description);
        let texts = [spec.label, spec.placeholder];
        let mut text = 0;
        while text < texts.len() {
            hash.str("\0");
            if let Some(text) = texts[text] {
                hash.str(text);
            }
            text += 1;
        }
        if let Some(example) = spec.example {
            literal(hash, example);
        }
        let mut choice = 0;
        while choice < spec.ty.choices.len() {
            hash.str("\0");
            hash.str(spec.ty.choices[choice].label);
            if nested {
                hash.str(spec.ty.choices[choice].description);
            }
            choice += 1;
        }
        field_texts(hash, spec.ty.fields, true);
        at += 1;
    }
}
