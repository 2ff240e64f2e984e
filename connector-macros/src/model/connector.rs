//! The model of a connector struct.

use proc_macro2::Span;
use syn::{Fields, Ident, ItemStruct, LitStr, Path};

use super::field::{Field, Place, check_unique};
use crate::args::{ConnectorArgs, ConnectorName, EgressArg, LockArg};
use crate::diag::{self, Diagnostics};
use crate::docs;

/// A connector struct: the arguments of the attribute, and the fields.
pub(crate) struct Connector {
    pub(crate) krate: Path,
    pub(crate) ident: Ident,
    pub(crate) name: LitStr,
    pub(crate) version: LitStr,
    pub(crate) docs: String,
    pub(crate) category: Option<LitStr>,
    pub(crate) tags: Vec<LitStr>,
    pub(crate) default_command: Option<LitStr>,
    pub(crate) legacy_commandless_ui: bool,
    pub(crate) egress: Egress,
    pub(crate) errors: Option<Path>,
    pub(crate) lock: LockArg,
    pub(crate) fields: Vec<Field>,
}

/// Where requests that carry secrets may go.
pub(crate) enum Egress {
    /// Not given: decided once the types of the fields are known.
    Inferred,
    Anywhere,
    /// Indexes of fields in [`Connector::fields`], each with the span that named it.
    Fields(Vec<(usize, Span)>),
}

impl Egress {
    fn read(arg: Option<EgressArg>, fields: &[Field], diag: &mut Diagnostics) -> Self {
        let Some(EgressArg { names, listed }) = arg else { return Self::Inferred };
        let find = |name: &Ident| fields.iter().position(|field| field.ident == *name);
        let mut places: Vec<(usize, Span)> = Vec::new();
        for name in &names {
            match find(name) {
                // A field of that name takes precedence, because the narrower meaning must not be lost.
                None if !listed && name == "anywhere" => return Self::Anywhere,
                None if name == "anywhere" => diag.at(name, diag::ANYWHERE_IN_LIST),
                None => {
                    let known: Vec<String> = fields.iter().map(|field| field.ident.to_string()).collect();
                    diag.at(name, diag::no_egress_field(name, &known));
                }
                Some(place) if places.iter().any(|(known, _)| *known == place) => {
                    diag.at(name, diag::egress_twice(name));
                }
                Some(place) => places.push((place, name.span())),
            }
        }
        Self::Fields(places)
    }
}

impl Connector {
    /// Checks a struct; `None` if a mistake was reported.
    pub(crate) fn read(args: ConnectorArgs, item: &ItemStruct, diag: &mut Diagnostics) -> Option<Self> {
        let docs = docs::text(&item.attrs);
        if docs.is_empty() {
            diag.at(&item.ident, diag::undocumented("connector", &item.ident.to_string()));
        }
        if !item.generics.params.is_empty() {
            diag.at(&item.generics, diag::NO_GENERICS);
        }
        if let Fields::Unnamed(fields) = &item.fields {
            diag.at(fields, diag::TUPLE_STRUCT);
        }
        let fields: Vec<Field> = item
            .fields
            .iter()
            .filter_map(|field| {
                Some(Field::read(field.ident.as_ref()?, &field.ty, &field.attrs, Place::Connection, diag))
            })
            .collect();
        check_unique(&fields, "fields", diag);
        let reserved = |name: &ConnectorName| matches!(name.0.value().as_str(), "http" | "delay");
        if args.legacy_commandless_ui.is_present() && args.name.as_ref().is_some_and(|name| !reserved(name)) {
            diag.span(args.legacy_commandless_ui.span(), diag::LEGACY_UI);
        }
        let egress = Egress::read(args.egress, &fields, diag);
        let (name, version) = (args.name?.0, args.version?.0);
        diag.is_empty().then(|| Self {
            krate: super::runtime(args.krate),
            ident: item.ident.clone(),
            name,
            version,
            docs,
            category: args.category.map(|text| text.0),
            tags: args.tags.0,
            default_command: args.default_command.map(|text| text.0),
            legacy_commandless_ui: args.legacy_commandless_ui.is_present(),
            egress,
            errors: args.errors.map(|path| path.0),
            lock: args.lock.unwrap_or(LockArg::Crate),
            fields,
        })
    }
}
