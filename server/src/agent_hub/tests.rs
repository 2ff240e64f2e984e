//! Uses a fake agent over a pair of pipes, on paused time where time matters, against the complete server.

mod delivery;
mod frames;
mod late;
mod life;
mod load;
mod loss;
mod registration;
mod schemas;
mod support;
mod trail;
