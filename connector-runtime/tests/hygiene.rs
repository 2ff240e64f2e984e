//! What the macros write compiles wherever an author may stand: without a prelude, under another name
//! of the runtime, among names that shadow the usual ones, with every warning an error.

#![no_implicit_prelude]
#![deny(missing_docs, warnings, rust_2018_idioms, unreachable_pub, missing_debug_implementations)]
#![deny(clippy::all)]
#![forbid(unsafe_code)]

extern crate connector_runtime as rt;

use ::rt::prelude::{Context, Outcome, succeed};

// Names that a careless expansion would trip over.
#[expect(dead_code)]
mod shadows {
    pub(crate) struct Option;
    pub(crate) struct Result;
    pub(crate) struct Vec;
    pub(crate) struct String;
    pub(crate) struct Box;
    pub(crate) struct Some;
    pub(crate) struct None;
    pub(crate) struct Ok;
    pub(crate) struct Err;
}
#[expect(unused_imports)]
use self::shadows::*;

type Name = ::std::string::String;
type Maybe<T> = ::core::option::Option<T>;
type Cx = Context;
type Answer = Outcome<Page>;

/// A connector with raw identifiers and aliases.
#[::rt::connector(name = "hygiene", version = "1.0.0", crate = "::rt", default_command = "list", errors = explain, lock = false)]
#[derive(::core::fmt::Debug)]
pub struct Hygiene {
    /// A raw identifier.
    r#type: Name,
    /// An alias of Option.
    maybe: Maybe<Name>,
    /// With a default.
    #[config(default = 3, min = 1)]
    r#fn: u32,
}

/// A state.
#[derive(::core::fmt::Debug, ::core::clone::Clone, ::core::marker::Copy, ::rt::Select)]
#[select(crate = "::rt")]
pub enum State {
    /// In use.
    Active,
    /// Out of service.
    OnHold,
}

// What schemars derives asks for `Into` and `Some`; all else here does without a prelude.
mod data {
    use ::std::prelude::rust_2024::*;

    use super::{Maybe, Name, State};

    /// A page.
    #[::rt::payload(crate = "::rt")]
    #[derive(::core::fmt::Debug, ::core::clone::Clone)]
    pub struct Page {
        /// A raw identifier.
        pub r#type: Name,
        /// A state.
        pub state: Maybe<State>,
        /// A leading underscore stays.
        pub _cursor: u32,
    }

    /// A filter.
    #[::rt::object(crate = "::rt")]
    #[derive(::core::fmt::Debug)]
    pub struct Filter {
        /// A raw identifier.
        #[param(default = "any", min_length = 1)]
        pub r#type: Name,
        /// A state.
        pub state: Maybe<State>,
    }
}
use self::data::{Filter, Page};

#[::rt::connector(crate = "::rt")]
impl Hygiene {
    /// Lists, publicly.
    #[::rt::command(effect = read, mock(default = one_page), timeout = patience)]
    pub async fn list(
        &self,
        cx: &Cx,
        /// A raw identifier.
        r#type: Maybe<Name>,
        /// A filter.
        filter: Maybe<Filter>,
        /// A name that the expansion uses too.
        #[param(default = 1)]
        context: u8,
        /// Another.
        #[param(default = "active")]
        connection: State,
        /// And another.
        params: Maybe<u8>,
    ) -> Answer {
        let _ = (cx, context, connection, params);
        let state = filter.map(|filter| (filter.r#type, filter.state));
        let r#type = r#type.unwrap_or_else(|| ::core::clone::Clone::clone(&self.r#type));
        succeed(Page { r#type, state: state.and_then(|(_, state)| state), _cursor: self.r#fn })
    }

    /// Shows, privately and without params.
    #[command]
    fn r#move(&self) {
        let _ = &self.maybe;
    }
}

fn one_page() -> Answer {
    succeed(Page { r#type: ::core::default::Default::default(), state: ::core::option::Option::None, _cursor: 0 })
}

fn patience(params: &ListParams) -> ::core::time::Duration {
    ::core::time::Duration::from_secs(::core::convert::Into::into(params.context))
}

fn explain(_: &::rt::prelude::Thrown<'_>) -> Maybe<::rt::prelude::Fail> {
    ::core::option::Option::None
}

#[::core::prelude::v1::test]
fn names_on_the_wire_come_without_the_raw_mark() {
    use ::core::iter::Iterator;
    let descriptor = <Hygiene as ::rt::connector::Connector>::DESCRIPTOR;
    let fields: ::std::vec::Vec<_> = descriptor.connection.iter().map(|field| field.name).collect();
    ::core::assert_eq!(fields, ["type", "maybe", "fn"]);
    ::core::assert_eq!(descriptor.commands[1].name, "move");
    ::core::assert_eq!(descriptor.commands[0].outputs.names, ["type", "state", "_cursor"]);
    let page = Page {
        r#type: ::core::convert::From::from("x"),
        state: ::core::option::Option::Some(State::OnHold),
        _cursor: 7,
    };
    let written = ::std::string::ToString::to_string(&::rt::prelude::json!(page));
    ::core::assert_eq!(written, r#"{"type":"x","state":"on_hold","_cursor":7}"#);
}

/// A module has its own names.
mod inner {
    /// A connector in a module.
    #[::rt::connector(name = "hygiene-inner", version = "1.0.0", crate = "::rt", lock = false)]
    #[derive(::core::fmt::Debug)]
    struct Inner;

    #[::rt::connector(crate = "::rt")]
    impl Inner {
        /// Pings.
        #[command]
        fn ping(&self) {}
    }
}

#[::core::prelude::v1::test]
fn a_connector_may_stand_in_a_function() {
    use ::core::iter::Iterator;
    /// A connector in a function.
    #[::rt::connector(name = "hygiene-local", version = "1.0.0", crate = "::rt", lock = false)]
    #[derive(::core::fmt::Debug)]
    struct Local {
        /// A count.
        count: u8,
    }

    #[::rt::connector(crate = "::rt")]
    impl Local {
        /// Pings.
        #[command]
        fn ping(
            &self,
            /// A filter.
            local: Filter,
        ) {
            let _ = (self.count, local.state);
        }
    }

    let registry = ::rt::registry::Registry::collect().expect("three names");
    let names: ::std::vec::Vec<_> = registry.names().collect();
    ::core::assert_eq!(names, ["hygiene", "hygiene-inner", "hygiene-local"]);
}
