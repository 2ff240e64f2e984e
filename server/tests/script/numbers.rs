//! Whole numbers beyond 2^53 reach a script and leave it exact.

use serde_json::{Value, json};
use server::script::{HttpBody, HttpCall};

use crate::support::{Call, Host, pool};

const BIG: &str = "9007199254740993";
const HUGE: &str = "-123456789012345678901234567890";

fn numbers() -> Value {
    serde_json::from_str(&format!(r#"{{"big":{BIG},"huge":{HUGE},"list":[{BIG},1,2.5],"small":9007199254740991}}"#))
        .unwrap()
}

#[tokio::test]
async fn params_config_and_bodies_come_as_they_were_written() {
    let pool = pool();
    let source = "function main() {
        const body = floh.http.get('https://a.example.com/').body;
        const { big, huge, list, small } = floh.params;
        if (typeof big !== 'bigint' || typeof huge !== 'bigint' || typeof list[0] !== 'bigint') throw new Error('not exact');
        if (typeof small !== 'number' || typeof list[1] !== 'number' || list[2] !== 2.5) throw new Error('not a number');
        if (big + 1n !== 9007199254740994n || body.id !== 18446744073709551616n) throw new Error('another value');
        return { payload: { params: floh.params, config: floh.config, body, sum: big + 1n } };
    }";
    let host = Host::answering(
        200,
        r#"{"id":18446744073709551616,"__proto__":{"n":9007199254740993},"text":"9007199254740993"}"#,
    );
    let mut call = Call::new(source).config(&numbers());
    call.params = numbers().as_object().unwrap().clone();
    let ran = call.run(&pool, &host).await.unwrap();
    let written = numbers().to_string();
    assert_eq!(
        ran.json,
        format!(
            r#"{{"payload":{{"params":{written},"config":{written},"body":{{"id":18446744073709551616,"__proto__":{{"n":{BIG}}},"text":"{BIG}"}},"sum":9007199254740994}}}}"#
        )
    );
}

#[tokio::test]
async fn what_a_script_sends_is_a_number_again() {
    let pool = pool();
    let host = Host::answering(200, BIG);
    let source = "function main() {
        const id = floh.http.get('https://a.example.com/').body;
        floh.http.post('https://a.example.com/', { id });
        floh.http.post('https://a.example.com/', JSON.stringify({ id, list: [id, 'bigint-1:2'] }));
        floh.http.request({ url: 'https://a.example.com/', query: { id }, json: [id] });
        return { payload: JSON.parse(JSON.stringify({ a: 1, b: [undefined, 'x'] }, null, 1)) };
    }";
    let ran = Call::new(source).run(&pool, &host).await.unwrap();
    assert_eq!(ran.json, r#"{"payload":{"a":1,"b":[null,"x"]}}"#);
    let calls = host.calls.lock().unwrap();
    let body = |call: &HttpCall| match &call.body {
        HttpBody::Json(text) | HttpBody::Text(text) => text.clone(),
        _ => String::new(),
    };
    let bodies: Vec<String> = calls.iter().map(body).collect();
    assert_eq!(
        bodies,
        [
            String::new(),
            format!(r#"{{"id":{BIG}}}"#),
            format!(r#"{{"id":{BIG},"list":[{BIG},"bigint-1:2"]}}"#),
            format!("[{BIG}]"),
        ]
    );
    assert_eq!(calls[3].query, [("id".to_owned(), BIG.to_owned())]);
}

#[tokio::test]
async fn a_replacer_sees_the_number() {
    let pool = pool();
    let source = "function main() {
        const value = { id: 9007199254740993n, list: [1n], text: 'x' };
        return { payload: [
            JSON.stringify(value, (key, v) => typeof v === 'bigint' ? String(v) : v),
            JSON.stringify(value, (key, v) => key === 'id' ? 'order-' + v : v),
            JSON.stringify(value, ['id']),
            JSON.stringify(9007199254740993n), String(JSON.stringify(undefined)),
        ] };
    }";
    let ran = Call::new(source).run(&pool, &Host::default()).await.unwrap();
    let payload: Value = serde_json::from_str(&ran.json).unwrap();
    assert_eq!(
        payload["payload"],
        json!([
            r#"{"id":"9007199254740993","list":["1"],"text":"x"}"#,
            r#"{"id":"order-9007199254740993","list":[1],"text":"x"}"#,
            r#"{"id":9007199254740993}"#,
            "9007199254740993",
            "undefined",
        ])
    );
}

#[tokio::test]
async fn a_script_that_meddles_gets_no_other_number() {
    let pool = pool();
    for poison in [
        "BigInt.prototype.toString = () => '1';",
        "BigInt.prototype.toJSON = () => '1';",
        "JSON.parse = JSON.stringify = () => ({ id: 1 });",
        "globalThis.BigInt = () => 1;",
        "String.prototype.startsWith = () => false;",
        "Object.prototype.id = 1;",
    ] {
        let host = Host::answering(200, &format!(r#"{{"id":{BIG}}}"#));
        let source = format!(
            "{poison}\nfunction main() {{ return {{ payload: floh.http.get('https://a.example.com/').body }}; }}"
        );
        let ran = Call::new(&source).run(&pool, &host).await.unwrap();
        assert_eq!(ran.json, format!(r#"{{"payload":{{"id":{BIG}}}}}"#), "{poison}");
    }
}

#[tokio::test]
async fn text_that_is_no_json_stays_text_and_a_number_without_end_is_one() {
    let pool = pool();
    let long = "7".repeat(10_001);
    for (answered, expected) in [
        (format!("id={BIG}"), json!(format!("id={BIG}"))),
        (format!("{BIG}\u{0}"), json!(format!("{BIG}\u{0}"))),
        (long.clone(), json!(long)),
        (format!("[{BIG},{long}]"), serde_json::from_str(&format!(r#"[{BIG},"{long}"]"#)).unwrap()),
    ] {
        let host = Host::answering(200, &answered);
        let source = "function main() { return { payload: floh.http.get('https://a.example.com/').body }; }";
        let ran = Call::new(source).run(&pool, &host).await.unwrap();
        let ran: Value = serde_json::from_str(&ran.json).unwrap();
        assert_eq!(ran["payload"], expected);
    }
}
