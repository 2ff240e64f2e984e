//! The sandbox without processes: frames, results, the assignment of workers. Tests that need the built program are in
//! `server/tests/script.rs`.

mod answer;
mod departed;
mod frame;
mod queue;
mod refresh;
mod tokens;
