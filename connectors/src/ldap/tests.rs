//! What needs no directory: filters, names, values, and directories that are none.

mod filters;
mod hostile;
mod names;
mod results;
