//! Icons as paths of our own: 16 px, stroked, decorative.

use maud::{Markup, html};

/// Returns an icon; an unknown name is an empty one, which a test forbids.
pub(in crate::ui) fn icon(name: &str) -> Markup {
    html! {
        svg width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5"
            stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false" {
            path d=(path(name)) {}
        }
    }
}

fn path(name: &str) -> &'static str {
    PATHS.iter().find(|(known, _)| *known == name).map_or("", |(_, path)| path)
}

const PATHS: &[(&str, &str)] = &[
    ("alert", "M8 2 1.5 13.5h13zM8 6.5V10M8 12h.01"),
    ("check", "m3 8.5 3.5 3.5L13 4.5"),
    ("clock", "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 4.8V8l2.2 1.6"),
    ("code", "m5.5 4.5-4 3.5 4 3.5M10.5 4.5l4 3.5-4 3.5"),
    ("copy", "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z"),
    ("cross", "m4 4 8 8M12 4l-8 8"),
    ("down", "m4 6 4 4 4-4"),
    ("exit", "M6.5 2.5h-4v11h4M10 5l3 3-3 3M13 8H6"),
    (
        "eye",
        "M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8zM8 9.8a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6z",
    ),
    ("file", "M4 1.5h5.5L12.5 5v9.5h-8.5zM9 1.5V5.5h3.5"),
    (
        "flea",
        "M3 10.5c0-3.6 2.6-6 6-6 2.7 0 4.3 1.7 4.3 3.9 0 2.6-2.2 4.1-4.8 4.1H5M13 7l1.6-1.4M6 12.5 4.4 15M8.6 12.5l.4 2.3M4 8 1.6 6.6M8 8.2h.01",
    ),
    ("gauge", "M2.5 12.5a6.5 6.5 0 1 1 11 0M8 9.5l3-4M8 9.5h.01"),
    ("globe", "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM2 8h12M8 2c2 2 2.6 4 2.6 6S10 12 8 14c-2-2-2.6-4-2.6-6S6 4 8 2z"),
    ("info", "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 7.5V11M8 5h.01"),
    ("key", "M10.5 9.5a3.5 3.5 0 1 0-3.3-2.3L2 12.4V14h2.5v-1.5H6V11h1.5l1.2-1.2c.5.2 1.1-.3 1.8-.3zM11 5.5h.01"),
    ("layers", "M8 2 2.5 5 8 8l5.5-3zM2.5 8 8 11l5.5-3M2.5 11 8 14l5.5-3"),
    ("lock", "M3.5 7h9v7h-9zM5.5 7V4.8a2.5 2.5 0 0 1 5 0V7"),
    (
        "mask",
        "M2 5.5c2-1 4-1.2 6-1.2s4 .2 6 1.2c0 4-1.6 6.2-3.2 6.2C9.4 11.7 9 10 8 10s-1.4 1.7-2.8 1.7C3.6 11.7 2 9.5 2 5.5zM5 7.3h1.4M9.6 7.3H11",
    ),
    ("menu", "M2 4h12M2 8h12M2 12h12"),
    ("moon", "M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7z"),
    ("pause", "M5.5 3v10M10.5 3v10"),
    ("play", "M4.5 2.8v10.4L13 8z"),
    ("plug", "M6 2v3M10 2v3M4.5 5h7v2.5a3.5 3.5 0 0 1-7 0zM8 11v3"),
    ("plus", "M8 3.5v9M3.5 8h9"),
    ("pulse", "M1.5 8.5H4L6 3.5l3.5 9 2-4h3"),
    ("runs", "M2.5 2v12M5.5 4h6M5.5 8h3.5M5.5 12h8"),
    ("search", "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.5 10.5 14 14"),
    ("server", "M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.01M5 11h.01"),
    ("trash", "M2.5 4h11M6 4V2.5h4V4M4 4l.7 9.5h6.6L12 4"),
    ("up", "m4 10 4-4 4 4"),
];

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    /// Collects the names in `icon("...")` and in the second place of `badge("...", "...")` of every page.
    fn used(folder: &Path, names: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                used(&entry.path(), names);
            } else if entry.path().extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(entry.path()).unwrap();
                for part in text.split("icon(\"").skip(1) {
                    names.push(part.split('"').next().unwrap().to_owned());
                }
            }
        }
    }

    #[test]
    fn every_icon_that_is_used_is_drawn() {
        let mut names = Vec::new();
        used(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ui"), &mut names);
        names.retain(|name| name.chars().all(|c| c.is_ascii_lowercase()) && !name.is_empty());
        assert!(names.len() > 10, "{names:?}");
        for name in names {
            assert_ne!(super::path(&name), "", "the icon {name}");
        }
    }
}
