//! Checks that need types: each is a named const of its own, because a const reports only its first
//! panic, and stands wholly under the token that it is about.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::Path;
use syn::spanned::Spanned;

use super::field::literal;
use crate::model::Field;

/// The checks of a field: its default, its bounds and its lengths against its type.
pub(super) fn field(krate: &Path, field: &Field) -> TokenStream {
    let mut checks = TokenStream::new();
    let ty = &field.ty;
    let mut check = |span: Span, call: TokenStream| {
        checks.extend(quote_spanned!(span=> const _: () = #call;));
    };
    let spec = quote_spanned!(ty.span()=> &<#ty as #krate::__private::FieldType>::TYPE);
    if let Some(default) = &field.default {
        let span = default.span;
        let value = literal(krate, default);
        let [min, max] =
            [&field.min, &field.max].map(|bound| super::option(bound.as_ref().map(|bound| literal(krate, bound))));
        check(span, quote_spanned!(span=> #krate::__private::check::default(#spec, #value, #min, #max)));
    }
    for bound in [&field.min, &field.max].into_iter().flatten() {
        let span = bound.span;
        let value = literal(krate, bound);
        check(span, quote_spanned!(span=> #krate::__private::check::bound(#spec, #value)));
    }
    let texts = [
        field.min_length.as_ref().map(|length| length.span),
        field.max_length.as_ref().map(|length| length.span),
        field.pattern.as_ref().map(|pattern| pattern.text.span()),
    ];
    for span in texts.into_iter().flatten() {
        check(span, quote_spanned!(span=> #krate::__private::check::text(#spec)));
    }
    checks
}
