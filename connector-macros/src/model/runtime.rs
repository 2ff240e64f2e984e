//! The path under which the macros' output finds the runtime.

use syn::Path;

use crate::args::CratePath;

/// Returns the path under which the macros' output names the runtime.
pub(crate) fn runtime(given: Option<CratePath>) -> Path {
    given.map_or_else(|| syn::parse_quote!(::connector_runtime), |path| path.0)
}
