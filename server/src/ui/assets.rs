//! The stylesheet, the scripts and the icon: embedded, each at an address that changes with what is in any of them, so
//! that browsers keep them for ever.

use std::io::Write as _;
use std::sync::LazyLock;

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;

/// The stylesheet, in the order of its layers.
const STYLES: &[&str] = &[
    include_str!("assets/css/tokens.css"),
    include_str!("assets/css/elements.css"),
    include_str!("assets/css/layout.css"),
    include_str!("assets/css/controls.css"),
    include_str!("assets/css/tables.css"),
    include_str!("assets/css/forms.css"),
    include_str!("assets/css/pieces.css"),
    include_str!("assets/css/data.css"),
    include_str!("assets/css/import.css"),
    include_str!("assets/css/states.css"),
];

const CACHED: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// A file that browsers load.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    text: Bytes,
    zipped: Bytes,
}

struct Assets {
    /// The first characters of the hash of all files: the scripts import each other by their place.
    hash: String,
    files: Vec<Asset>,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let script = "text/javascript; charset=utf-8";
    let files = vec![
        asset("floh.css", "text/css; charset=utf-8", STYLES.concat()),
        asset("floh.js", script, include_str!("assets/floh.js").to_owned()),
        asset("live.js", script, include_str!("assets/live.js").to_owned()),
        asset("pick.js", script, include_str!("assets/pick.js").to_owned()),
        asset("send.js", script, include_str!("assets/send.js").to_owned()),
        asset("tree.js", script, include_str!("assets/tree.js").to_owned()),
        asset("editor.js", script, include_str!("assets/editor.js").to_owned()),
        asset("floh.svg", "image/svg+xml", include_str!("assets/floh.svg").to_owned()),
    ];
    let mut all = ring::digest::Context::new(&ring::digest::SHA256);
    for file in &files {
        all.update(file.name.as_bytes());
        all.update(&file.text);
    }
    let hash = const_hex::encode(&all.finish().as_ref()[..4]);
    Assets { hash, files }
});

fn asset(name: &'static str, content_type: &'static str, text: String) -> Asset {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing into memory cannot fail.
    let written = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    Asset { name, content_type, text: text.into(), zipped: written.unwrap_or_default().into() }
}

/// Returns the address of a file.
pub(super) fn address(name: &str) -> String {
    format!("/assets/{}/{name}", ASSETS.hash)
}

/// Serves a file. An address of an earlier release is answered too, but not kept.
pub(super) async fn serve(Path((hash, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let Some(file) = ASSETS.files.iter().find(|file| file.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let zips = takes_gzip(&headers);
    let body = if zips { file.zipped.clone() } else { file.text.clone() };
    let mut response =
        ([(header::CONTENT_TYPE, file.content_type), (header::VARY, "accept-encoding")], body).into_response();
    let kept = if hash == ASSETS.hash { CACHED } else { HeaderValue::from_static("no-cache") };
    response.headers_mut().insert(header::CACHE_CONTROL, kept);
    if zips {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Returns whether a client takes gzip.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let texts = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).any(|coding| {
        let mut parts = coding.split(';');
        let name = parts.next().unwrap_or_default().trim();
        let refused =
            parts.any(|part| matches!(part.trim().replace(' ', "").as_str(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
        (name.eq_ignore_ascii_case("gzip") || name == "*") && !refused
    })
}

/// Compresses a page.
pub(super) fn gzip(text: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 6), Compression::fast());
    encoder.write_all(text).ok()?;
    encoder.finish().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most bytes that the stylesheet and the scripts take on the way, each kind.
    const MAX_ZIPPED: usize = 12 * 1024;

    #[test]
    fn a_first_visit_is_small() {
        let sum = |ending: &str| {
            let files = ASSETS.files.iter().filter(|file| file.name.ends_with(ending));
            files.map(|file| file.zipped.len()).sum::<usize>()
        };
        for ending in [".css", ".js"] {
            let size = sum(ending);
            assert!((500..MAX_ZIPPED).contains(&size), "{ending}: {size}");
        }
    }

    /// Reads the two colours of a token: on light, on dark.
    fn colours(name: &str) -> [[f64; 3]; 2] {
        let start = STYLES[0].find(&format!("--{name}: light-dark(")).unwrap_or_else(|| panic!("no token {name}"));
        let text = STYLES[0][start..].split(['(', ')']).nth(1).unwrap();
        let mut both = text.split(',').map(|hex| {
            let number = u32::from_str_radix(hex.trim().trim_start_matches('#'), 16).unwrap();
            [16, 8, 0].map(|shift| f64::from(number >> shift & 0xff) / 255.0)
        });
        [both.next().unwrap(), both.next().unwrap()]
    }

    fn contrast(left: [f64; 3], right: [f64; 3]) -> f64 {
        let light = |colour: [f64; 3]| {
            let linear = colour.map(|c| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) });
            linear.iter().zip([0.2126, 0.7152, 0.0722]).map(|(c, share)| c * share).sum::<f64>()
        };
        let (one, other) = (light(left), light(right));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn every_pair_of_text_and_ground_can_be_read() {
        let mut pairs = Vec::new();
        for text in ["text", "muted", "accent"] {
            pairs.extend(["page", "surface", "sunken", "hover"].map(|ground| (text, ground, 4.5)));
        }
        for (state, soft) in [("good", "good-soft"), ("warn", "warn-soft"), ("bad", "bad-soft")] {
            pairs.extend([(state, soft, 4.5), (state, "surface", 4.5), ("text", soft, 4.5)]);
        }
        for code in ["code-key", "code-str", "code-num", "code-fn"] {
            pairs.extend(["surface", "sunken"].map(|ground| (code, ground, 4.5)));
        }
        pairs.push(("accent", "accent-soft", 4.5));
        // The edge of a control.
        pairs.extend(["surface", "page"].map(|ground| ("edge", ground, 3.0)));
        for (text, ground, least) in pairs {
            let (text_colours, grounds) = (colours(text), colours(ground));
            for (theme, name) in ["light", "dark"].iter().enumerate() {
                let ratio = contrast(text_colours[theme], grounds[theme]);
                assert!(ratio >= least, "{text} on {ground}, {name}: {ratio:.2}");
            }
        }
        let white = [1.0; 3];
        for fill in ["accent-fill", "bad-fill"] {
            for colour in colours(fill) {
                assert!(contrast(white, colour) >= 4.5, "white on {fill}");
            }
        }
    }

    #[test]
    fn the_scripts_import_only_each_other() {
        for file in ASSETS.files.iter().filter(|file| file.name.ends_with(".js")) {
            let text = std::str::from_utf8(&file.text).unwrap();
            assert!(!text.contains("http://") && !text.contains("https://"), "{}", file.name);
            for part in text.split("import(\"./").skip(1) {
                let name = part.split('"').next().unwrap();
                assert!(ASSETS.files.iter().any(|file| file.name == name), "{name}");
            }
        }
    }

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        for (given, expected) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, gzip;q=0.8", true),
            ("*", true),
            ("identity", false),
            ("gzip;q=0", false),
            ("gzip; q=0.0", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(given));
            assert_eq!(takes_gzip(&headers), expected, "{given}");
        }
    }
}
