use connector_runtime::prelude::*;
use ldap3::asn1::{PL, StructureTag};

use crate::ldap::entry::Forms;
use crate::ldap::filter::{build, check_attribute};

/// Texts of the characters that mean something in a filter, in UTF-8, and at random.
struct Texts(u64);

impl Texts {
    fn next(&mut self) -> String {
        const ALPHABET: &[char] = &[
            '(',
            ')',
            '*',
            '\\',
            '\0',
            '=',
            '&',
            '|',
            '!',
            '~',
            '<',
            '>',
            ':',
            '{',
            '}',
            'a',
            '2',
            'é',
            '\u{10ffff}',
            ' ',
            '#',
        ];
        let mut random = || {
            // xorshift: the same texts each time.
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 % 1_000_003).unwrap()
        };
        let length = 1 + random() % 12;
        (0..length).map(|_| ALPHABET[random() % ALPHABET.len()]).collect()
    }
}

/// Reads what a filter asks: an attribute, and the bytes that it must equal.
fn equality(filter: &str) -> Option<(String, Vec<u8>)> {
    let StructureTag { id: 3, payload: PL::C(parts), .. } = ldap3::parse_filter(filter).ok()?.into_structure() else {
        return None;
    };
    let [name, value] = parts.try_into().ok()?;
    let bytes = |tag: StructureTag| match tag.payload {
        PL::P(bytes) => Some(bytes),
        PL::C(_) => None,
    };
    Some((String::from_utf8(bytes(name)?).ok()?, bytes(value)?))
}

use ldap3::asn1::ASNTag as _;

#[test]
fn no_value_ever_asks_for_anything_but_itself() {
    let mut texts = Texts(0x2545_f491_4f6c_dd1d);
    let forms = Forms::default();
    for _ in 0..100_000 {
        let text = texts.next();
        let by = Map::from_iter([("cn".to_owned(), json!(text))]);
        let built = build(Some(&by), None, None, &forms).unwrap();
        assert_eq!(equality(&built), Some(("cn".to_owned(), text.clone().into_bytes())), "{text:?}: {built}");
        let values = Map::from_iter([("v".to_owned(), json!(text))]);
        let built = build(None, Some("(cn={v})"), Some(&values), &forms).unwrap();
        assert_eq!(equality(&built), Some(("cn".to_owned(), text.clone().into_bytes())), "{text:?}: {built}");
    }
}

#[test]
fn attributes_are_names_and_nothing_else() {
    for name in ["cn", "userCertificate;binary", "member;range=0-*", "2.5.4.3", "x-thing_1", "cn;lang-de"] {
        check_attribute(name).unwrap();
    }
    for name in ["", "a b", "cn)(uid", "cn=", "1cn", "2..5", "cn;", "é", "cn\0", "*"] {
        check_attribute(name).unwrap_err();
    }
}

#[test]
fn all_of_several_values_are_asked_for_in_their_form() {
    let by = json!({
        "objectGUID": "6f9619ff-8b86-d011-b42d-00c04fc964ff",
        "objectSid": "S-1-5-32-544",
        "member": ["a", "b"],
        "active": true,
        "number": 9_007_199_254_740_993_u64,
    });
    let built = build(by.as_object(), None, None, &Forms::default()).unwrap();
    assert_eq!(
        built,
        "(&(objectGUID=\\ff\\19\\96\\6f\\86\\8b\\11\\d0\\b4\\2d\\00\\c0\\4f\\c9\\64\\ff)\
         (objectSid=\\01\\02\\00\\00\\00\\00\\00\\05\\20\\00\\00\\00\\20\\02\\00\\00)\
         (member=a)(member=b)(active=TRUE)(number=9007199254740993))"
    );
    for (by, why) in [
        (json!({ "objectGUID": "x" }), "it has to be a GUID"),
        (json!({ "objectSid": "S-1" }), "it has to be a SID"),
        (json!({ "jpegPhoto": "!" }), "it has to be base64"),
        (json!({ "cn": null }), "has to be a text"),
    ] {
        let error = build(by.as_object(), None, None, &Forms::default()).unwrap_err().error;
        assert!(error.contains(why), "{error}");
    }
    assert_eq!(build(None, None, None, &Forms::default()).unwrap(), "(objectClass=*)");
    let long = Map::from_iter([("cn".to_owned(), json!("x".repeat(70_000)))]);
    assert_eq!(build(Some(&long), None, None, &Forms::default()).unwrap_err().diagnostics["code"], "tooLarge");
}
