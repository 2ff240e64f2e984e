//! What a draft takes from the head of a document: a connector's name, and a semantic version.

/// Makes a connector's name from a title.
pub(super) fn slug(title: &str) -> String {
    let mut name = String::new();
    for part in title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()) {
        if name.len() + part.len() + 1 > 60 {
            break;
        }
        if !name.is_empty() {
            name.push('-');
        }
        name.push_str(&part.to_ascii_lowercase());
    }
    if connector_runtime::schema::is_connector_name(&name) { name } else { "imported-api".to_owned() }
}

/// Makes a semantic version from the usual spellings: `v2`, `1.0`, `2024-06-01`.
pub(super) fn version(told: &str) -> String {
    if let Ok(version) = semver::Version::parse(told.trim().trim_start_matches(['v', 'V'])) {
        return format!("{}.{}.{}", version.major, version.minor, version.patch);
    }
    let mut numbers = told.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse::<u64>().ok());
    match numbers.next() {
        Some(major) => format!("{major}.{}.{}", numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)),
        None => "1.0.0".to_owned(),
    }
}
