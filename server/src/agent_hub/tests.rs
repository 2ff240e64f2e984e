//! A fake agent over a pair of pipes, on paused time where time matters; the server behind it is whole.

mod delivery;
mod frames;
mod life;
mod load;
mod loss;
mod registration;
mod schemas;
mod support;
