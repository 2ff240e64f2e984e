//! The output for the impl block: a params struct per command, and the table of commands.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, Path, Type};

use super::{checks, field, lock};
use crate::args::TimeoutArg;
use crate::model::{Command, Commands, Input};

pub(crate) fn commands(model: &Commands) -> TokenStream {
    let Commands { krate, ty, commands, .. } = model;
    let structs = commands.iter().map(params_struct);
    let field_sets = commands.iter().map(|command| {
        let ident = &command.params_ident;
        field::field_set(krate, &quote!(#ident), command.params())
    });
    let mut checks = checks::fields(krate, commands.iter().map(|command| (&command.params_ident, command.params())));
    checks.extend(commands.iter().map(|command| command_checks(krate, command)));
    let rows = commands.iter().map(|command| row(krate, ty, command));
    let head = {
        // A second impl block for the same type is reported here.
        let krate = super::at(krate, ty.span());
        quote_spanned!(ty.span()=> impl #krate::__private::Commands for #ty)
    };
    let order = order(commands);
    let claim = claim(ty);
    let additions = lock::impl_checks(model);
    quote! {
        #(#structs)*
        #claim
        const _: () = {
            #(#field_sets)*
            #[automatically_derived]
            #head {
                const COMMANDS: &'static [#krate::__private::CommandSpec] = &[#(#rows),*];
                const ORDER: &'static [u16] = &[#(#order),*];
            }
            #checks
            #additions
        };
    }
}

/// A constant whose name says what a second impl block of the type does wrong: the compiler reports it before the two
/// impls of a trait that authors do not name.
fn claim(ty: &Type) -> TokenStream {
    let Type::Path(path) = ty else { return TokenStream::new() };
    let Some(last) = path.path.segments.last() else { return TokenStream::new() };
    let claim = format_ident!("all_commands_of_{}_go_into_one_impl_block", last.ident, span = ty.span());
    quote_spanned! {ty.span()=>
        #[doc(hidden)]
        #[allow(non_upper_case_globals, dead_code)]
        const #claim: () = ();
    }
}

/// The order of the commands by name, for the lines of the lock: sorting here costs the compiler less than in a const.
fn order(commands: &[Command]) -> Vec<u16> {
    let mut order: Vec<u16> = (0..commands.len()).filter_map(|index| index.try_into().ok()).collect();
    order.sort_by_key(|index| &commands[usize::from(*index)].wire);
    order
}

/// The typed params of a command. Mocks use it; code that calls the handler directly does not.
pub(super) fn params_struct(command: &Command) -> TokenStream {
    let Command { vis, params_ident, method, .. } = command;
    let title = format!("Params of the command `{}`.", command.wire);
    let fields = command.params().map(|field| {
        let (ident, ty, docs) = (&field.ident, &field.ty, &field.docs);
        quote!(#[doc = #docs] #vis #ident: #ty)
    });
    quote_spanned! {method.span()=>
        #[doc = #title]
        #[allow(missing_debug_implementations, dead_code, unreachable_pub)]
        #vis struct #params_ident { #(#fields),* }
    }
}

fn row(krate: &Path, ty: &Type, command: &Command) -> TokenStream {
    let Command { wire, docs, params_ident, idempotent, returns, .. } = command;
    let outputs = match &command.outputs {
        Some(outputs) => {
            let names = &outputs.names;
            quote!(#krate::__private::Outputs { names: &[#(#names),*], schema: ::core::option::Option::None, typed: false })
        }
        None => outputs_of(krate, returns),
    };
    let some = |value: TokenStream| quote!(::core::option::Option::Some(#value));
    let mut set = Vec::new();
    for (name, text) in [("deprecated", &command.deprecated), ("since", &command.since)] {
        if let Some(text) = text {
            set.push((name, some(quote!(#text))));
        }
    }
    if let Some(effect) = command.effect {
        let effect = format_ident!("{effect}");
        set.push(("effect", some(quote!(#krate::__private::Effect::#effect))));
    }
    if *idempotent {
        set.push(("idempotent", quote!(true)));
    }
    if let Some(variables) = &command.variables {
        let rows = variables.iter().map(|variable| field::row(krate, variable));
        set.push(("variables", some(quote!(&[#(#rows),*]))));
    }
    if let Some(timeout) = &command.timeout {
        set.push(("timeout", some(timeout_row(krate, params_ident, timeout))));
    }
    let mocks = command.mocks.iter().map(|(scenario, function)| {
        let at = super::at(krate, function.span());
        let run = quote_spanned! {function.span()=>
            |params| #at::__private::mock::<#params_ident, #returns, _>(#function, params)
        };
        quote!(#krate::__private::MockSpec { scenario: #scenario, run: #run })
    });
    if !command.mocks.is_empty() {
        set.push(("mocks", quote!(&[#(#mocks),*])));
    }
    let call = call(krate, ty, command);
    let base = quote!(#krate::__private::CommandSpec);
    let set = set.into_iter().map(|(name, value)| {
        let name = format_ident!("{name}");
        quote!(#name: #value,)
    });
    quote! {
        #base {
            name: #wire,
            description: #docs,
            params: <#params_ident as #krate::__private::FieldSet>::FIELDS,
            outputs: #outputs,
            #(#set)*
            call: #call,
            ..#base::PLAIN
        }
    }
}

/// Written the same way everywhere, so that a type that is not an outcome is reported once.
fn outputs_of(krate: &Path, returns: &Type) -> TokenStream {
    let krate = super::at(krate, returns.span());
    quote_spanned!(returns.span()=> <#returns as #krate::__private::Returns>::OUTPUTS)
}

fn timeout_row(krate: &Path, params: &Ident, timeout: &TimeoutArg) -> TokenStream {
    match timeout {
        TimeoutArg::Millis(millis) => quote!(#krate::__private::Timeout::Fixed(#millis)),
        TimeoutArg::Function(function) => {
            let krate = super::at(krate, function.span());
            quote_spanned! {function.span()=>
                #krate::__private::Timeout::Of(|params| #krate::__private::timeout::<#params>(#function, params))
            }
        }
    }
}

/// The function that reads the params, calls the handler and normalises its return value. Only the handler is called
/// here: a body of the runtime around it is checked once, and not once per command.
fn call(krate: &Path, ty: &Type, command: &Command) -> TokenStream {
    let Command { method, params_ident, returns, .. } = command;
    let has_params = command.params().next().is_some();
    let has_context = command.inputs.iter().any(|input| matches!(input, Input::Context));
    let arguments = command.inputs.iter().map(|input| match input {
        Input::Context => quote!(context),
        Input::Param(field) => {
            let ident = &field.ident;
            quote!(params.#ident)
        }
    });
    let context = if has_context { quote!(context) } else { quote!(_) };
    let values = if has_params { quote!(params) } else { quote!(_) };
    let call = {
        let krate = super::at(krate, returns.span());
        let (name, rest) = if command.is_async { ("call_async", quote!(, _)) } else { ("call", quote!()) };
        let name = Ident::new(name, returns.span());
        quote_spanned!(returns.span()=> #krate::__private::#name::<#ty, #params_ident, #returns #rest>)
    };
    quote! {
        |connection, #context, params| #call(connection, params, move |connection, #values| {
            connection.#method(#(#arguments),*)
        })
    }
}

fn command_checks(krate: &Path, command: &Command) -> TokenStream {
    let variables = command.variables.iter().flatten();
    let mut tokens: TokenStream = variables.map(|variable| checks::variable(krate, variable)).collect();
    if let Some(outputs) = &command.outputs {
        let (span, returned) = (outputs.span, outputs_of(krate, &command.returns));
        let krate = super::at(krate, span);
        tokens.extend(quote_spanned!(span=> const _: () = #krate::__private::check::outputs(&#returned);));
    }
    tokens
}
