use semver::Version;

use crate::version::{FloorError, Level, check_floor, suggested_version};

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

#[test]
fn the_suggested_version_is_the_smallest_that_will_do() {
    for (current, level, suggested) in [
        ("1.2.3", Level::None, "1.2.3"),
        ("1.2.3", Level::Patch, "1.2.4"),
        ("1.2.3", Level::Minor, "1.3.0"),
        ("1.2.3", Level::Major, "2.0.0"),
        ("0.2.3", Level::Major, "1.0.0"),
        ("0.0.1", Level::Minor, "0.1.0"),
        ("2.0.0-rc.1", Level::None, "2.0.0-rc.1"),
        ("2.0.0-rc.1", Level::Patch, "2.0.0"),
        ("2.0.0-rc.1", Level::Major, "2.0.0"),
        ("2.1.0-rc.1", Level::Minor, "2.1.0"),
        ("2.1.0-rc.1", Level::Major, "3.0.0"),
        ("2.1.1-rc.1", Level::Patch, "2.1.1"),
        ("2.1.1-rc.1", Level::Minor, "2.2.0"),
        ("1.0.0+build.5", Level::Patch, "1.0.1"),
    ] {
        assert_eq!(suggested_version(&version(current), level), version(suggested), "{current} {level}");
    }
}

#[test]
fn a_version_below_the_floor_is_refused() {
    for (old, new, level, passes) in [
        ("1.2.3", "1.2.3", Level::None, true),
        ("1.2.3", "9.0.0", Level::None, true),
        ("1.2.3", "1.2.3", Level::Patch, false),
        ("1.2.3", "1.2.3+again", Level::Patch, false),
        ("1.2.3", "1.2.4", Level::Patch, true),
        ("1.2.3", "1.2.4", Level::Minor, false),
        ("1.2.3", "1.3.0", Level::Major, false),
        ("1.2.3", "2.0.0-rc.1", Level::Major, true),
        ("2.0.0-rc.1", "2.0.0-rc.2", Level::Major, true),
        ("2.0.0-rc.1", "2.0.0-rc.1", Level::Major, false),
        ("1.2.4-rc.1", "1.2.4", Level::Minor, false),
        ("0.1.0", "0.2.0", Level::Major, false),
    ] {
        let result = check_floor(&version(old), &version(new), level);
        assert_eq!(result.is_ok(), passes, "{old} -> {new}, {level}: {result:?}");
    }
}

#[test]
fn going_back_is_refused_whatever_changed() {
    for new in ["1.2.2", "0.9.0", "1.2.3-rc.1"] {
        let error = check_floor(&version("1.2.3"), &version(new), Level::None).unwrap_err();
        assert!(matches!(error, FloorError::WentBack { .. }), "{error:?}");
    }
    let error = check_floor(&version("1.2.3"), &version("1.0.0"), Level::Major).unwrap_err();
    assert_eq!(
        error.to_string(),
        "version 1.0.0 goes back behind 1.2.3: a version only rises; use 2.0.0 or a later one"
    );
    assert_eq!(error.needed(), &Version::new(2, 0, 0));
}

#[test]
fn the_text_names_the_version_that_will_do() {
    let error = check_floor(&version("1.2.3"), &version("1.3.0"), Level::Major).unwrap_err();
    assert_eq!(error.to_string(), "version 1.3.0 is too low after 1.2.3: a major change needs 2.0.0 or a later one");
}
