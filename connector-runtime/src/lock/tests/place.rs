//! Where a lock is kept.

use super::fixture::Lab;
use crate::connector::Connector;
use crate::descriptor::{Descriptor, Place};
use crate::lock::{LocateError, LockFile, locate};

#[test]
fn a_lock_lies_in_the_crate_or_beside_the_source() {
    let folder = std::env::temp_dir().join(format!("lock-{}", uuid::Uuid::now_v7()));
    let source = folder.join("inner/src/deep");
    std::fs::create_dir_all(&source).unwrap();
    std::fs::write(folder.join("inner/Cargo.toml"), "").unwrap();
    std::fs::write(source.join("lab.rs"), "").unwrap();
    let place = Place { file: "inner/src/deep/lab.rs", line: 1 };
    let at = |lock, place| Descriptor { lock, place, ..*Lab::DESCRIPTOR };
    let in_crate = locate(&at(LockFile::Crate("schema.lock/lab.lock"), place), &folder.join("inner")).unwrap();
    let beside = locate(&at(LockFile::Beside("../lab.lock"), place), &folder).unwrap();
    let off = locate(&at(LockFile::Off, place), &folder).unwrap();
    let lost = locate(&at(LockFile::Crate("x"), Place { file: "inner/none.rs", line: 1 }), &folder).unwrap_err();
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(in_crate, Some(folder.join("inner/schema.lock/lab.lock")));
    assert_eq!(beside, Some(source.join("../lab.lock")));
    assert_eq!(off, None);
    assert!(matches!(lost, LocateError::NoSource { file: "inner/none.rs", .. }), "{lost}");
}
