//! The arguments of each attribute, all of which are optional.

use darling::FromMeta;
use darling::util::Flag;

use super::constant::{Constant, Length, Pattern};
use super::egress::EgressArg;
use super::lock::LockArg;
use super::texts::{ConnectorName, Names, Text, Texts, Version, WireName};
use super::values::{CratePath, Deprecated, EffectArg, Mocks, PathValue, TimeoutArg};
use super::variables::Variables;

/// The keys that an attribute accepts. Its parser lists them in its errors only if they are few.
pub(crate) trait Keys {
    const KEYS: &'static [&'static str];
}

/// Declares the arguments of an attribute, all of which are optional.
macro_rules! arguments {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $key:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Default, FromMeta)]
        #[darling(default)]
        pub(crate) struct $name {
            $($(#[$about])* pub(crate) $key: $type,)*
        }

        impl Keys for $name {
            const KEYS: &'static [&'static str] = &[$(stringify!($key)),*];
        }
    };
}

arguments! {
    /// Arguments of `#[connector]` on a struct.
    ConnectorArgs {
        name: Option<ConnectorName>,
        version: Option<Version>,
        category: Option<Text>,
        tags: Texts,
        default_command: Option<Text>,
        legacy_commandless_ui: Flag,
        egress: Option<EgressArg>,
        errors: Option<PathValue>,
        lock: Option<LockArg>,
        #[darling(rename = "crate")]
        krate: Option<CratePath>,
    }
}

arguments! {
    /// Arguments of attributes that accept only `crate`.
    CrateArgs {
        #[darling(rename = "crate")]
        krate: Option<CratePath>,
    }
}

arguments! {
    /// Arguments of `#[command]`.
    CommandArgs {
        name: Option<WireName>,
        effect: Option<EffectArg>,
        idempotent: Flag,
        since: Option<Version>,
        deprecated: Option<Deprecated>,
        timeout: Option<TimeoutArg>,
        outputs: Option<Names>,
        variables: Option<Variables>,
        mock: Mocks,
    }
}

arguments! {
    /// Arguments of `#[config]` and `#[param]`.
    FieldArgs {
        name: Option<WireName>,
        default: Option<Constant>,
        min: Option<Constant>,
        max: Option<Constant>,
        min_length: Option<Length>,
        max_length: Option<Length>,
        pattern: Option<Pattern>,
        label: Option<Text>,
        example: Option<Constant>,
        placeholder: Option<Text>,
        destination: Flag,
    }
}

arguments! {
    /// Arguments of `#[output]`.
    OutputArgs {
        name: Option<WireName>,
    }
}

arguments! {
    /// Arguments of `#[select]`, on the enum and on its variants.
    SelectArgs {
        name: Option<Text>,
        label: Option<Text>,
        #[darling(rename = "crate")]
        krate: Option<CratePath>,
    }
}
