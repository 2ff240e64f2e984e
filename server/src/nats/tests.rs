use std::fs;
use std::path::Path;

use super::{MAX_PREFIX, NatsSettings};

fn urls(text: &str) -> Vec<String> {
    text.split(',').map(str::to_owned).collect()
}

#[test]
fn addresses_without_tls_are_of_this_machine() {
    for good in
        ["nats://127.0.0.1:4222", "nats://localhost", "nats://[::1]:4222", "tls://nats.example:4222", "127.0.0.1"]
    {
        NatsSettings::new(&urls(good), "floh").unwrap();
    }
    for open in ["nats://nats.example:4222", "nats://10.0.0.1", "tls://nats.example,nats://user:canary@10.0.0.1"] {
        let text = NatsSettings::new(&urls(open), "floh").unwrap_err().to_string();
        assert!(text.contains("write tls://") && !text.contains("canary"), "{text}");
    }
    for odd in ["http://127.0.0.1", "ws://127.0.0.1", "", "nats://"] {
        let text = NatsSettings::new(&urls(odd), "floh").unwrap_err().to_string();
        assert!(text.contains("is no address of NATS"), "{odd}: {text}");
    }
    let shown = NatsSettings::new(&urls("nats://user:canary@127.0.0.1"), "floh").unwrap();
    assert_eq!(shown.shown(), "nats://127.0.0.1:4222");
    assert!(!format!("{shown:?}").contains("canary"), "{shown:?}");
}

#[test]
fn a_prefix_is_one_part_of_a_subject() {
    let here = urls("nats://127.0.0.1");
    for good in ["floh", "a", "Floh-2_b", &"x".repeat(MAX_PREFIX)] {
        NatsSettings::new(&here, good).unwrap();
    }
    for odd in ["", "a.b", "a b", "*", ">", "ä", &"x".repeat(MAX_PREFIX + 1)] {
        NatsSettings::new(&here, odd).unwrap_err();
    }
}

#[test]
fn credentials_are_told_by_their_form() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("credentials");
    let here = || NatsSettings::new(&urls("nats://127.0.0.1"), "floh").unwrap();
    for good in ["floh:canary\n", "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"] {
        fs::write(&file, good).unwrap();
        let settings = here().with_credentials(&file).unwrap();
        assert!(!format!("{settings:?}").contains("canary"), "{settings:?}");
    }
    for odd in ["", "two words", "nothing-known", &"x".repeat(70_000)] {
        fs::write(&file, odd).unwrap();
        let text = here().with_credentials(&file).unwrap_err().to_string();
        assert!(text.contains("USER:PASSWORD"), "{text}");
    }
    let gone = here().with_credentials(Path::new("/nowhere/at/all")).unwrap_err().to_string();
    assert!(gone.contains("--nats-credentials") && gone.contains("cannot be read"), "{gone}");
    let half = here().with_certificate(Some(&file), None).unwrap_err().to_string();
    assert!(half.contains("belong together"), "{half}");
}
