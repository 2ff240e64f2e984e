//! The model of the impl block of a connector: its commands.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{
    Attribute, FnArg, Ident, ImplItem, ImplItemFn, ItemImpl, Pat, Path, ReceiverKind, ReturnType, Safety, Type,
    Visibility,
};

use super::field::{Field, Place, check_unique};
use crate::args::{CommandArgs, CrateArgs, Names, TimeoutArg, Variables, read_attributes};
use crate::diag::{self, Diagnostics};
use crate::{docs, names};

/// The commands of a connector.
pub(crate) struct Commands {
    pub(crate) krate: Path,
    pub(crate) ty: Type,
    pub(crate) commands: Vec<Command>,
    /// Whether the block is for a plain type, so that a dummy can replace an invalid one.
    pub(crate) plain: bool,
}

/// One command: a method with its params.
pub(crate) struct Command {
    pub(crate) method: Ident,
    pub(crate) vis: Visibility,
    pub(crate) params_ident: Ident,
    pub(crate) wire: String,
    pub(crate) wire_span: Span,
    pub(crate) docs: String,
    pub(crate) is_async: bool,
    pub(crate) returns: Type,
    pub(crate) inputs: Vec<Input>,
    pub(crate) effect: Option<&'static str>,
    pub(crate) idempotent: bool,
    pub(crate) since: Option<String>,
    pub(crate) deprecated: Option<String>,
    pub(crate) timeout: Option<TimeoutArg>,
    pub(crate) outputs: Option<Names>,
    /// `None` if the command does not declare its variables.
    pub(crate) variables: Option<Vec<Field>>,
    pub(crate) mocks: Vec<(String, Path)>,
}

/// What a handler takes after `&self`, in order.
pub(crate) enum Input {
    Context,
    Param(Box<Field>),
}

impl Command {
    pub(crate) fn params(&self) -> impl Iterator<Item = &Field> {
        self.inputs.iter().filter_map(|input| match input {
            Input::Param(field) => Some(&**field),
            Input::Context => None,
        })
    }
}

impl Commands {
    /// Checks an impl block. The readable parts are returned even if mistakes were reported, so that the params structs
    /// still exist for code that names them.
    pub(crate) fn read(args: darling::Result<CrateArgs>, item: &ItemImpl, diag: &mut Diagnostics) -> Self {
        let args = match args {
            Ok(args) => args,
            Err(error) => {
                for error in error.flatten() {
                    let stray = diag::is_unknown_key(&error);
                    diag.span(error.span(), if stray { diag::NO_IMPL_ARGS.to_owned() } else { error.to_string() });
                }
                CrateArgs::default()
            }
        };
        if let Some((path, _)) = &item.trait_ {
            diag.at(path, diag::TRAIT_IMPL);
        }
        if !item.generics.params.is_empty() {
            diag.at(&item.generics, diag::NO_GENERICS);
        }
        let mut commands = Vec::new();
        for member in &item.items {
            match member {
                ImplItem::Macro(call) => diag.at(&call.mac.path, diag::MACRO_IN_IMPL),
                ImplItem::Fn(method) if is_command(&method.attrs) => commands.extend(Command::read(method, diag)),
                ImplItem::Fn(method) if is_forgotten(method) => {
                    diag.at(&method.sig.ident, diag::forgotten_command(&method.sig.ident));
                }
                _ => {}
            }
        }
        if commands.is_empty() && diag.is_empty() {
            diag.at(&item.self_ty, diag::NO_COMMANDS);
        }
        for (index, command) in commands.iter().enumerate() {
            let before = &commands[..index];
            if before.iter().any(|other| other.wire == command.wire) {
                diag.span(command.wire_span, diag::duplicate_wire_name("commands", &command.wire));
            } else if before.iter().any(|other| other.params_ident == command.params_ident) {
                diag.at(&command.method, diag::two_params_structs(&command.params_ident));
            }
        }
        let plain = item.generics.params.is_empty() && (item.trait_.is_none() || !commands.is_empty());
        Self { krate: super::runtime(args.krate), ty: (*item.self_ty).clone(), commands, plain }
    }
}

/// Returns whether a method has `#[command]`, under any path.
pub(crate) fn is_command(attributes: &[Attribute]) -> bool {
    attributes.iter().any(is_command_attribute)
}

/// Returns whether a method without `#[command]` is written like one: it describes its params, or it takes `&self` and
/// returns an outcome.
fn is_forgotten(method: &ImplItemFn) -> bool {
    let described = method.sig.inputs.iter().any(|argument| match argument {
        FnArg::Typed(argument) => argument.attrs.iter().any(|it| Field::owns(it) || docs::is_doc(it)),
        FnArg::Receiver(_) => false,
    });
    let returns_outcome = match &method.sig.output {
        ReturnType::Type(_, ty) => is_named(ty, "Outcome"),
        ReturnType::Default => false,
    };
    described || (returns_outcome && takes_shared_self(method))
}

fn is_named(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == name))
}

pub(crate) fn is_command_attribute(attribute: &Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|segment| segment.ident == "command")
}

impl Command {
    fn read(method: &ImplItemFn, diag: &mut Diagnostics) -> Option<Self> {
        let signature = &method.sig;
        let renamed: Vec<Attribute> =
            method.attrs.iter().filter(|attribute| is_command_attribute(attribute)).cloned().map(plain).collect();
        let args: CommandArgs = read_attributes(&renamed, "command", diag);
        let docs = docs::text(&method.attrs);
        if docs.is_empty() {
            diag.at(&signature.ident, diag::undocumented("command", &signature.ident.to_string()));
        }
        if !signature.generics.params.is_empty() {
            diag.at(&signature.generics, diag::NO_GENERICS);
        }
        if let Safety::Unsafe(token) = &signature.safety {
            diag.at(token, "a command is safe to call");
        }
        if !takes_shared_self(method) {
            diag.at(&signature.ident, diag::NEEDS_SELF);
        }
        let inputs = inputs(method, diag);
        let wire = args.name.as_ref().map_or_else(|| names::camel(&signature.ident), |name| name.0.value());
        let wire_span = args.name.as_ref().map_or_else(|| signature.ident.span(), |name| name.0.span());
        if !names::is_wire_name(&wire) {
            diag.span(wire_span, diag::bad_wire_name(&wire));
        }
        let command = Self {
            params_ident: Ident::new(&format!("{}Params", names::pascal(&signature.ident)), signature.ident.span()),
            method: signature.ident.clone(),
            vis: method.vis.clone(),
            wire,
            wire_span,
            docs,
            is_async: signature.asyncness.is_some(),
            returns: match &signature.output {
                ReturnType::Default => syn::parse_quote!(()),
                ReturnType::Type(_, ty) => (**ty).clone(),
            },
            inputs,
            effect: args.effect.map(|effect| effect.0),
            idempotent: args.idempotent.is_present(),
            since: args.since.map(|version| version.0.value()),
            deprecated: args.deprecated.map(|deprecated| deprecated.0),
            timeout: args.timeout,
            outputs: args.outputs,
            variables: args.variables.map(|Variables(list)| list.into_iter().map(Field::of_variable).collect()),
            mocks: args.mock.0,
        };
        check_unique(command.params(), "params", diag);
        Some(command)
    }
}

/// Returns the same attribute under its plain name, without the path that it was written with.
fn plain(mut attribute: Attribute) -> Attribute {
    let name: Path = syn::parse_quote!(command);
    match &mut attribute.meta {
        syn::Meta::Path(path) => *path = name,
        syn::Meta::List(list) => list.path = name,
        syn::Meta::NameValue(pair) => pair.path = name,
    }
    attribute
}

/// `&str` and `&[T]`; any other reference may be the context under another name.
fn is_borrowed_value(ty: &Type) -> bool {
    matches!(ty, Type::Slice(_)) || matches!(ty, Type::Path(path) if path.path.is_ident("str"))
}

fn takes_shared_self(method: &ImplItemFn) -> bool {
    let Some(FnArg::Receiver(receiver)) = method.sig.inputs.first() else { return false };
    matches!(receiver.kind, ReceiverKind::Reference(_, _, None))
}

fn inputs(method: &ImplItemFn, diag: &mut Diagnostics) -> Vec<Input> {
    let mut inputs = Vec::new();
    for argument in &method.sig.inputs {
        let FnArg::Typed(argument) = argument else { continue };
        if let Type::Reference(reference) = &*argument.ty {
            if is_borrowed_value(&reference.elem) {
                diag.at(reference, diag::BORROWED_PARAM);
                continue;
            }
            if reference.mutability.is_some() {
                diag.at(reference, diag::MUTABLE_CONTEXT);
            }
            if inputs.iter().any(|input| matches!(input, Input::Context)) {
                diag.at(reference, diag::TWO_CONTEXTS);
            }
            if let Some(attribute) =
                argument.attrs.iter().find(|attribute| Field::owns(attribute) || docs::is_doc(attribute))
            {
                diag.span(attribute.span(), diag::CONTEXT_ATTRS);
            }
            inputs.push(Input::Context);
            continue;
        }
        // A param of another type of this name has a comment.
        if is_named(&argument.ty, "Context") && !argument.attrs.iter().any(|it| Field::owns(it) || docs::is_doc(it)) {
            diag.at(&argument.ty, diag::OWNED_CONTEXT);
            continue;
        }
        let Pat::Ident(pattern) = &*argument.pat else {
            diag.at(&argument.pat, diag::PLAIN_PARAM);
            continue;
        };
        inputs.push(Input::Param(Box::new(Field::read(
            &pattern.ident,
            &argument.ty,
            &argument.attrs,
            Place::Param,
            diag,
        ))));
    }
    inputs
}
