//! Processes that are measured, and calls to them over HTTP: what the benches of the server and the check of ratios share.
//!
//! It depends on no crate of this workspace and asks for no feature that the released program does not have: built together with
//! it, it changes nothing of what is measured.

pub mod http;
pub mod process;

/// Returns the least of some measurements and their median; it sorts them.
///
/// # Panics
/// If there are none.
pub fn least_and_median(rounds: &mut [f64]) -> (f64, f64) {
    rounds.sort_by(f64::total_cmp);
    (rounds[0], rounds[rounds.len() / 2])
}
