//! The parts that pages are made of.

pub(super) mod amount;
pub(super) mod badge;
pub(super) mod chart;
pub(super) mod code;
pub(super) mod dialog;
pub(super) mod diff;
pub(super) mod editor;
pub(super) mod frame;
pub(super) mod icon;
pub(super) mod keys;
pub(super) mod pages;
pub(super) mod pick;
pub(super) mod prose;
pub(super) mod reference;
pub(super) mod result;
pub(super) mod time;
pub(super) mod tree;
mod verdict;
mod withheld;

pub(super) use withheld::withheld;
