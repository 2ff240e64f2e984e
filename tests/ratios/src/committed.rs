//! The committed ratios.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::Ratio;

/// What a ratio may be above its committed value.
const TOLERANCE: f64 = 1.15;

/// The head of the file.
const HEAD: &str = "# Ratios of the released program to bare equivalents, on two cores: what each is stands in performance.md. `.ci/ratios` fails\n\
                    # if one is more than 15 % above. Written by `.ci/ratios --write`.\n\n";

/// The ratios of the file, by name.
pub(crate) struct Committed(BTreeMap<String, f64>);

impl Committed {
    pub(crate) fn new(measured: &[Ratio]) -> Self {
        let rounded = |value: f64| (value * 100.0).round() / 100.0;
        Self(measured.iter().map(|ratio| (ratio.name.clone(), rounded(ratio.value))).collect())
    }

    pub(crate) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self(toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    pub(crate) fn write(&self, path: &Path) {
        let ratios = toml::to_string(&self.0).expect("names and numbers");
        fs::write(path, format!("{HEAD}{ratios}")).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        print!("{ratios}");
    }

    /// Returns what is too high, what is not committed, and what was not measured.
    pub(crate) fn regressions(&self, measured: &[Ratio]) -> Vec<String> {
        let value = |name: &str| measured.iter().find(|ratio| ratio.name == name).map(|ratio| ratio.value);
        let known = self.0.iter().filter_map(|(name, committed)| match value(name) {
            Some(value) if value <= committed * TOLERANCE => None,
            Some(value) => Some(format!("{name} {value:.2} (committed {committed:.2})")),
            None => Some(format!("{name} was not measured")),
        });
        let new = measured.iter().filter(|ratio| !self.0.contains_key(&ratio.name));
        known.chain(new.map(|ratio| format!("{} {:.2} (not committed)", ratio.name, ratio.value))).collect()
    }

    pub(crate) fn print(&self, measured: &[Ratio]) {
        println!("{:<28} {:>10} {:>10}", "ratio", "measured", "committed");
        for Ratio { name, value } in measured {
            println!("{name:<28} {value:>10.2} {:>10.2}", self.0.get(name).copied().unwrap_or(f64::NAN));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_above_the_tolerance_missing_or_new_is_told() {
        let committed = Committed::new(&[Ratio::new("call", 2.0), Ratio::new("memory", 1.0)]);
        let measured = [Ratio::new("call", 2.3), Ratio::new("memory", 1.1)];
        assert!(committed.regressions(&measured).is_empty());
        let measured = [Ratio::new("call", 2.31), Ratio::new("start", 1.0)];
        let told = committed.regressions(&measured);
        assert_eq!(told, ["call 2.31 (committed 2.00)", "memory was not measured", "start 1.00 (not committed)"]);
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("ratios.toml");
        let measured = [Ratio::new("call", 2.345)];
        Committed::new(&measured).write(&path);
        assert_eq!(Committed::read(&path).0["call"], 2.35);
    }
}
