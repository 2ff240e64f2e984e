//! Examples, one file each: a connector with everything (`widget`), what docs/writing-connectors.md quotes (`bookshelf`,
//! `every_key`), and programs that serve, import and embed connectors (`src/bin/`). Each runs with one command, which
//! the README beside `src` names.

pub mod bookshelf;
pub mod every_key;
pub mod widget;
