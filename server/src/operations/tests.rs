//! Styles, addresses and bodies, without a network.

mod addresses;
mod styles;
