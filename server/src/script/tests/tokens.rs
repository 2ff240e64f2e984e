use crate::script::tokens::TokenCall;

#[test]
fn whatever_a_token_depends_on_tells_it_from_others() {
    let asked = || TokenCall { scopes: vec!["a".to_owned(), "b".to_owned()], ..TokenCall::default() };
    let text = || "x".to_owned();
    let different = [
        asked(),
        TokenCall { scopes: vec!["ab".to_owned()], ..asked() },
        TokenCall { token_url: text(), ..asked() },
        TokenCall { open_id_connect_url: text(), ..asked() },
        TokenCall { client_id: text(), ..asked() },
        TokenCall { client_secret: text(), ..asked() },
        TokenCall { audience: text(), ..asked() },
        TokenCall { resource: text(), ..asked() },
        TokenCall { style: text(), ..asked() },
    ];
    let keys: std::collections::HashSet<_> = different.iter().map(TokenCall::key).collect();
    assert_eq!(keys.len(), different.len());
    assert_eq!(TokenCall { renew: true, ..asked() }.key(), asked().key());
    let secret = TokenCall { client_secret: "canary-secret".to_owned(), ..asked() };
    assert!(!format!("{secret:?}").contains("canary"));
}
