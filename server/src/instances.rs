//! Connectors ready to be called: loaded from the store at the first call, decrypted, and kept until they are written
//! to. Which executor serves a connector is decided only here.

mod cache;
mod instance;
mod kept;
mod load;
mod meters;
mod refreshing;
mod remote;
mod shared_types;
#[cfg(test)]
mod tests;

pub use cache::Instances;
pub use instance::Instance;
pub use load::Loader;
pub use meters::MeteredNames;
pub use refreshing::Refreshers;
pub use shared_types::SharedTypes;
