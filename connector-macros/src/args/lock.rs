//! The argument `lock`: where a connector's lock file is.

use darling::{Error, FromMeta, Result};
use syn::{Expr, ExprLit, Lit, LitStr};

use crate::diag;

/// `lock = false`, or `lock = "path"` from the source file.
pub(crate) enum LockArg {
    Crate,
    Off,
    Beside(LitStr),
}

impl FromMeta for LockArg {
    fn from_expr(expr: &Expr) -> Result<Self> {
        match expr {
            Expr::Lit(ExprLit { lit: Lit::Bool(value), .. }) => Ok(if value.value { Self::Crate } else { Self::Off }),
            Expr::Lit(ExprLit { lit: Lit::Str(path), .. }) => Ok(Self::Beside(path.clone())),
            Expr::Group(group) => Self::from_expr(&group.expr),
            other => Err(Error::custom(diag::BAD_LOCK).with_span(other)),
        }
    }
}
