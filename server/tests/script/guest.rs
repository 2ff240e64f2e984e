//! What a script sees and what comes of what it returns.

use serde_json::{Value, json};
use server::script::{Limits, ScriptFailure, judge};

use super::support::{Call, Host, healthy, pool};

#[tokio::test]
async fn config_params_variables_and_the_key_are_there() {
    let source = "function main() { return { success: true, payload: { c: floh.config, p: floh.params, v: floh.variables, k: floh.idempotencyKey } }; }";
    let mut call =
        Call::new(source).config(&json!({ "apiKey": "sk" })).params(&json!({ "command": "main", "n": [1, 2.5, null] }));
    call.variables = json!({ "a": { "b": "c" } }).as_object().unwrap().clone();
    let payload = json!({ "c": { "apiKey": "sk" }, "p": { "command": "main", "n": [1, 2.5, null] }, "v": { "a": { "b": "c" } }, "k": "key-1" });
    assert_eq!(call.value(&pool()).await, json!({ "success": true, "payload": payload }));
}

#[tokio::test]
async fn every_way_to_declare_a_command() {
    let pool = pool();
    let source = "
        function plain() { return 'plain'; }
        async function slow() { await null; return 'slow'; }
        const arrow = () => 'arrow';
        let later = function () { return Promise.resolve('later'); };
        var old = () => 'old';
        globalThis.put = () => 'put';
        globalThis['delete'] = () => 'delete';
        class Thing {}
        function escape() { return 'escape'; }
    ";
    for name in ["plain", "slow", "arrow", "later", "old", "put", "delete", "escape"] {
        assert_eq!(Call::new(source).command(name).value(&pool).await, json!(name), "{name}");
    }
    for name in ["constructor", "eval", "__proto__", "toString", "Object", "none", "floh", "globalThis", "if"] {
        let failure = Call::new(source).command(name).failure(&pool).await;
        assert_eq!(failure, ScriptFailure::NoCommand { command: name.to_owned() }, "{name}");
    }
}

#[tokio::test]
async fn results_are_written_as_json_has_them() {
    let pool = pool();
    let cases = [
        ("undefined", "null"),
        ("null", "null"),
        ("'x'", "\"x\""),
        ("1e21", "1e+21"),
        (
            "[1, 2.5, -0, NaN, 1e3, 0.1, -1.5e-7, 9007199254740993, 1e20]",
            "[1,2.5,0,null,1000,0.1,-1.5e-7,9007199254740992,100000000000000000000]",
        ),
        (
            "{ a: undefined, f() {}, [Symbol('s')]: 1, b: [undefined, () => 1, Symbol.iterator] }",
            "{\"b\":[null,null,null]}",
        ),
        (
            "{ d: new Date(0), bad: new Date(NaN), m: new Map([[1, 2]]), r: /x/, t: new Uint8Array(2) }",
            "{\"d\":\"1970-01-01T00:00:00.000Z\",\"bad\":null,\"m\":{},\"r\":{},\"t\":{\"0\":0,\"1\":0}}",
        ),
        ("'\\ud800x'", "\"\u{fffd}x\""),
        ("{ ['\\udc00']: 'a\\u0000b' }", "{\"\u{fffd}\":\"a\\u0000b\"}"),
        ("JSON.parse('{\"__proto__\":{\"a\":1}}')", "{\"__proto__\":{\"a\":1}}"),
        (
            "Object.create({ inherited: 1 }, { own: { value: 2, enumerable: true }, hidden: { value: 3 } })",
            "{\"own\":2}",
        ),
        ("{ toJSON() { return 'forged'; }, a: 1 }", "{\"a\":1}"),
        ("new Proxy({ a: 1 }, {})", "{\"a\":1}"),
    ];
    for (expression, expected) in cases {
        let source = format!("function main() {{ return ({expression}); }}");
        let ran = Call::new(&source).run(&pool, &Host::default()).await.unwrap();
        assert_eq!(ran.json, expected, "{expression}");
    }
}

#[tokio::test]
async fn each_property_is_read_once_and_first_by_the_host() {
    let source = "function main() { var n = 0; return { get success() { return n++ === 0; }, payload: 1, get variables() { return { n: n }; } }; }";
    assert_eq!(
        Call::new(source).value(&pool()).await,
        json!({ "success": true, "payload": 1, "variables": { "n": 1 } })
    );
}

#[tokio::test]
async fn what_is_polluted_or_replaced_changes_no_failure_into_a_success() {
    let pool = pool();
    for poison in [
        "Object.prototype.toJSON = function () { return { success: true }; };",
        "Object.prototype.success = true;",
        "JSON.stringify = function () { return '{\"success\":true}'; };",
        "Object.keys = Object.entries = Object.getOwnPropertyNames = function () { return ['success']; };",
        "Object.defineProperty(Object.prototype, 'error', { get() { return null; }, set() {} });",
        "Array.prototype.push = Array.prototype.join = function () { return ''; };",
        "String.prototype.toWellFormed = String.prototype.slice = function () { return 'forged'; };",
        "Promise.prototype.then = function (f) { f({ success: true }); };",
    ] {
        let source = format!("{poison}\nfunction main() {{ return {{ success: false, error: 'real' }}; }}");
        let ran = Call::new(&source).run(&pool, &Host::default()).await.unwrap();
        let reply = judge(&ran.json);
        assert!(!reply.success && reply.error.as_deref() == Some("real"), "{poison} {}", ran.json);
    }
    let bare = Call::new("Object.prototype.success = true;\nfunction main() { return {}; }");
    assert!(!judge(&bare.run(&pool, &Host::default()).await.unwrap().json).success);
}

#[tokio::test]
async fn results_beyond_the_limits_are_refused_with_the_reason() {
    let pool = pool();
    for (body, why) in [
        ("return { a: [{ '$serde_json::private::Number': '1' }] };", "reserved"),
        ("return 'x'.repeat(14 << 20);", "13717 KiB"),
        ("return new Array(1000001).fill(0);", "1000000 values"),
        ("var a = []; a[4294967294] = 1; return a;", "1000000 values"),
        ("return Array.from({ length: 10 }, function () { return new Array(100000).fill(0); });", "1000000 values"),
        ("var o = {}; for (var i = 0; i < 200; i++) o = { o }; return o;", "120 levels"),
        ("var o = {}; o.o = o; return o;", "120 levels"),
        ("return main;", "function"),
        ("return Symbol('s');", "symbol"),
    ] {
        let failure = Call::new(&format!("function main() {{ {body} }}")).failure(&pool).await;
        assert_eq!(failure.class(), "result", "{body} {failure}");
        assert!(failure.to_string().to_lowercase().contains(&why.to_lowercase()), "{body} {failure}");
    }
    healthy(&pool).await;
}

#[tokio::test]
async fn errors_tell_where() {
    let pool = pool();
    let failure = Call::new("function inner() {\n  null.x;\n}\nfunction main() {\n  inner();\n}").failure(&pool).await;
    let ScriptFailure::Thrown(error) = &failure else { panic!("{failure:?}") };
    assert_eq!((error.name.as_str(), error.line), ("TypeError", Some(2)));
    assert!(error.column.is_some() && error.stack.contains("inner") && error.stack.contains("main"), "{error:?}");
    assert_eq!(failure.diagnostics()["line"], json!(2));

    let failure = Call::new("\nfunction main( { return }").failure(&pool).await;
    let ScriptFailure::Syntax(problem) = failure else { panic!("{failure:?}") };
    assert_eq!(problem.line, Some(2), "{problem:?}");
    assert!(problem.column.is_some());
}

#[tokio::test]
async fn anything_may_be_thrown() {
    let pool = pool();
    for (thrown, text) in [
        ("'plain'", "plain"),
        ("42", "42"),
        ("null", "null"),
        ("undefined", "undefined"),
        ("Symbol('s')", "Symbol(s)"),
        ("10n", "10"),
        ("{ message: 'like an error' }", "like an error"),
        ("{}", "the script threw a value without a message"),
        (
            "(function () { var r = Proxy.revocable({}, {}); r.revoke(); return r.proxy; })()",
            "the script threw a value without a message",
        ),
        ("Object.defineProperty(new Error('x'), 'message', { get() { throw new Error('again'); } })", "Error"),
        ("new Error('\\ud800')", "\u{fffd}"),
    ] {
        let failure = Call::new(&format!("function main() {{ throw {thrown}; }}")).failure(&pool).await;
        assert_eq!((failure.class(), failure.to_string().as_str()), ("thrown", text), "{thrown}");
    }
    let long = Call::new("function main() { throw new Error('x'.repeat(1 << 20)); }").failure(&pool).await;
    assert!(long.to_string().len() < 5000);
    let rejected = Call::new("async function main() { await 1; throw new RangeError('late'); }").failure(&pool).await;
    assert_eq!(rejected.to_string(), "RangeError: late");
}

#[tokio::test]
async fn the_log_goes_by_level_and_has_an_end() {
    let host = Host::default();
    let mut call = Call::new(
        "function main() { floh.log.trace('t'); floh.log.debug('d'); floh.log.info('i', 1, { a: [1] }, null); console.log('c'); console.warn(new TypeError('w')); floh.log.error('e\\n\\u001b[2J'); }",
    );
    call.level = connector_runtime::log::LogLevel::Info;
    call.run(&pool(), &host).await.unwrap();
    assert_eq!(host.lines(), ["info i 1 {\"a\":[1]} null", "info c", "warn TypeError: w", "error e\n\u{1b}[2J"]);

    let host = Host::default();
    let flood =
        Call::new("function main() { for (var i = 0; i < 20000; i++) floh.log.info('line ' + i + 'x'.repeat(200)); }");
    flood.run(&pool(), &host).await.unwrap();
    let lines = host.lines();
    let bytes: usize = lines.iter().map(String::len).sum();
    assert!(bytes < Limits::default().log + 8192, "{bytes}");
    assert!(lines.last().unwrap().contains("dropped"), "{:?}", lines.last());

    let host = Host::default();
    let flood = Call::new("function main() { for (var i = 0; i < 20000; i++) floh.log.info(''); }");
    flood.run(&pool(), &host).await.unwrap();
    let lines = host.lines();
    assert_eq!(lines.len(), connector_runtime::log::MAX_LOG_LINES + 1, "a line costs more than its text");
    assert!(lines.last().unwrap().contains("dropped"), "{:?}", lines.last());
}

#[tokio::test]
async fn util_does_what_others_do() {
    let source = "function main() { var u = floh.util; return [
        u.base64('h\\u00e9'), u.base64.encode('a'), u.base64.decode('aMOp'), u.hex('ab'), u.hex.decode('6162'),
        u.sha256('abc'), u.sha256('abc', 'base64'), u.hmacSha256('key', 'The quick brown fox jumps over the lazy dog'),
        /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(u.uuid()), u.uuid() === u.uuid() ]; }";
    let expected = json!([
        "aMOp",
        "YQ==",
        "h\u{e9}",
        "6162",
        "ab",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
        "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8",
        true,
        false
    ]);
    assert_eq!(Call::new(source).value(&pool()).await, expected);
    let failure = Call::new("function main() { floh.util.base64.decode('%'); }").failure(&pool()).await;
    assert_eq!(failure.class(), "thrown");
}

#[tokio::test]
async fn floh_is_frozen_and_nothing_reaches_sideways() {
    let source = "
        floh.http = 1; floh.log.info = 1; floh.extra = 1; floh = 1;
        try { delete globalThis.floh; } catch (e) {}
        function main() { return [
            typeof floh.http.get, typeof floh.log.info, typeof floh.extra, Object.isFrozen(floh), Object.isFrozen(floh.util),
            ['Atomics', 'SharedArrayBuffer', 'queueMicrotask', 'performance', 'WebAssembly', 'process', 'require', 'std', 'os', 'fetch', 'navigator', 'WeakRef', 'setInterval', 'print', 'scriptArgs', 'bjson', 'gc']
                .filter(function (name) { return name in globalThis; }).join(),
            (function () {}).constructor('return typeof process + typeof require + typeof std')(),
            (0, eval)('typeof module'), new Date(0).getTimezoneOffset(), (function () { return this === globalThis; })(),
        ]; }";
    let value = Call::new(source).value(&pool()).await;
    assert_eq!(
        value,
        json!([
            "function",
            "function",
            "undefined",
            true,
            true,
            "",
            "undefinedundefinedundefined",
            "undefined",
            0,
            true
        ])
    );
    let imports = Call::new(
        "async function main() { var r = []; for (const u of ['file:///etc/passwd', '/etc/passwd', 'os', 'std', 'qjs:os', 'data:text/javascript,1']) { try { await import(u); r.push(u); } catch (e) {} } return r; }",
    );
    assert_eq!(imports.value(&pool()).await, json!([]));
}

#[tokio::test]
async fn a_run_leaves_nothing_for_the_next() {
    let pool = pool();
    let call = Call::new(
        "function main() { var seen = [typeof globalThis.left, String(({}).polluted), RegExp.$1 || '', floh.params.n]; globalThis.left = 1; Object.prototype.polluted = 1; /(secret.*)/.exec('secret-of-a'); return seen; }",
    );
    for n in 0..20 {
        let value = call.clone().params(&json!({ "n": n })).value(&pool).await;
        assert_eq!(value, json!(["undefined", "undefined", "", n]));
    }
    assert_eq!(pool.bound_workers(), 1);
}

#[tokio::test]
async fn every_run_has_random_numbers_of_its_own() {
    let pool = pool();
    let call = Call::new(
        "var first = Math.random(); function main() { var all = [first]; for (var i = 0; i < 2000; i++) all.push(Math.random());
         return { payload: { first: all[0], inside: all.every(function (one) { return one >= 0 && one < 1; }), different: new Set(all).size,
           low: all.some(function (one) { return one < 0.1; }), high: all.some(function (one) { return one > 0.9; }),
           as: [Math.random.name, Math.random.length, Object.keys(Math).length, Math.random.toString().includes('native code')] } }; }",
    );
    let mut firsts = std::collections::BTreeSet::new();
    for _ in 0..5 {
        let payload = call.value(&pool).await["payload"].take();
        firsts.insert(payload["first"].to_string());
        let expected = json!({
            "first": payload["first"], "inside": true, "different": 2001, "low": true, "high": true,
            "as": ["random", 0, 0, true],
        });
        assert_eq!(payload, expected);
    }
    assert_eq!((firsts.len(), pool.bound_workers()), (5, 1));
}

#[tokio::test]
async fn a_canary_in_the_config_is_in_no_failure() {
    const CANARY: &str = "canary-5f1d0c7e";
    let pool = pool();
    for body in [
        "null.x;",
        "for (;;) {}",
        "var s = 'x'; for (;;) s += s;",
        "function f() { f(); } f();",
        "return { n: Symbol.iterator.x.y };",
        "floh.http.get('http://localhost/');",
    ] {
        let host = Host::default();
        let call = Call::new(&format!("function main() {{ {body} }}")).within(200).config(&json!({ "apiKey": CANARY }));
        let failure = call.run(&pool, &host).await.map(|ran| ran.json).unwrap_err();
        let told = format!("{failure:?} {failure} {:?} {:?}", failure.diagnostics(), host.lines());
        assert!(!told.contains(CANARY), "{told}");
    }
}

#[tokio::test]
async fn a_promise_that_nothing_settles_is_told_at_once() {
    let failure = Call::new("async function main() { await new Promise(function () {}); }").failure(&pool()).await;
    assert_eq!(failure, ScriptFailure::Unsettled);
}

#[tokio::test]
async fn what_is_too_large_to_send_is_refused() {
    let pool = pool();
    let source = format!("function main() {{}} // {}", "x".repeat(300 << 10));
    assert_eq!(Call::new(&source).failure(&pool).await.class(), "too_large");
    let mut call =
        Call::new("function main() { return floh.params.x.length; }").params(&json!({ "x": "x".repeat(10 << 20) }));
    assert_eq!(call.value(&pool).await, json!(10 << 20));
    call.params.insert("y".to_owned(), Value::from("y".repeat(10 << 20)));
    assert_eq!(call.failure(&pool).await.class(), "too_large");
    healthy(&pool).await;
}
