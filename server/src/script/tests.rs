//! The sandbox without processes: frames, judging, who gets which worker. What needs the built program is in
//! `server/tests/script.rs`.

mod answer;
mod frame;
mod queue;
mod tokens;
