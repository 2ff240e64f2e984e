//! Structs that are nested in values: payloads and objects.

use proc_macro2::Span;
use syn::{Attribute, Fields, GenericArgument, Ident, ItemStruct, Path, PathArguments, Type};

use super::field::{Field, Place, check_unique};
use crate::args::{CrateArgs, OutputArgs, read_attributes};
use crate::diag::{self, Diagnostics};
use crate::{docs, names};

/// What a struct becomes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Payload,
    Object,
}

/// A payload or an object.
pub(crate) struct Data {
    pub(crate) kind: Kind,
    pub(crate) krate: Path,
    pub(crate) ident: Ident,
    pub(crate) fields: Vec<DataField>,
}

/// A field of a payload or an object.
pub(crate) struct DataField {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) wire: String,
    wire_span: Span,
    /// The attributes of an object's field; a payload's field has none.
    pub(crate) param: Option<Field>,
    /// Whether the wire name differs from the one that serde would write.
    pub(crate) renamed: bool,
}

impl Data {
    /// Returns whether a field is a secret, as far as its type says so; only an object's may.
    pub(crate) fn has_secret(&self) -> bool {
        self.fields.iter().any(|field| mentions(&field.ty, "Secret"))
    }

    /// Checks a struct; `None` if a mistake was reported.
    pub(crate) fn read(kind: Kind, args: CrateArgs, item: &ItemStruct, diag: &mut Diagnostics) -> Option<Self> {
        refuse_renaming(&item.attrs, diag);
        let what = if kind == Kind::Payload { "payload" } else { "object" };
        if docs::text(&item.attrs).is_empty() {
            diag.at(&item.ident, diag::undocumented(what, &item.ident.to_string()));
        }
        if !item.generics.params.is_empty() {
            diag.at(&item.generics, diag::NO_GENERICS);
        }
        if !matches!(item.fields, Fields::Named(_)) {
            diag.at(&item.ident, diag::NOT_NAMED_FIELDS);
        }
        let mut fields = Vec::new();
        for field in &item.fields {
            let Some(ident) = &field.ident else { continue };
            refuse_renaming(&field.attrs, diag);
            fields.push(match kind {
                Kind::Payload => output(ident, &field.ty, &field.attrs, diag),
                Kind::Object => param(ident, &field.ty, &field.attrs, diag),
            });
        }
        check_unique(fields.iter().filter_map(|field| field.param.as_ref()), "fields", diag);
        if kind == Kind::Payload {
            check_outputs(&fields, diag);
        }
        let krate = super::runtime(args.krate);
        diag.is_empty().then(|| Self { kind, krate, ident: item.ident.clone(), fields })
    }
}

fn output(ident: &Ident, ty: &Type, attributes: &[Attribute], diag: &mut Diagnostics) -> DataField {
    let args: OutputArgs = read_attributes(attributes, "output", diag);
    if docs::text(attributes).is_empty() {
        diag.at(ident, diag::undocumented("field", &ident.to_string()));
    }
    for attribute in attributes.iter().filter(|attribute| Field::owns(attribute)) {
        diag.at(attribute.path(), diag::PARAM_ON_OUTPUT);
    }
    if mentions(ty, "Secret") {
        diag.at(ty, diag::SECRET_IN_PAYLOAD);
    }
    let wire = args.name.as_ref().map_or_else(|| names::camel(ident), |name| name.0.value());
    let wire_span = args.name.as_ref().map_or_else(|| ident.span(), |name| name.0.span());
    if !names::is_wire_name(&wire) {
        diag.span(wire_span, diag::bad_wire_name(&wire));
    }
    let renamed = wire != names::serde_camel(ident);
    DataField { ident: ident.clone(), ty: ty.clone(), wire, wire_span, param: None, renamed }
}

fn param(ident: &Ident, ty: &Type, attributes: &[Attribute], diag: &mut Diagnostics) -> DataField {
    let field = Field::read(ident, ty, attributes, Place::Object, diag);
    let renamed = field.wire != names::serde_camel(ident);
    DataField {
        ident: ident.clone(),
        ty: ty.clone(),
        wire: field.wire.clone(),
        wire_span: field.wire_span,
        renamed,
        param: Some(field),
    }
}

fn check_outputs(fields: &[DataField], diag: &mut Diagnostics) {
    for (index, field) in fields.iter().enumerate() {
        if fields[..index].iter().any(|other| other.wire == field.wire) {
            diag.span(field.wire_span, diag::duplicate_wire_name("outputs", &field.wire));
        }
    }
}

/// Returns whether a type of this name is the type or inside it, as in `Option<Vec<Secret>>`.
pub(crate) fn mentions(ty: &Type, name: &str) -> bool {
    match ty {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| {
            let inside = match &last.arguments {
                PathArguments::AngleBracketed(list) => list.args.iter().any(|argument| match argument {
                    GenericArgument::Type(ty) => mentions(ty, name),
                    _ => false,
                }),
                _ => false,
            };
            inside || last.ident == name
        }),
        Type::Reference(reference) => mentions(&reference.elem, name),
        Type::Array(array) => mentions(&array.elem, name),
        Type::Slice(slice) => mentions(&slice.elem, name),
        Type::Group(group) => mentions(&group.elem, name),
        Type::Paren(paren) => mentions(&paren.elem, name),
        Type::Tuple(tuple) => tuple.elems.iter().any(|ty| mentions(ty, name)),
        _ => false,
    }
}

/// `#[serde(rename)]` and similar would make the names on the wire differ from the described ones.
fn refuse_renaming(attributes: &[Attribute], diag: &mut Diagnostics) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        // Attributes that serde itself does not understand are left for serde to report.
        let _unread = attribute.parse_nested_meta(|meta| {
            if ["rename", "rename_all", "flatten", "skip", "skip_serializing", "tag", "untagged", "transparent"]
                .iter()
                .any(|key| meta.path.is_ident(key))
            {
                diag.at(&meta.path, diag::SERDE_ON_FIELD);
            }
            if meta.input.peek(syn::Token![=]) {
                meta.value()?.parse::<syn::Expr>()?;
            } else if meta.input.peek(syn::token::Paren) {
                let inner;
                syn::parenthesized!(inner in meta.input);
                inner.parse::<proc_macro2::TokenStream>()?;
            }
            Ok(())
        });
    }
}
