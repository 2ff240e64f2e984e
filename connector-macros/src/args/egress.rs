//! The argument `egress`: where a connection's secrets may go.

use darling::{Error, FromMeta, Result};
use syn::{Expr, Ident};

use crate::diag;

/// `egress = base_url`, `egress = [base_url, token_url]` or `egress = anywhere`.
pub(crate) struct EgressArg {
    pub(crate) names: Vec<Ident>,
    /// Whether the names are in brackets; in brackets `anywhere` is an ordinary field name.
    pub(crate) listed: bool,
}

impl FromMeta for EgressArg {
    fn from_expr(expr: &Expr) -> Result<Self> {
        match expr {
            Expr::Group(group) => Self::from_expr(&group.expr),
            Expr::Array(list) if list.elems.is_empty() => Err(Error::custom(diag::NO_EGRESS).with_span(list)),
            Expr::Array(list) => {
                let mut errors = Error::accumulator();
                let names = list.elems.iter().filter_map(|name| errors.handle(field_name(name))).collect();
                errors.finish_with(Self { names, listed: true })
            }
            name => field_name(name).map(|name| Self { names: vec![name], listed: false }),
        }
    }
}

fn field_name(expr: &Expr) -> Result<Ident> {
    let ident = match expr {
        Expr::Path(path) => path.path.get_ident().cloned(),
        _ => None,
    };
    ident.ok_or_else(|| Error::custom(diag::BAD_EGRESS).with_span(expr))
}
