//! The lock of a connector: its text, included at compile time, and the checks, whose errors point at the version and
//! at each item that may be new.

use std::path::PathBuf;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use semver::Version;
use syn::Path;

use crate::args::LockArg;
use crate::diag;
use crate::model::{Commands, Connector};

/// `Lock { .. }`. The file is never read here: the compiler includes it, and therefore notices when it changes.
pub(super) fn lock(model: &Connector) -> TokenStream {
    let Connector { krate, .. } = model;
    let (file, text) = match &model.lock {
        LockArg::Off => return quote!(#krate::__private::Lock::OFF),
        LockArg::Crate => {
            let path = crate_path(model);
            let below = format!("/{path}");
            let text = quote!(::core::include_str!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), #below)));
            (quote!(Crate(#path)), text)
        }
        LockArg::Beside(path) => (quote!(Beside(#path)), quote_spanned!(path.span()=> ::core::include_str!(#path))),
    };
    let text = super::option(exists(model).then_some(text));
    quote! {
        #krate::__private::Lock {
            file: #krate::__private::LockFile::#file,
            text: #text,
            mode: ::core::option_env!("CONNECTOR_LOCK"),
        }
    }
}

fn crate_path(model: &Connector) -> String {
    format!("schema.lock/{}.lock", model.name.value())
}

/// Returns whether the lock exists, so that the macro can report a missing one with its own message.
#[expect(clippy::disallowed_methods, reason = "where cargo builds is not a setting")]
fn exists(model: &Connector) -> bool {
    let file = match &model.lock {
        LockArg::Off => return false,
        LockArg::Crate => {
            std::env::var_os("CARGO_MANIFEST_DIR").map(|folder| PathBuf::from(folder).join(crate_path(model)))
        }
        LockArg::Beside(path) => source_file(path.span()).map(|source| source.with_file_name("").join(path.value())),
    };
    // If the path is unknown, the compiler reports the missing file.
    file.is_none_or(|file| file.is_file())
}

/// Returns whether a version has a pre-release tag: a draft needs no lock.
fn is_draft(version: &str) -> bool {
    Version::parse(version).is_ok_and(|version| !version.pre.is_empty())
}

fn source_file(span: Span) -> Option<PathBuf> {
    if proc_macro::is_available() { span.unwrap().local_file() } else { None }
}

/// Writes the checks of the struct. At the version: something changed without it. At each field: it is new.
pub(super) fn struct_checks(model: &Connector) -> TokenStream {
    let Connector { krate, ident, name, version, .. } = model;
    if matches!(model.lock, LockArg::Off) {
        return TokenStream::new();
    }
    if !exists(model) {
        if is_draft(&version.value()) {
            return TokenStream::new();
        }
        let (span, path) = match &model.lock {
            LockArg::Beside(path) => (path.span(), path.value()),
            _ => (name.span(), crate_path(model)),
        };
        let message = diag::missing_lock(&name.value(), &version.value(), &path);
        let at = super::at(krate, span);
        return quote_spanned! {span=>
            const _: () = #at::__private::check::missing_lock(::core::option_env!("CONNECTOR_LOCK"), #message);
        };
    }
    let fields = model.fields.iter().map(|field| {
        let wire = &field.wire;
        quote_spanned!(field.wire_span=> added(VERDICT, "", #wire);)
    });
    let additions = checks(krate, ident, &fields.collect());
    let (at, verdict) = (super::at(krate, version.span()), verdict(krate, ident));
    quote! {
        #[allow(unused_imports)]
        use #krate::__private::Unlocked as _;
        #additions
    }
    .into_iter()
    .chain(quote_spanned!(version.span()=> const _: () = #at::__private::check::locked(#verdict);))
    .collect()
}

/// Writes the checks of the impl block. At each command and each param: it is new.
pub(super) fn impl_checks(model: &Commands) -> TokenStream {
    let Commands { krate, ty, commands, .. } = model;
    let calls = commands.iter().flat_map(|command| {
        let name = &command.wire;
        let params = command.params().map(move |field| {
            let wire = &field.wire;
            quote_spanned!(field.wire_span=> added(VERDICT, #name, #wire);)
        });
        std::iter::once(quote_spanned!(command.wire_span=> added(VERDICT, #name, "");)).chain(params)
    });
    let checks = checks(krate, ty, &calls.collect());
    quote! {
        #[allow(unused_imports)]
        use #krate::__private::Unlocked as _;
        #checks
    }
}

/// One const for all calls of a macro: at most one of the calls in it panics.
fn checks(krate: &Path, ty: &impl ToTokens, calls: &TokenStream) -> TokenStream {
    if calls.is_empty() {
        return TokenStream::new();
    }
    let verdict = verdict(krate, ty);
    quote! {
        const _: () = {
            use #krate::__private::check::added;
            const VERDICT: &#krate::__private::LockVerdict = #verdict;
            #calls
        };
    }
}

fn verdict(krate: &Path, ty: &impl ToTokens) -> TokenStream {
    quote!(#krate::__private::Locked::<#ty>::VERDICT)
}
