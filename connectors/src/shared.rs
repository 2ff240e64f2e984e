//! What several connectors have in common.

mod answers;
mod on_exists;
mod time;

pub use self::answers::Changed;
pub(crate) use self::answers::invalid;
pub use self::on_exists::{OnExists, OnExistsOrUpdate};
pub(crate) use self::time::time_to_work;
