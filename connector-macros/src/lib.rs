//! Attributes that turn annotated Rust items into connectors. Entry points only.
//!
//! Each entry is a function from tokens to tokens and errors, in three steps: `args` reads the
//! attribute, `model` checks everything and keeps typed data with spans, `expand` writes tokens. All
//! mistakes of an item are reported in one pass, each under its own token, and the item itself is
//! always emitted again, so that one mistake never hides another.

use proc_macro::TokenStream;

mod args;
mod diag;
mod docs;
mod entry;
mod expand;
mod model;
mod names;
#[cfg(test)]
mod tests;

/// Makes a struct a connector, or an impl block its commands.
///
/// On a struct: `name` (kebab-case) and `version` (semver) are needed; `category = ".."`,
/// `tags("..", ..)`, `default_command = "wireName"`, `errors = path` (an error map
/// `fn(&Thrown<'_>) -> Option<Fail>`), `egress = ..` (below), `legacy_commandless_ui` (http and delay alone) and
/// `crate = "path"` (where the runtime is renamed) may be added. Its fields are the typed connection;
/// each needs a doc comment and takes `#[config(..)]`: `default`, `min`, `max`, `min_length`,
/// `max_length`, `pattern`, `label`, `example`, `placeholder`, `name`, `destination`.
///
/// `egress` says where a request may go that carries a secret: to the origin (scheme, host, port) that a
/// `Url` field holds, `egress = base_url`; of several, `egress = [base_url, token_url]`; or wherever the
/// code sends it, `egress = anywhere`. Left out, it is the field where exactly one is a `Url` or an
/// `Option<Url>`; with none or several, it is anywhere, so that a connector with several should say. Other
/// origins get requests without secrets alone, and while the field is not set, no origin gets one with
/// them. Secret is what comes from a `Secret`, a header with the name of a credential, and any text in
/// which a secret of the connection is found. A secret that comes with a call and belongs elsewhere goes
/// through `cx.http().unscoped()`. The guard is on `cx.http()`; other protocols look after themselves.
///
/// `lock = "path"`, from the source file, names the schema lock, which is `schema.lock/<name>.lock` in the crate's
/// folder where it is left out; `lock = false` does without one. The lock holds the schema of the version that was
/// last locked; a breaking change without the version that it needs does not compile. A version with a pre-release
/// tag, such as `1.0.0-draft`, is a draft: it needs no lock, and every change of it compiles. `CONNECTOR_LOCK=off` in the
/// environment of a build switches the comparison off, for work under way; `CONNECTOR_LOCK=warn` does the same, as
/// a macro cannot warn.
///
/// On an impl block: every method with `#[command]` becomes a command; others stay what they are.
#[proc_macro_attribute]
pub fn connector(args: TokenStream, item: TokenStream) -> TokenStream {
    run(entry::connector, args, item)
}

/// Makes a method of a `#[connector]` impl block a command.
///
/// Takes `name = ".."`, `effect = read|create|update|delete`, `idempotent`, `since = "1.2.0"`,
/// `deprecated = "what to use instead"`, `timeout = milliseconds` or a function of the params,
/// `outputs("..", ..)` where the payload is free-form, and `mock(scenario = function, ..)`. Params
/// need doc comments and take `#[param(..)]` with the keys of `#[config(..)]`.
#[proc_macro_attribute]
pub fn command(args: TokenStream, item: TokenStream) -> TokenStream {
    run(entry::stray_command, args, item)
}

/// Makes a struct the payload of commands: its fields are their outputs.
///
/// Adds serde and schemars with camelCase names; `#[output(name = "..")]` renames a field.
#[proc_macro_attribute]
pub fn payload(args: TokenStream, item: TokenStream) -> TokenStream {
    run(entry::payload, args, item)
}

/// Makes a struct a nested object, as a field of a connection or as a param.
///
/// Adds serde and schemars with camelCase names; fields take `#[param(..)]` with `name`, `default`,
/// `min`, `max`, `min_length`, `max_length`, `pattern` and `example`.
#[proc_macro_attribute]
pub fn object(args: TokenStream, item: TokenStream) -> TokenStream {
    run(entry::object, args, item)
}

/// Makes an enum without data a select: each variant is a value, in snake_case.
///
/// Variants need doc comments and take `#[select(name = "..", label = "..")]`.
#[proc_macro_derive(Select, attributes(select))]
pub fn select(item: TokenStream) -> TokenStream {
    run(|_, item| entry::select(item), TokenStream::new(), item)
}

type Entry = fn(proc_macro2::TokenStream, proc_macro2::TokenStream) -> (proc_macro2::TokenStream, Vec<syn::Error>);

fn run(entry: Entry, args: TokenStream, item: TokenStream) -> TokenStream {
    let (mut tokens, errors) = entry(args.into(), item.into());
    tokens.extend(errors.iter().map(syn::Error::to_compile_error));
    tokens.into()
}
