//! The redactor does what the naive oracle does, in texts that are made of secrets and of what is like them.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::super::Redactor;
use super::oracle;

/// Secrets of several kinds: tokens, periodic ones, ones that every spelling writes differently.
fn secret() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z0-9_-]{6,40}",
        "[ab]{6,14}",
        "(aab){2,6}a?",
        "[a-f%0-9A-F]{6,12}",
        "[a-c/+=%\"\\\\ &~'!é]{6,16}",
        "\\PC{6,12}",
        "[äöüß€u\\\\ n\n\t]{3,10}",
        "-----BEGIN KEY-----\n[A-Za-z0-9+/]{8,60}\n-----END KEY-----\n",
    ]
}

/// Texts of forms, of parts of forms, and of what stands between.
fn text(secrets: &[String], parts: &[(Index, Index, Index, Index, String)]) -> String {
    let forms: Vec<String> = secrets.iter().flat_map(|secret| oracle::forms(secret)).collect();
    let mut text = String::new();
    for (form, whole, from, to, between) in parts {
        let form = form.get(&forms);
        let (from, to) =
            if whole.index(2) == 0 { (0, form.len()) } else { (from.index(form.len()), to.index(form.len() + 1)) };
        text += form.get(form.ceil_char_boundary(from)..form.floor_char_boundary(to)).unwrap_or_default();
        text += between;
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_the_oracle_masks_is_masked_and_nothing_else(
        secrets in vec(secret(), 1..4),
        parts in vec((any::<Index>(), any::<Index>(), any::<Index>(), any::<Index>(), "[ab%=\\\\ ]{0,3}"), 0..8),
    ) {
        let text = text(&secrets, &parts);
        let redactor = Redactor::new(secrets.clone());
        let expected = oracle::masked(&secrets, &text);
        prop_assert_eq!(redactor.text(&text), expected.as_str());
        prop_assert_eq!(redactor.finds(&text), expected != text);
    }

    #[test]
    fn every_form_of_every_secret_is_found(secrets in vec(secret(), 1..4), before in "[a-z:é ]{0,4}", after in "[a-z ]{0,4}") {
        let redactor = Redactor::new(secrets.clone());
        for form in secrets.iter().filter(|secret| secret.chars().count() >= 6).flat_map(|secret| oracle::forms(secret)) {
            let text = format!("{before}{form}{after}");
            prop_assert!(redactor.finds(&text), "{}", text);
            prop_assert!(!redactor.text(&text).contains(&form), "{}", text);
        }
    }
}
