//! The vault's promises: what opens, what does not, which keys are taken, what a start refuses.

use std::collections::HashSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use connector_runtime::Secret;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::store::tests::{TestDb, new_type, on_both};
use crate::store::{self, ConnectorFields, SealedSecret, Store, TypeChoice};

const PLACE: Place<'static> =
    Place { table: "connector_secret", row: "0198c0de-0000-7000-8000-000000000001", field: "apiKey" };

/// Made by an independent implementation: Python's `cryptography`, keys = SHA-256 of "kek" and "data key".
const GOLDEN: &str = "fl1.18bbc0813ed68efa.AAECAwQFBgcICQoL7-9lgIVdoxeZ_14SlfjzvQ94RuXyAmjMQTIo7ISetPaa-RUqAyBT-J5kUgQzXOtd.\
     ZGVmZ2hpamtsbW5vMLXvsDX-wN9Z5pFXXijxa174EaEQwbn-IA";
const GOLDEN_VALUE: &str = "s3cr3t ü";

fn bytes_of(name: &str) -> [u8; 32] {
    Sha256::digest(name).into()
}

fn key(name: &str) -> MasterKey {
    MasterKey::parse(&STANDARD.encode(bytes_of(name))).unwrap()
}

fn vault(primary: &str, others: &[&str]) -> Vault {
    Vault::with_keys(&Keys { primary: key(primary), others: others.iter().map(|name| key(name)).collect() })
}

#[test]
fn the_golden_vector_seals_and_opens() {
    let vault = vault("kek", &[]);
    assert_eq!(*vault.open(&PLACE, GOLDEN).unwrap(), GOLDEN_VALUE.as_bytes());
    let nonce = |first: u8| std::array::from_fn(|index| first + u8::try_from(index).unwrap());
    let sealed = vault.seal_with(&PLACE, GOLDEN_VALUE.as_bytes(), &bytes_of("data key"), nonce(0), nonce(100));
    assert_eq!(sealed, GOLDEN);
}

#[test]
fn every_changed_character_fails() {
    let vault = vault("kek", &[]);
    for index in 0..GOLDEN.len() {
        for replacement in [GOLDEN.as_bytes()[index] ^ 1, b'A', b'.', b'=', b' '] {
            let mut changed = GOLDEN.as_bytes().to_vec();
            if changed[index] == replacement {
                continue;
            }
            changed[index] = replacement;
            let changed = String::from_utf8(changed).unwrap();
            assert!(vault.open(&PLACE, &changed).is_err(), "{index}: {changed}");
        }
    }
}

#[test]
fn every_flipped_bit_and_every_cut_fails() {
    let vault = vault("kek", &[]);
    let parts: Vec<&str> = GOLDEN.split('.').collect();
    for part in [2, 3] {
        let bytes = URL_SAFE_NO_PAD.decode(parts[part]).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let mut parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
            parts[part] = URL_SAFE_NO_PAD.encode(flipped);
            assert_eq!(vault.open(&PLACE, &parts.join(".")), Err(VaultError::Tampered), "part {part} bit {bit}");
        }
    }
    for length in 0..GOLDEN.len() {
        assert!(vault.open(&PLACE, &GOLDEN[..length]).is_err(), "{length}");
    }
    assert!(vault.open(&PLACE, &format!("{GOLDEN}.")).is_err());
    assert!(vault.open(&PLACE, &format!("{GOLDEN}AAAA")).is_err());
}

#[test]
fn another_place_does_not_open() {
    let vault = vault("kek", &[]);
    let sealed = vault.seal(&PLACE, b"value").unwrap();
    for place in [
        Place { row: "0198c0de-0000-7000-8000-000000000002", ..PLACE },
        Place { field: "apiKey2", ..PLACE },
        Place { field: "", ..PLACE },
        Place { table: "setting", ..PLACE },
        Place { table: PLACE.row, row: PLACE.table, ..PLACE },
        // The same characters, split differently.
        Place { table: "connector_secret0", row: &PLACE.row[1..], ..PLACE },
    ] {
        assert_eq!(vault.open(&place, &sealed), Err(VaultError::Tampered), "{place:?}");
    }
}

#[test]
fn the_parts_of_two_texts_do_not_mix() {
    let vault = vault("kek", &[]);
    let (one, two) = (vault.seal(&PLACE, b"one").unwrap(), vault.seal(&PLACE, b"two").unwrap());
    let (one, two): (Vec<&str>, Vec<&str>) = (one.split('.').collect(), two.split('.').collect());
    let mixed = [one[0], one[1], one[2], two[3]].join(".");
    assert_eq!(vault.open(&PLACE, &mixed), Err(VaultError::Tampered));
}

#[test]
fn ten_thousand_writes_have_their_own_nonces_and_keys() {
    const WRITES: usize = 10_000;
    let vault = vault("kek", &[]);
    let mut nonces = HashSet::new();
    let mut data_keys = HashSet::new();
    for _ in 0..WRITES {
        let sealed = vault.seal(&PLACE, b"the same value").unwrap();
        let parts: Vec<&str> = sealed.split('.').collect();
        for part in [parts[2], parts[3]] {
            nonces.insert(URL_SAFE_NO_PAD.decode(part).unwrap()[..12].to_vec());
        }
        data_keys.insert(vault.data_key(&PLACE, &sealed).unwrap());
    }
    assert_eq!((nonces.len(), data_keys.len()), (2 * WRITES, WRITES));
}

proptest! {
    #[test]
    fn what_is_sealed_opens_again(value: Vec<u8>, table: String, row: String, field: String) {
        let vault = vault("kek", &[]);
        let place = Place { table: &table, row: &row, field: &field };
        let sealed = vault.seal(&place, &value).unwrap();
        prop_assert_eq!(&*vault.open(&place, &sealed).unwrap(), &value);
    }

    #[test]
    fn no_text_makes_it_panic(text: String) {
        prop_assert!(vault("kek", &[]).open(&PLACE, &text).is_err());
    }
}

#[test]
fn older_keys_open_and_the_primary_one_seals() {
    let old = vault("old", &[]).seal(&PLACE, b"value").unwrap();
    let both = vault("new", &["old"]);
    assert_eq!(*both.open(&PLACE, &old).unwrap(), b"value");
    assert!(both.seal(&PLACE, b"value").unwrap().starts_with(&format!("fl1.{}.", key("new").id())));
    let unknown = vault("new", &[]).open(&PLACE, &old).unwrap_err();
    assert_eq!(unknown, VaultError::UnknownKey(key("old").id().to_owned()));
}

#[test]
fn rewrapping_changes_the_wrapping_alone() {
    let old = vault("old", &[]).seal(&PLACE, b"value").unwrap();
    let both = vault("new", &["old"]);
    let new = both.rewrap(&PLACE, &old).unwrap().unwrap();
    assert_eq!(new.split('.').nth(3), old.split('.').nth(3));
    assert_eq!(*vault("new", &[]).open(&PLACE, &new).unwrap(), b"value");
    assert_eq!(both.rewrap(&PLACE, &new).unwrap(), None);
    assert_eq!(both.rewrap(&Place { row: "other", ..PLACE }, &old), Err(VaultError::Tampered));
}

#[test]
fn keys_are_read_in_three_encodings() {
    let bytes = bytes_of("kek");
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    for text in [
        STANDARD.encode(bytes),
        STANDARD.encode(bytes).trim_end_matches('=').to_owned(),
        URL_SAFE_NO_PAD.encode(bytes),
        format!("  {}\n", URL_SAFE_NO_PAD.encode(bytes)),
        hex.to_uppercase(),
        hex,
    ] {
        assert_eq!(MasterKey::parse(&text).unwrap().id(), "18bbc0813ed68efa", "{text}");
    }
}

#[test]
fn weak_keys_are_refused_without_showing_them() {
    let encode = |bytes: &[u8]| STANDARD.encode(bytes);
    let counting: Vec<u8> = (7..39).collect();
    let half = &bytes_of("kek")[..16];
    for (text, reason) in [
        (String::new(), "0 bytes"),
        ("hunter2".to_owned(), "neither base64 nor hex"),
        ("hunter2!hunter2!".to_owned(), "neither base64 nor hex"),
        ("correct-horse-battery-staple-ok-".to_owned(), "24 bytes"),
        (encode(&bytes_of("kek")[..31]), "31 bytes"),
        (encode(&[bytes_of("kek").as_slice(), &[1]].concat()), "33 bytes"),
        (encode(&[0; 32]), "equal"),
        (encode(&[0xff; 32]), "equal"),
        ("ab".repeat(32), "equal"),
        (encode(&counting), "count up"),
        ("0123456789abcdef".repeat(4), "repeats itself"),
        (encode(&[half, half].concat()), "repeats itself"),
        (encode(b"The quick brown fox jumps over 7"), "text, not random"),
    ] {
        let error = MasterKey::parse(&text).unwrap_err();
        assert!(error.to_string().contains(reason), "{text}: {error}");
        assert!(error.to_string().contains("openssl rand -base64 32"), "{error}");
        assert!(text.is_empty() || !format!("{error} {error:?}").contains(&text), "{error}");
    }
}

#[test]
fn lists_of_keys_have_the_primary_one_first() {
    let [new, old] = ["new", "old"].map(|name| STANDARD.encode(bytes_of(name)));
    for text in [format!("{new},{old}"), format!("# a comment\n{new}\n\n{old}\n"), format!(" {new} , {old} ,")] {
        let keys = Keys::parse(&Secret::new(text)).unwrap();
        assert_eq!(keys.primary.id(), key("new").id());
        assert_eq!(keys.others.iter().map(MasterKey::id).collect::<Vec<_>>(), [key("old").id()]);
    }
    assert_eq!(Keys::parse(&Secret::new("# nothing\n")).unwrap_err(), KeyError::None);
    assert!(matches!(Keys::parse(&Secret::new(format!("{new},weak"))), Err(KeyError::Length(3))));
}

#[test]
fn debug_texts_show_ids_alone() {
    let keys = Keys { primary: key("new"), others: vec![key("old")] };
    let shown = format!("{keys:?} {:?}", Vault::with_keys(&keys));
    assert!(shown.contains(key("new").id()) && shown.contains(key("old").id()));
    for name in ["new", "old"] {
        assert!(
            !shown.contains(&URL_SAFE_NO_PAD.encode(bytes_of(name)))
                && !shown.contains(&format!("{:?}", bytes_of(name)))
        );
    }
}

on_both!(
    the_first_start_makes_a_key_file_and_the_next_reads_it,
    a_key_file_open_to_others_stops_the_start,
    a_wrong_key_stops_the_start,
    a_lost_key_file_is_not_replaced,
    a_damaged_check_value_stops_the_start,
    the_environment_goes_before_the_file,
    first_starts_at_once_agree_on_a_key,
);

fn environment(name: &str) -> Secret {
    Secret::new(STANDARD.encode(bytes_of(name)))
}

async fn refusal(store: &Store, environment: Option<&Secret>, folder: &Path) -> String {
    let error = unlock(store, environment, folder).await.unwrap_err();
    format!("{error}")
}

async fn the_first_start_makes_a_key_file_and_the_next_reads_it(db: TestDb) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let sealed = unlock(&db.store, None, &data).await.unwrap().seal(&PLACE, b"value").unwrap();
    assert_eq!(*unlock(&db.store, None, &data).await.unwrap().open(&PLACE, &sealed).unwrap(), b"value");

    let path = data.join("master.key");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o7777, 0o700);
    assert_eq!(fs::read_dir(&data).unwrap().count(), 1, "no draft is left");
    let check = db.store.settings().get("vault_check").await.unwrap().unwrap();
    assert!(check.starts_with("fl1."), "{check}");
}

async fn a_key_file_open_to_others_stops_the_start(db: TestDb) {
    let folder = tempfile::tempdir().unwrap();
    unlock(&db.store, None, folder.path()).await.unwrap();
    let path = folder.path().join("master.key");
    for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o666] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let error = refusal(&db.store, None, folder.path()).await;
        assert!(error.contains(&format!("(mode {mode:04o})")), "{error}");
        assert!(error.ends_with(&format!("chmod 600 {}", path.display())), "{error}");
    }
    for mode in [0o600, 0o400] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        unlock(&db.store, None, folder.path()).await.unwrap();
    }
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    for (text, reason) in [("", "no key is given"), ("hunter2\n", "neither base64 nor hex")] {
        fs::write(&path, text).unwrap();
        let error = refusal(&db.store, None, folder.path()).await;
        assert!(error.contains(reason) && error.contains("master.key"), "{error}");
    }
}

async fn a_wrong_key_stops_the_start(db: TestDb) {
    let folder = tempfile::tempdir().unwrap();
    unlock(&db.store, Some(&environment("right")), folder.path()).await.unwrap();
    let error = refusal(&db.store, Some(&environment("wrong")), folder.path()).await;
    assert!(error.contains(key("right").id()) && error.contains(key("wrong").id()), "{error}");
    assert!(error.contains("FLOH_MASTER_KEY"), "{error}");
    let both = Secret::new(format!("{},{}", environment("wrong").expose(), environment("right").expose()));
    unlock(&db.store, Some(&both), folder.path()).await.unwrap();
    let weak = refusal(&db.store, Some(&Secret::new("hunter2hunter2")), folder.path()).await;
    assert!(weak.starts_with("FLOH_MASTER_KEY: ") && !weak.contains("hunter2"), "{weak}");
    assert!(!folder.path().join("master.key").exists());
}

async fn a_lost_key_file_is_not_replaced(db: TestDb) {
    let folder = tempfile::tempdir().unwrap();
    unlock(&db.store, None, folder.path()).await.unwrap();
    let path = folder.path().join("master.key");
    fs::remove_file(&path).unwrap();
    let error = refusal(&db.store, None, folder.path()).await;
    assert!(error.contains("restore it from your backup"), "{error}");
    assert!(!path.exists());
}

async fn a_damaged_check_value_stops_the_start(db: TestDb) {
    let folder = tempfile::tempdir().unwrap();
    let vault = unlock(&db.store, Some(&environment("kek")), folder.path()).await.unwrap();
    for damaged in [vault.seal(&PLACE, b"floh vault check").unwrap(), "fl1".to_owned(), String::new()] {
        db.store.settings().put("vault_check", &damaged).await.unwrap();
        let error = refusal(&db.store, Some(&environment("kek")), folder.path()).await;
        assert!(error.contains("damaged"), "{error}");
    }
}

async fn the_environment_goes_before_the_file(db: TestDb) {
    let folder = tempfile::tempdir().unwrap();
    unlock(&db.store, Some(&environment("kek")), folder.path()).await.unwrap();
    let path = folder.path().join("master.key");
    fs::write(&path, STANDARD.encode(bytes_of("other"))).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    unlock(&db.store, Some(&environment("kek")), folder.path()).await.unwrap();
    let error = refusal(&db.store, None, folder.path()).await;
    assert!(error.contains(&format!("the key in {} is", path.display())), "{error}");
}

async fn first_starts_at_once_agree_on_a_key(db: TestDb) {
    let folder = tempfile::tempdir().unwrap();
    let opened = futures_util::future::join_all((0..8).map(|_| {
        let (store, folder) = (db.store.clone(), folder.path().to_owned());
        tokio::spawn(async move { unlock(&store, None, &folder).await.unwrap().seal(&PLACE, b"value").unwrap() })
    }));
    let ids: HashSet<String> =
        opened.await.into_iter().map(|sealed| sealed.unwrap().split('.').nth(1).unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_sealed_value_is_nowhere_in_the_files() {
    const CANARY: &str = "canary-4711-canary";
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&store::sqlite_url(&folder.path().join("floh.db"))).await.unwrap();
    let vault = unlock(&store, None, folder.path()).await.unwrap();
    let id = store::new_id();
    let place = Place { table: "connector_secret", row: &id.to_string(), field: "apiKey" };
    let secret =
        SealedSecret { field: "apiKey".to_owned(), ciphertext: vault.seal(&place, CANARY.as_bytes()).unwrap() };
    let chosen = TypeChoice::New(new_type("widget"));
    store.connectors().create(id, ConnectorFields::named("widget"), chosen, vec![secret]).await.unwrap();
    let loaded = store.connectors().load("widget").await.unwrap();
    assert_eq!(*vault.open(&place, &loaded.secrets[0].ciphertext).unwrap(), CANARY.as_bytes());

    let encoded = URL_SAFE_NO_PAD.encode(CANARY);
    for file in fs::read_dir(folder.path()).unwrap() {
        let path = file.unwrap().path();
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains(CANARY) && !text.contains(&encoded), "{}", path.display());
    }
    store.close().await;
}
