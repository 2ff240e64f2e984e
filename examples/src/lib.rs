//! Stories about connectors: one file each.

pub mod widget;
