//! Examples, one file each: a connector with everything (`widget`), and programs that serve, import and embed
//! connectors (`src/bin/`). Each runs with one command, which the README beside `src` names.

pub mod widget;
