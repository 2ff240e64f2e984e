//! An enum whose variants are the values of a select.

use syn::{Data, DeriveInput, Fields, Ident, Path};

use crate::args::{SelectArgs, read_attributes};
use crate::diag::{self, Diagnostics};
use crate::{docs, names};

/// A select.
pub(crate) struct Select {
    pub(crate) krate: Path,
    pub(crate) ident: Ident,
    pub(crate) variants: Vec<Variant>,
}

/// One value of a select.
pub(crate) struct Variant {
    pub(crate) ident: Ident,
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) docs: String,
}

impl Select {
    /// Checks an enum; `None` if a mistake was reported.
    pub(crate) fn read(krate: &Path, item: &DeriveInput, diag: &mut Diagnostics) -> Option<Self> {
        if docs::text(&item.attrs).is_empty() {
            diag.at(&item.ident, diag::undocumented("select", &item.ident.to_string()));
        }
        if !item.generics.params.is_empty() {
            diag.at(&item.generics, diag::NO_GENERICS);
        }
        let Data::Enum(data) = &item.data else {
            diag.at(&item.ident, diag::NOT_A_SELECT);
            return None;
        };
        if data.variants.is_empty() {
            diag.at(&item.ident, diag::SELECT_EMPTY);
        }
        let mut variants: Vec<Variant> = Vec::new();
        for variant in &data.variants {
            let args: SelectArgs = read_attributes(&variant.attrs, "select", diag);
            let docs = docs::text(&variant.attrs);
            if docs.is_empty() {
                diag.at(&variant.ident, diag::undocumented("variant", &variant.ident.to_string()));
            }
            if !matches!(variant.fields, Fields::Unit) {
                diag.at(&variant.fields, diag::SELECT_VARIANT);
            }
            let value = args.name.as_ref().map_or_else(|| names::snake(&variant.ident), |name| name.0.value());
            if variants.iter().any(|known| known.value == value) {
                let span = args.name.as_ref().map_or_else(|| variant.ident.span(), |name| name.0.span());
                diag.span(span, diag::duplicate_wire_name("values", &value));
            }
            let label = args.label.map_or_else(|| names::label(&variant.ident), |label| label.0.value());
            variants.push(Variant { ident: variant.ident.clone(), value, label, docs });
        }
        diag.is_empty().then(|| Self { krate: krate.clone(), ident: item.ident.clone(), variants })
    }
}
