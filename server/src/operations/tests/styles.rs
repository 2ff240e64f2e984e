//! The style table of OpenAPI 3.1 (section "Style Examples"), and what it leaves open.

use serde_json::{Value, json};

use crate::openapi::Form;
use crate::operations::spelling::Spelling;
use crate::operations::style::{cookies, expand, spread};

fn form(style: &str, explode: bool) -> Form {
    let usual = matches!(style, "simple" | "form");
    Form { style: (!usual).then(|| style.to_owned()), explode, ..Form::default() }
}

fn values() -> [Value; 4] {
    [json!(""), json!("blue"), json!(["blue", "black", "brown"]), json!({ "R": 100, "G": 200, "B": 150 })]
}

#[test]
fn every_row_of_the_style_table() {
    // For the values empty, a text, a list and an object. Where the table has n/a, nothing is promised.
    for (style, explode, expected) in [
        ("matrix", false, [";color", ";color=blue", ";color=blue,black,brown", ";color=R,100,G,200,B,150"]),
        ("matrix", true, [";color", ";color=blue", ";color=blue;color=black;color=brown", ";R=100;G=200;B=150"]),
        ("label", false, [".", ".blue", ".blue,black,brown", ".R,100,G,200,B,150"]),
        ("label", true, [".", ".blue", ".blue.black.brown", ".R=100.G=200.B=150"]),
        ("simple", false, ["", "blue", "blue,black,brown", "R,100,G,200,B,150"]),
        ("simple", true, ["", "blue", "blue,black,brown", "R=100,G=200,B=150"]),
    ] {
        for (value, expected) in values().iter().zip(expected) {
            let written = expand("color", &form(style, explode), value, Spelling::Encoded);
            assert_eq!(written.as_deref(), Some(expected), "{style} {explode} {value}");
        }
    }
    for (style, explode, expected) in [
        ("form", false, ["color=", "color=blue", "color=blue,black,brown", "color=R,100,G,200,B,150"]),
        ("form", true, ["color=", "color=blue", "color=blue&color=black&color=brown", "R=100&G=200&B=150"]),
        (
            "spaceDelimited",
            false,
            ["color=", "color=blue", "color=blue%20black%20brown", "color=R%20100%20G%20200%20B%20150"],
        ),
        (
            "pipeDelimited",
            false,
            ["color=", "color=blue", "color=blue%7Cblack%7Cbrown", "color=R%7C100%7CG%7C200%7CB%7C150"],
        ),
        (
            "deepObject",
            true,
            [
                "color=",
                "color=blue",
                "color%5B0%5D=blue&color%5B1%5D=black&color%5B2%5D=brown",
                "color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150",
            ],
        ),
    ] {
        for (value, expected) in values().iter().zip(expected) {
            let mut pairs = Vec::new();
            spread("color", &form(style, explode), value, &mut pairs);
            assert_eq!(pairs.join("&"), expected, "{style} {explode} {value}");
        }
    }
    for (explode, expected) in [
        (false, ["color=", "color=blue", "color=blue,black,brown", "color=R,100,G,200,B,150"]),
        (true, ["color=", "color=blue", "color=blue; color=black; color=brown", "R=100; G=200; B=150"]),
    ] {
        for (value, expected) in values().iter().zip(expected) {
            let mut pairs = Vec::new();
            cookies("color", &form("form", explode), value, &mut pairs);
            assert_eq!(pairs.join("; "), expected, "cookie {explode} {value}");
        }
    }
}

#[test]
fn null_inside_a_value_is_not_there_and_an_empty_list_is_nothing() {
    let list = json!(["a", null, "b"]);
    let object = json!({ "a": 1, "b": null });
    for style in ["simple", "label", "matrix"] {
        for explode in [false, true] {
            let form = form(style, explode);
            for empty in [json!([]), json!({}), json!([null]), json!({ "a": null })] {
                assert_eq!(expand("p", &form, &empty, Spelling::Encoded), None, "{style} {explode} {empty}");
            }
            for value in [&list, &object] {
                let written = expand("p", &form, value, Spelling::Encoded).unwrap();
                assert!(!written.contains("null") && !written.contains(",,"), "{written}");
            }
        }
    }
    for style in ["form", "spaceDelimited", "pipeDelimited", "deepObject"] {
        for explode in [false, true] {
            for empty in [json!([]), json!({}), json!([null]), json!({ "a": null })] {
                let mut pairs = Vec::new();
                spread("p", &form(style, explode), &empty, &mut pairs);
                assert_eq!(pairs, Vec::<String>::new(), "{style} {explode} {empty}");
            }
        }
    }
}

#[test]
fn numbers_keep_their_text_and_only_unreserved_characters_stay() {
    let plain = Form::default();
    for (value, text) in [
        (json!(18_446_744_073_709_551_615_u64), "18446744073709551615"),
        (json!(-9_007_199_254_740_993_i64), "-9007199254740993"),
        (json!(true), "true"),
        (json!({ "a": [1] }), "a,%5B1%5D"),
        (json!("azAZ09-._~ !*'()%+/ü"), "azAZ09-._~%20%21%2A%27%28%29%25%2B%2F%C3%BC"),
    ] {
        assert_eq!(expand("p", &plain, &value, Spelling::Encoded).as_deref(), Some(text));
    }
    let reserved = json!(":/?#[]@!$&'()*+,;= %");
    let spelled = |spelling: Spelling| spelling.value(&reserved);
    assert_eq!(spelled(Spelling::ReservedInQuery), ":/?%23%5B%5D@!$%26'()*%2B,;=%20%25");
    assert_eq!(spelled(Spelling::ReservedInPath), ":/%3F%23%5B%5D@!$%26'()*%2B,;=%20%25");
}
