//! Collects mistakes and writes their messages. A message says what is wrong and what to write instead.

use proc_macro2::Span;
use quote::ToTokens;

/// The mistakes of one item.
#[derive(Default)]
pub(crate) struct Diagnostics(Vec<syn::Error>);

impl Diagnostics {
    /// Reports a mistake under some tokens.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.0.push(syn::Error::new_spanned(tokens, message));
    }

    /// Reports a mistake at a span.
    pub(crate) fn span(&mut self, span: Span, message: impl std::fmt::Display) {
        self.0.push(syn::Error::new(span, message));
    }

    /// Returns the result of an attribute parser, or reports each of its errors separately.
    pub(crate) fn keep<T>(&mut self, result: darling::Result<T>) -> Option<T> {
        self.keep_about(result, &[])
    }

    /// Like `keep`, for an attribute with these keys.
    pub(crate) fn keep_about<T>(&mut self, result: darling::Result<T>, keys: &[&str]) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.0.extend(error.flatten().into_iter().map(|error| reworded(error, keys)));
                None
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn into_errors(self) -> Vec<syn::Error> {
        self.0
    }
}

/// Returns whether an attribute parser found an unknown key.
pub(crate) fn is_unknown_key(error: &darling::Error) -> bool {
    error.to_string().starts_with(UNKNOWN)
}

const UNKNOWN: &str = "Unknown field: ";

/// Rewords an error of the attribute parser.
fn reworded(error: darling::Error, keys: &[&str]) -> syn::Error {
    let (span, text) = (error.span(), error.to_string());
    if let Some(rest) = text.strip_prefix(UNKNOWN) {
        let (key, guess) = rest.split_once(". ").unwrap_or((rest, ""));
        let more = match guess.strip_prefix("Did you mean ") {
            Some(guess) => format!("; did you mean {guess}"),
            None if keys.is_empty() => String::new(),
            None => format!("; the keys are {}", listed(keys)),
        };
        return syn::Error::new(span, format!("unknown key {key}{more}"));
    }
    if let Some(rest) = text.strip_prefix("Duplicate field ") {
        return syn::Error::new(span, format!("more than one key {rest}"));
    }
    syn::Error::from(error)
}

/// Lists keys in order; `krate` is the Rust name of the key `crate`.
fn listed(keys: &[&str]) -> String {
    let mut keys: Vec<String> =
        keys.iter().map(|key| format!("`{}`", if *key == "krate" { "crate" } else { key })).collect();
    keys.sort();
    keys.join(", ")
}

pub(crate) fn undocumented(what: &str, name: &str) -> String {
    format!(
        "undocumented {what} `{name}`: write a `///` comment above it; forms, documentation and agents show the text"
    )
}

pub(crate) fn bad_connector_name(name: &str) -> String {
    let reason = if name.len() > 63 {
        "it has more than 63 characters"
    } else if matches!(name, "agents" | "parse-oas") {
        "the name is reserved"
    } else if crate::names::is_uuid_shaped(name) {
        "it would be taken for an id; use words, such as `acme-crm`"
    } else {
        "use kebab-case: lower-case letters and digits in words joined by `-`, such as `acme-crm`"
    };
    format!("`{name}` cannot name a connector: {reason}")
}

pub(crate) fn bad_version(text: &str, error: &semver::Error) -> String {
    format!("`{text}` is not a semantic version such as `1.0.0`: {error}")
}

pub(crate) fn bad_wire_name(name: &str) -> String {
    format!("`{name}` cannot be a name on the wire: use a letter or `_`, then letters, digits and `_`, at most 128")
}

pub(crate) fn duplicate_wire_name(what: &str, name: &str) -> String {
    format!("two {what} are named `{name}` on the wire: give one of them another name with `name = \"..\"`")
}

/// Says why a name cannot be that of a variable.
pub(crate) fn bad_variable(name: &str) -> Option<String> {
    if matches!(name, "run" | "steps") {
        return Some(format!(
            "`{name}` cannot name a variable: references read the run itself by it; name the variable otherwise"
        ));
    }
    (!crate::names::is_wire_name(name)).then(|| bad_wire_name(name))
}

pub(crate) fn duplicate_variable(name: &str) -> String {
    format!("two variables are named `{name}` on the wire: remove one of them, or give it another name")
}

pub(crate) fn two_params_structs(ident: &syn::Ident) -> String {
    format!(
        "two commands would have the params struct `{ident}`: rename one of the methods; `name = \"..\"` keeps its name on the wire"
    )
}

pub(crate) fn no_egress_field(name: &syn::Ident, fields: &[String]) -> String {
    let fields = if fields.is_empty() { "it has none".to_owned() } else { format!("they are {}", fields.join(", ")) };
    format!(
        "no field is named `{name}` in this struct: `egress` takes the names of its fields ({fields}), or `anywhere`"
    )
}

pub(crate) fn egress_twice(name: &syn::Ident) -> String {
    format!("`{name}` is named twice in `egress`: remove one of them")
}

pub(crate) const BAD_EGRESS: &str = "write `egress = base_url` (a `Url` field), `egress = [base_url, token_url]` or `egress = anywhere`, without quotes";
pub(crate) const NO_EGRESS: &str =
    "no secret could be sent at all: name the `Url` fields that secrets may go to, or write `egress = anywhere`";
pub(crate) const ANYWHERE_IN_LIST: &str =
    "`anywhere` leaves nothing for the fields beside it to say: write `egress = anywhere`, or the fields alone";
pub(crate) fn missing_lock(name: &str, version: &str, path: &str) -> String {
    format!(
        "the connector `{name}` has no lock: {path} does not exist; it keeps the schema that callers rely on, and belongs to the source code\nto mend it: write it with `CONNECTOR_LOCK=off cargo run -- lock`; or set version = \"{version}-draft\" until the first release, as a draft needs no lock; or do without by `lock = false`"
    )
}

pub(crate) const BAD_LOCK: &str = "expected `false`, or the path of the lock from this file in quotes; left out, it is schema.lock/<name>.lock in the crate";
pub(crate) const BAD_VARIABLES: &str = "write `variables(widget_count = u64, name = Option<String>)`: names in snake_case, each with the type of its value; `variables()` says that the command sets none";
pub(crate) const RESERVED_COMMAND: &str =
    "a param may not be named `command` on the wire: the name chooses the command; use `name = \"..\"`";
pub(crate) const NOT_A_CONNECTOR: &str =
    "#[connector] goes on a struct with named fields (the connection) and on its `impl` block (the commands)";
pub(crate) const TUPLE_STRUCT: &str = "a connector is a struct with named fields, or with none";
pub(crate) const NO_GENERICS: &str = "no generics here: what a schema describes is one type, known at compile time";
pub(crate) const NO_IMPL_ARGS: &str =
    "on an impl block #[connector] takes no arguments but `crate`; write them above the struct";
pub(crate) const TRAIT_IMPL: &str = "#[connector] goes on the struct's own impl block, not on the impl of a trait";
pub(crate) const MACRO_IN_IMPL: &str = "a macro call inside a #[connector] impl block cannot be seen through: commands in it would be lost; write them out, or move the call to another impl block";
pub(crate) const NO_COMMANDS: &str = "no commands: put #[command] above at least one method";
pub(crate) const STRAY_COMMAND: &str = "#[command] belongs above a method in an impl block with #[connector]";
pub(crate) const NEEDS_SELF: &str = "a command takes `&self`, the typed connection";
pub(crate) fn forgotten_command(method: &syn::Ident) -> String {
    format!(
        "`{method}` is written like a command but has no #[command]: write #[command] above it, or move a helper to an `impl` block without #[connector]"
    )
}

pub(crate) const OWNED_CONTEXT: &str = "the context is borrowed: write `&Context`; a command does not own it";
pub(crate) const MUTABLE_CONTEXT: &str = "the context is shared: write `&Context`, without `mut`";
pub(crate) const SECRET_IN_PAYLOAD: &str = "a payload is shown to callers and recorded, so it holds no `Secret`: leave it out, or answer what may be seen of it as a String; a secret that came up in a call is hidden from log and record by `cx.add_secret(..)`";
pub(crate) const PLAIN_PARAM: &str = "a param of a command is a plain name with a type";
pub(crate) const TWO_CONTEXTS: &str =
    "a command takes one `&Context`; params are owned values, such as String in place of &str";
pub(crate) const CONTEXT_ATTRS: &str =
    "a reference is the context, which takes neither #[param] nor a comment; a param is an owned value";
pub(crate) const BORROWED_PARAM: &str =
    "a param is an owned value: write String in place of &str, Vec<..> in place of a slice";
pub(crate) const NO_NAME: &str =
    "a connector needs a name: write #[connector(name = \"acme-crm\", version = \"1.0.0\")]";
pub(crate) const NO_VERSION: &str =
    "a connector needs the version of its schema: write #[connector(name = \"acme-crm\", version = \"1.0.0\")]";
pub(crate) const CONFIG_ON_OBJECT: &str =
    "fields of an object take #[param(..)]; #[config(..)] is for the fields of a connection";
pub(crate) const LEGACY_UI: &str = "`legacy_commandless_ui` is reserved for the connectors `http` and `delay`";
pub(crate) const PARAM_ON_FIELD: &str =
    "fields of a connection take #[config(..)]; #[param(..)] is for the params of a command";
pub(crate) const CONFIG_ON_PARAM: &str =
    "params of a command take #[param(..)]; #[config(..)] is for the fields of a connection";
pub(crate) const PARAM_ON_OUTPUT: &str =
    "fields of a payload take #[output(name = \"..\")] alone: nothing comes in through them";
pub(crate) const SELECT_VARIANT: &str =
    "a value of a select has no data: write the variant without parentheses or braces";
pub(crate) const SELECT_EMPTY: &str = "a select needs at least one variant";
pub(crate) const NOT_A_SELECT: &str = "only an enum can be a select";
pub(crate) const NOT_NAMED_FIELDS: &str = "only a struct with named fields can be this";
pub(crate) const SERDE_ON_FIELD: &str = "this would part the names on the wire from the ones that are described; use `name = \"..\"` in #[output(..)] or #[param(..)]";
