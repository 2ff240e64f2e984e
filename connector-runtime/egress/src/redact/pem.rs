//! The parts of a private key in PEM. A key is written in lines, and programs join them, break them in another way, or show
//! one of them: each line counts as a secret, and so does the whole without line breaks.

use crate::Secret;

/// A shorter line is not searched for alone: it tells little, and may be a word.
const MIN_LINE: usize = 16;
/// The most lines that are searched for alone: those of an RSA key of 16,384 bits are 200.
const MAX_LINES: usize = 256;

/// Returns the parts of a secret that is a private key in PEM; of any other secret, nothing.
pub(super) fn parts(secret: &Secret) -> Vec<Secret> {
    let text = secret.expose();
    if !text.contains("PRIVATE KEY-----") {
        return Vec::new();
    }
    let mut parts = Vec::new();
    let mut body = String::new();
    let mut is_inside = false;
    let lines = text.split(['\n', '\r']).flat_map(|line| line.split("\\n")).map(str::trim);
    for line in lines.filter(|line| !line.is_empty()) {
        if line.starts_with("-----") {
            if !body.is_empty() {
                parts.push(Secret::new(std::mem::take(&mut body)));
            }
            is_inside = line.starts_with("-----BEGIN") && line.contains("PRIVATE KEY");
        } else if is_inside {
            body.push_str(line);
            if line.len() >= MIN_LINE && parts.len() < MAX_LINES {
                parts.push(Secret::new(line));
            }
        }
    }
    if !body.is_empty() {
        parts.push(Secret::new(body));
    }
    parts
}
