//! How deep a text is nested, as its lines show it, before a parser sees it.

/// How deep a document may be nested; real ones stay under 40.
pub(super) const DEPTH: usize = 128;

/// Finds a line that is nested too deeply, by brackets or by dashes, before a parser sees it. Text
/// in quotes does not count.
pub(super) fn deep_line(text: &str) -> Option<usize> {
    let mut brackets = 0_usize;
    for (number, line) in text.lines().enumerate() {
        if !line.starts_with([' ', '\t', ']', '}', '[', '{', '#']) && !line.is_empty() {
            brackets = 0;
        }
        // Most lines can be neither, and are not read byte by byte.
        if line.len() <= DEPTH && !has_bracket(line) {
            continue;
        }
        let (mut levels, mut lead, mut quote) = (0_usize, true, None);
        for byte in line.bytes() {
            match (byte, quote) {
                (b'-' | b'?', None) if lead => levels += 1,
                (b' ', _) => {}
                (b'"' | b'\'', None) => (quote, lead) = (Some(byte), false),
                (byte, Some(open)) if byte == open => quote = None,
                (b'[' | b'{', None) => (brackets, lead) = (brackets + 1, false),
                (b']' | b'}', None) => (brackets, lead) = (brackets.saturating_sub(1), false),
                _ => lead = false,
            }
            if levels > DEPTH && !line.trim_matches(['-', ' ']).is_empty() || brackets > 3 * DEPTH {
                return Some(number + 1);
            }
        }
    }
    None
}

/// Returns whether a line has a bracket. Every byte is looked at, which takes less time than to stop at the first.
fn has_bracket(line: &str) -> bool {
    line.bytes().fold(false, |found, byte| found | matches!(byte, b'[' | b'{' | b']' | b'}'))
}
