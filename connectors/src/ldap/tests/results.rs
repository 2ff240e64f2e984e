use connector_runtime::prelude::*;
use ldap3::LdapResult;
use ldap3::controls::{Control, RawControl};

use crate::ldap::Reason;
use crate::ldap::authenticate::reason;
use crate::ldap::ber::{self, Answers, Broken};
use crate::ldap::failure::{meaning, refused};

fn result(rc: u32, text: &str, policy: Option<u8>) -> LdapResult {
    let control = |error| RawControl {
        ctype: "1.3.6.1.4.1.42.2.27.8.5.1".to_owned(),
        crit: false,
        val: Some(vec![0x30, 3, 0x81, 1, error]),
    };
    let ctrls = policy.into_iter().map(|error| Control(None, control(error))).collect();
    LdapResult { rc, matched: String::new(), text: text.to_owned(), refs: Vec::new(), ctrls }
}

#[test]
fn who_is_not_let_in_is_told_why() {
    let ad = |data: &str| {
        format!("80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {data}, v1db1")
    };
    for (rc, text, policy, expected) in [
        (0, String::new(), None, Some(None)),
        (0, String::new(), Some(2), Some(Some(Reason::MustChange))),
        (49, String::new(), None, Some(Some(Reason::Invalid))),
        (49, String::new(), Some(0), Some(Some(Reason::Expired))),
        (49, String::new(), Some(1), Some(Some(Reason::Locked))),
        (49, ad("52e"), None, Some(Some(Reason::Invalid))),
        (49, ad("525"), None, Some(Some(Reason::Invalid))),
        (49, ad("532"), None, Some(Some(Reason::Expired))),
        (49, ad("533"), None, Some(Some(Reason::Disabled))),
        (49, ad("701"), None, Some(Some(Reason::Expired))),
        (49, ad("773"), None, Some(Some(Reason::MustChange))),
        (49, ad("775"), None, Some(Some(Reason::Locked))),
        (32, String::new(), None, Some(Some(Reason::Invalid))),
        (53, "Account inactivated. Contact system administrator.".to_owned(), None, Some(Some(Reason::Disabled))),
        (19, "Exceed password retry limit. Please try later.".to_owned(), None, Some(Some(Reason::Locked))),
        (51, String::new(), None, None),
        (53, "unauthenticated bind (DN with no password) disallowed".to_owned(), None, None),
    ] {
        assert_eq!(reason(&result(rc, &text, policy)), expected, "{rc} {text}");
    }
}

#[test]
fn every_code_of_the_directory_is_one_of_ours_with_its_own_beside_it() {
    for rc in 1..=130 {
        let fail = refused("do it", &result(rc, "its words", None));
        assert_eq!(fail.diagnostics["code"], json!(meaning(rc).0));
        assert_eq!(fail.diagnostics["systemCode"], rc);
        assert_eq!(fail.diagnostics["systemMessage"], "its words");
    }
    assert_eq!(meaning(32).0, Code::NotFound);
    assert_eq!(meaning(50).0, Code::Denied);
    assert_eq!(meaning(68).0, Code::Exists);
}

#[test]
fn a_message_is_passed_on_only_if_it_is_one() {
    let done: &[u8] = b"\x30\x0c\x02\x01\x02\x65\x07\x0a\x01\x00\x04\x00\x04\x00";
    assert_eq!(ber::check(done, Answers::SEARCH), Ok(0x65));
    assert_eq!(ber::check(done, Answers::BIND), Err(Broken::Unexpected));
    let notice = b"\x30\x11\x02\x01\x00\x78\x0c\x0a\x01\x34\x04\x00\x04\x05going";
    assert_eq!(ber::check(notice, Answers::SEARCH), Err(Broken::Ended("going".to_owned())));
    let entry = b"\x30\x19\x02\x01\x02\x64\x14\x04\x04dc=x\x30\x0c\x30\x0a\x04\x02cn\x31\x04\x04\x02\xff\xfe";
    assert_eq!(ber::check(entry, Answers::SEARCH), Ok(0x64));
    // Cut anywhere, changed anywhere: an answer, an error, never a panic.
    for message in [done, notice, entry] {
        for at in 0..message.len() {
            assert!(ber::check(&message[..at], Answers::SEARCH).is_err());
            for byte in [0x00, 0x1f, 0x30, 0x7f, 0x80, 0x84, 0xff] {
                let mut changed = message.to_vec();
                changed[at] = byte;
                drop(ber::check(&changed, Answers::SEARCH));
            }
        }
    }
}
