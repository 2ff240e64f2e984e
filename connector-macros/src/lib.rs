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

/// Turns a struct into a connector, or an impl block into its commands.
///
/// On a struct, `name` (kebab-case) and `version` (semver) are required. Optional are `category = ".."`, `tags("..",
/// ..)`, `default_command = "wireName"`, `errors = path` (an error map `fn(&Thrown<'_>) -> Option<Fail>`), `egress =
/// ..` (below), `legacy_commandless_ui` (only for http and delay) and `crate = "path"` (if the runtime is renamed). Its
/// fields are the typed connection; each needs a doc comment and accepts `#[config(..)]`: `default`, `min`, `max`,
/// `min_length`, `max_length`, `pattern`, `label`, `example`, `placeholder`, `name`, `destination`. The default of a list
/// is written `default = ["a", "b"]`, that of a map, an object or any JSON `default = json!({ "a": 1 })`.
///
/// `egress` says where a request that carries a secret may go: to the origin (scheme, host, port) in a `Url` field,
/// `egress = base_url`; to that of several fields, `egress = [base_url, token_url]`; or wherever the code sends it,
/// `egress = anywhere`. By default it is the only field of type `Url` or `Option<Url>`; with none or several such
/// fields it is anywhere, so a connector with several should name them. Other origins only get requests without
/// secrets, and while the field is not set, no origin gets a request with secrets. These count as secret: the value of
/// a `Secret`, a header with the name of a credential, and any text that contains a secret of the connection. A secret
/// that comes with a call and belongs elsewhere is sent through `cx.http().unscoped()`. Only `cx.http()` is guarded;
/// code that uses other protocols must protect secrets itself.
///
/// `lock = "path"`, relative to the source file, names the schema lock; the default is `schema.lock/<name>.lock` in the
/// crate's folder; `lock = false` turns it off. The lock holds the schema of the version that was last locked; a
/// breaking change without the version that it needs does not compile; a change of texts alone always does. A version with a pre-release tag, such as
/// `1.0.0-draft`, is a draft: it needs no lock, and every change of it compiles. `CONNECTOR_LOCK=off` in the
/// environment of a build switches the comparison off during development; `CONNECTOR_LOCK=warn` does the same, because
/// a macro cannot warn.
///
/// On an impl block, every method with `#[command]` becomes a command; other methods are unchanged.
#[proc_macro_attribute]
pub fn connector(args: TokenStream, item: TokenStream) -> TokenStream {
    run(entry::connector, args, item)
}

/// Turns a method of a `#[connector]` impl block into a command.
///
/// Accepts `name = ".."`, `effect = read|create|update|delete`, `idempotent`, `since = "1.2.0"`, `deprecated = "what to
/// use instead"`, `timeout = milliseconds` or a function of the params, `outputs("..", ..)` for a free-form payload,
/// `variables(widget_count = u64, ..)` for the variables that it sets (`variables()`: none), and `mock(scenario = function, ..)`, where a function is `fn() -> R` or `fn(&Params) -> R` with what the command
/// returns, and the params struct is named as the method (`list_widgets` has `ListWidgetsParams`). Params need doc
/// comments and accept `#[param(..)]` with the keys of `#[config(..)]`. A method takes `&self`, `cx: &Context` or not,
/// and owned params; it is sync or async, and returns `Outcome`, `Outcome<T>`, `ConnectorResult` or nothing.
#[proc_macro_attribute]
pub fn command(args: TokenStream, item: TokenStream) -> TokenStream {
    run(entry::stray_command, args, item)
}

/// Turns a struct into the payload of commands: its fields are their outputs.
///
/// Adds serde and schemars with camelCase names; `#[output(name = "..")]` renames a field. A struct inside is a payload or
/// an object itself. It holds no `Secret`: what it holds is shown and recorded.
#[proc_macro_attribute]
pub fn payload(args: TokenStream, item: TokenStream) -> TokenStream {
    run(entry::payload, args, item)
}

/// Turns a struct into a nested object, as a field of a connection or as a param.
///
/// Adds serde and schemars with camelCase names; fields take `#[param(..)]` with `name`, `default`,
/// `min`, `max`, `min_length`, `max_length`, `pattern`, `label` and `example`. Keys that it does not have are refused. Where
/// nothing in it is a `Secret`, it is `Serialize`, and may be a payload or a part of one.
#[proc_macro_attribute]
pub fn object(args: TokenStream, item: TokenStream) -> TokenStream {
    run(entry::object, args, item)
}

/// Turns an enum without data into a select: each variant is a value, in snake_case.
///
/// Variants need doc comments and accept `#[select(name = "..", label = "..")]`.
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
