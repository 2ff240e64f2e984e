//! Sources of earlier imports: a client written in JavaScript, the table, and a function for each command that calls the
//! client. They keep running as they are until their document is imported again.

const TABLE: &str = "var operations = {\n";
const TABLE_END: &str = "};\n";
const SECTION: &str = "//# ";

/// Cuts out what one command needs: everything except the other commands' lines of the table and functions. `None` if the
/// source is laid out in another way.
pub(super) fn cut(source: &str, command: &str) -> Option<String> {
    let (head, rest) = source.split_once(TABLE)?;
    let (table, rest) = rest.split_once("\n};\n")?;
    let own = format!("  \"{command}\": ");
    let entry = table.lines().find(|line| line.starts_with(&own))?;
    // A table that was edited by hand is not cut.
    if table.lines().any(|line| !line.starts_with("  \"")) {
        return None;
    }
    let mut sections = rest.split("\n//# ");
    let before = sections.next()?;
    let own = sections.find(|section| section.strip_prefix(command).is_some_and(|after| after.starts_with('\n')))?;
    let mut out = String::with_capacity(head.len() + entry.len() + own.len() + before.len() + 64);
    for part in [head, TABLE, entry, "\n", TABLE_END, before, "\n", SECTION, own] {
        out.push_str(part);
    }
    Some(out)
}

/// Returns the commands whose function a person has changed.
pub(super) fn changed(source: &str) -> Vec<String> {
    let Some((_, rest)) = source.split_once(TABLE).and_then(|(_, rest)| rest.split_once("\n};\n")) else {
        return Vec::new();
    };
    let sections = rest.split("\n//# ").skip(1).filter_map(|section| section.split_once('\n'));
    let function = |name: &str| format!("function {name}() {{\n  return api.call(operations.{name});\n}}\n");
    let by_hand = sections.filter(|(name, own)| own.trim_end() != function(name).trim_end());
    by_hand.map(|(name, _)| name.to_owned()).collect()
}
