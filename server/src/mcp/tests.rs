//! The door as a client of the protocol sees it. What clients that others wrote see is in `tests/`.

mod calls;
mod client;
mod confirmation;
mod listing;
mod resources;
mod runs;
mod ways_in;
mod writing;

pub(super) use client::Client;
