//! The script sandbox, with the built `floh` as its worker.

#![allow(clippy::unwrap_used, reason = "as in unit tests")]

#[path = "script/cases.rs"]
mod cases;
#[path = "script/checking.rs"]
mod checking;
#[path = "script/egress.rs"]
mod egress;
#[path = "script/guest.rs"]
mod guest;
#[path = "script/hostile.rs"]
mod hostile;
#[path = "script/http.rs"]
mod http;
#[path = "script/numbers.rs"]
mod numbers;
#[path = "script/pool.rs"]
mod pool;
#[path = "script/requests.rs"]
mod requests;
#[path = "script/scaffold.rs"]
mod scaffold;
#[path = "script/support.rs"]
mod support;
#[path = "script/walls.rs"]
mod walls;
#[path = "script/web.rs"]
mod web;
