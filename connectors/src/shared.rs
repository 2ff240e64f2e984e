//! What several connectors have in common.

mod on_exists;

pub use self::on_exists::{OnExists, OnExistsOrUpdate};
