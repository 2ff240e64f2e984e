//! The pages through the router of a whole server, as a browser without scripts sees them.

mod access;
mod bounds;
mod browser;
mod changes;
mod checker;
mod connectors;
mod definitions;
mod details;
pub(super) mod html;
mod import;
mod limits;
mod live;
mod mocks;
mod results;
mod runs;
mod script_page;
mod scripts;
mod services;
mod status;
mod stores;
mod types;
mod wizard;
