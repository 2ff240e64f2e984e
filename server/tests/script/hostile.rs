//! Hostile scripts: each ends in time, in its class, and the next call finds everything in order.

use std::time::Instant;

use super::support::{Call, Host, SLACK, healthy, pool, settings, shared};

/// What is tried, and the classes that it may end in; `ok` is a result.
const TABLE: &[(&str, &str)] = &[
    // Time: loops of the script's own.
    ("while (true) {}", "timeout"),
    ("for (;;) { try { for (;;) {} } catch (e) {} }", "timeout"),
    ("(function spin() { try { for (;;) {} } finally { for (;;) {} } })();", "timeout"),
    ("label: do { continue label; } while (true);", "timeout"),
    ("function* g() { for (;;) yield 1; } for (var x of g()) {}", "timeout"),
    // Time: loops in built-in functions, some of which no interrupt reaches.
    ("Array.prototype.indexOf.call({ length: 2 ** 32 }, 1);", "timeout"),
    ("Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1);", "timeout"),
    ("Array.prototype.lastIndexOf.call({ length: 2 ** 53 - 1 }, 1);", "timeout"),
    ("Array.prototype.reverse.call({ length: 2 ** 53 - 1 });", "timeout|thrown|memory"),
    ("Array.prototype.some.call({ length: 2 ** 53 - 1 }, function () {});", "timeout"),
    ("Array.prototype.copyWithin.call({ length: 2 ** 53 - 1 }, 0, 1);", "timeout"),
    ("Array.from({ length: 2 ** 32 });", "timeout|memory|thrown"),
    ("new Array(1e9).join();", "timeout|memory|thrown"),
    ("for (;;) 'a'.repeat(1 << 20).indexOf('a'.repeat(1 << 19) + 'b');", "timeout"),
    ("for (;;) 'ab'.repeat(1 << 20).split('').length;", "timeout|memory"),
    ("for (;;) 'x'.padStart(1 << 22, 'ab').length;", "timeout|memory"),
    ("var s = 'A\\u030a'.repeat(1 << 18); for (;;) s.normalize('NFD').normalize('NFC');", "timeout|memory"),
    ("var s = 'a'.repeat(1 << 22); for (;;) s.toUpperCase().toLowerCase();", "timeout|memory"),
    ("var s = 'ab'.repeat(1 << 19); for (;;) s.replaceAll('a', 'bb');", "timeout|memory"),
    ("var s = '[' + '1,'.repeat(1 << 19) + '1]'; for (;;) JSON.parse(s);", "timeout|memory"),
    ("var a = new Array(1 << 18).fill(1); for (;;) JSON.stringify(a);", "timeout|memory"),
    ("var a = Array.from({ length: 1 << 17 }, Math.random); for (;;) a.slice().sort();", "timeout|memory"),
    ("var t = new Uint8Array(8 << 20); for (;;) t.fill(1).copyWithin(1, 0);", "timeout"),
    ("var t = new Float64Array(1 << 20); for (;;) t.map(Math.random).sort();", "timeout|memory"),
    ("(2n ** (2n ** 30n)).toString();", "timeout|memory|thrown"),
    ("var x = 3n; for (;;) x = x * x;", "timeout|memory|thrown"),
    ("for (;;) BigInt('9'.repeat(1 << 16)).toString();", "timeout|memory"),
    ("var m = new Map(); for (var i = 0; ; i = (i + 1) % 1000) m.set(i, i).delete(i);", "timeout"),
    ("for (;;) encodeURIComponent('\\u20ac'.repeat(1 << 16));", "timeout|memory"),
    // Time: backtracking.
    ("/^(a+)+$/.test('a'.repeat(40) + '!');", "timeout"),
    ("('x'.repeat(30) + 'y').replace(/(x+x+)+z/g, '');", "timeout"),
    ("/(?:a|a)*b/.exec('a'.repeat(50));", "timeout|memory|thrown"),
    ("('a'.repeat(1 << 16)).match(/(.*)*$\\1{1000}b/);", "timeout|memory|thrown|stack|ok"),
    // Time: while the result is read.
    ("return { get payload() { for (;;) {} } };", "timeout"),
    ("return new Proxy({}, { ownKeys() { for (;;) {} } });", "timeout"),
    (
        "return { success: true, payload: [new Proxy([], { get() { for (;;) {} } }), { get x() { for (;;) {} } }] };",
        "timeout",
    ),
    // Memory.
    ("var s = 'x'; for (;;) s += s;", "memory|thrown"),
    ("var s = ''; for (;;) s += 'abcdefgh' + s.length;", "memory|thrown|timeout"),
    ("var a = []; for (;;) a.push({ x: 1, y: 2 });", "memory|timeout"),
    (
        "var f = []; for (;;) { let b = new Array(1000).fill(f.length); f.push(function () { return b; }); }",
        "memory|timeout",
    ),
    ("for (;;) { var a = {}, b = { a }; a.b = b; a.pad = new Array(50).fill(0); }", "timeout"),
    ("new Array(1e9).fill(0);", "memory|timeout|thrown"),
    ("'abcdefgh'.repeat(1 << 26);", "memory|thrown"),
    ("new Uint8Array(1 << 30);", "memory|thrown"),
    ("new ArrayBuffer(8, { maxByteLength: 1 << 30 }).resize(1 << 30);", "memory|thrown"),
    ("var o = {}; for (var i = 0; ; i++) o['p' + i] = i;", "memory|timeout"),
    (
        "var a = []; for (;;) { try { for (;;) a.push(new Array(1 << 12).fill(1)); } catch (e) { a.length = a.length >> 1; } }",
        "timeout|memory",
    ),
    ("var m = new WeakMap(), k = []; for (;;) { var o = {}; k.push(o); m.set(o, k); }", "memory|timeout"),
    ("var s = []; for (;;) s.push(Symbol('x'.repeat(1000)));", "memory|timeout"),
    ("new Function('a'.repeat(1 << 25));", "memory|thrown|timeout"),
    // Functions of the host: what they take and cost counts.
    ("for (;;) floh.util.sha512(new Uint8Array(10 << 20));", "timeout"),
    (
        "var s = 'x'.repeat(10 << 20); for (;;) floh.util.base64.encode(floh.util.hex(s.slice(0, 5 << 20)));",
        "timeout|memory",
    ),
    ("floh.util.hex('x'.repeat(60 << 20));", "thrown|memory"),
    ("var a = []; for (;;) a.push(floh.util.randomBytes(65536));", "memory"),
    (
        "for (;;) floh.util.sign('RS256', '-----BEGIN PRIVATE KEY-----' + 'A'.repeat(9 << 20) + '-----END PRIVATE KEY-----', 'x');",
        "thrown",
    ),
    ("floh.util.verify('RS256', { n: 'A'.repeat(2 << 20), e: 'AQAB' }, 'x', 'AA');", "thrown"),
    (
        "floh.util.verify('RS256', { n: '_'.repeat(2731), e: 'AQAB' }, 'x', '_'.repeat(2731)); return { success: true };",
        "ok",
    ),
    ("floh.util.sign('ES256', { get d() { for (;;) {} } }, 'x');", "timeout"),
    ("floh.util.sign('ES256', new Proxy({}, { get() { for (;;) {} } }), 'x');", "timeout"),
    ("for (;;) floh.util.sleep(0);", "timeout"),
    ("for (;;) floh.util.sleep({ valueOf() { return 1; } });", "thrown"),
    ("(function again() { setTimeout(again); })(); return new Promise(function () {});", "timeout"),
    ("for (;;) { try { floh.util.sleep(1); } catch (e) {} }", "timeout"),
    ("setTimeout(function () { for (;;) {} }); return new Promise(function () {});", "timeout"),
    ("setTimeout(function () { for (;;) {} }); return { success: true };", "ok"),
    ("for (;;) new URL('https://a/?' + 'a=1&'.repeat(1 << 18)).href.length;", "timeout|memory"),
    ("new URLSearchParams('a&'.repeat(1 << 20));", "thrown"),
    ("var p = new URLSearchParams(); for (;;) p.append('a', 'b');", "timeout|memory"),
    ("new URL('https://' + 'a'.repeat(8 << 20));", "thrown|ok"),
    ("new URL('x:'.repeat(1 << 20)).searchParams.sort(); return { success: true };", "ok|thrown"),
    ("new TextDecoder().decode(new Uint8Array(40 << 20));", "thrown"),
    ("for (;;) atob(btoa('x'.repeat(1 << 20)));", "timeout|memory"),
    ("var o = {}; for (var i = 0; i < 1e5; i++) o = { o }; structuredClone(o);", "stack|memory"),
    ("structuredClone({ get a() { for (;;) {} } });", "timeout"),
    (
        "structuredClone(new Proxy([], { get(t, k) { return k === 'length' ? 4294967295 : 1; } }));",
        "timeout|memory|thrown|ok",
    ),
    ("floh.util.date.format(0, { get timeZone() { for (;;) {} } });", "timeout"),
    ("floh.util.date.format(0, { timeZone: '../../etc/passwd' });", "thrown"),
    ("new Date().toLocaleString('x'.repeat(1 << 24));", "thrown"),
    ("floh.http.request(new Proxy({}, { ownKeys() { for (;;) {} } }));", "timeout"),
    (
        "var s = 'x'.repeat(4 << 20); floh.http.request({ url: 'https://a.example.com', parts: new Array(1000).fill(s) });",
        "thrown",
    ),
    (
        "var b = new Uint8Array(4 << 20); floh.http.request({ url: 'https://a.example.com', multipart: { a: new Array(1000).fill(b) } });",
        "thrown",
    ),
    (
        "var s = 'x'.repeat(4 << 20); floh.http.get('https://a.example.com', { 'X-A': new Array(1000).fill(s) });",
        "thrown",
    ),
    ("var o = {}; o['o'.repeat(1 << 22)] = 1; floh.http.request(o);", "thrown"),
    (
        "Object.prototype.retry = 5; Object.prototype.timeoutMs = 1; Array.prototype[0] = 'x'; floh.http.get('https://a.example.com');",
        "thrown",
    ),
    (
        "Object.defineProperty(Object.prototype, 'query', { get() { for (;;) {} } }); floh.http.request({ url: 'https://a.example.com' });",
        "timeout",
    ),
    ("console.log.apply(null, new Array(1000).fill('x'.repeat(8 << 20))); return { success: true };", "ok|memory"),
    ("return floh.http.paginate({ url: 'https://a.example.com', get maxPages() { for (;;) {} } });", "timeout"),
    (
        "delete globalThis.URL; delete Array.prototype.push; globalThis.Object = null; floh.util.date.format(0); return { success: true };",
        "ok|thrown",
    ),
    // Stack.
    ("(function f() { return f() + 1; })();", "stack"),
    ("[2, 1].sort(function r() { [2, 1].sort(r); return 0; });", "stack"),
    ("var p = new Proxy({}, { get(t, k, r) { return r[k]; } }); p.x;", "stack"),
    ("var o = { toString() { return '' + o; } }; '' + o;", "stack"),
    ("JSON.parse('['.repeat(200000) + ']'.repeat(200000));", "stack|thrown"),
    ("(function f() { try { f(); } catch (e) { f(); } })();", "timeout|stack"),
    (
        "var f = function () { return 1; }; for (var i = 0; i < 100000; i++) f = f.bind(null); return f();",
        "stack|ok|memory",
    ),
    ("new Function('return ' + '('.repeat(200000) + '1' + ')'.repeat(200000))();", "stack|thrown|memory"),
    ("eval('['.repeat(100000));", "stack|thrown|memory"),
    ("new RegExp('('.repeat(100000) + ')'.repeat(100000));", "stack|thrown|memory"),
    (
        "var o = null; for (var i = 0; i < 300000; i++) o = { next: o }; o = null; return { success: true };",
        "ok|memory|timeout",
    ),
    // Promises.
    ("(function again() { Promise.resolve().then(again); })(); return { success: true };", "timeout"),
    (
        "(function fan() { Promise.resolve().then(fan); Promise.resolve().then(fan); })(); return { success: true };",
        "timeout|memory",
    ),
    ("return new Promise(function (done) { (function again() { Promise.resolve().then(again); })(); });", "timeout"),
    ("return { success: true, get then() { throw new Error('no'); } };", "thrown"),
    ("Promise.reject(new Error('later')); return { success: true };", "ok"),
    ("return (async function f() { await f(); })();", "stack|memory|timeout"),
    // Odd endings.
    ("throw null;", "thrown"),
    ("throw { get message() { for (;;) {} } };", "timeout"),
    ("throw new Proxy({}, { get() { throw 1; } });", "thrown"),
    ("var e = new Error('x'); e.name = { toString() { for (;;) {} } }; throw e;", "thrown"),
    ("throw new Error('x'.repeat(1 << 25));", "thrown|memory"),
    ("return import('os');", "thrown"),
    ("Object.defineProperty(globalThis, 'main', { get() { throw 1; } });", "ok|thrown"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_script_of_the_table_is_contained() {
    let pool = shared(settings());
    let mut wrong = Vec::new();
    for (body, expected) in TABLE {
        // Only what never ends is cut short: the rest may be slow on a busy machine, and must end by itself.
        let limit = if expected.split('|').any(|one| one == "timeout") { 300 } else { 10_000 };
        let call = Call::new(&format!("function main() {{ {body} }}")).within(limit);
        let began = Instant::now();
        let ran = call.run(&pool, &Host::default()).await;
        let took = began.elapsed();
        let class = ran.as_ref().map_or_else(|failure| failure.class(), |_| "ok");
        if !expected.split('|').any(|one| one == class) || took > call.timeout + SLACK {
            wrong.push(format!("{body}: {class} after {took:?}, expected {expected}: {ran:?}"));
        }
        healthy(&pool).await;
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Running out of memory once crashed other users of the engine, at certain limits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_may_end_anywhere() {
    let pool = pool();
    let scripts = [
        "var a = []; for (;;) a.push({ x: 1, y: [2] });",
        "var s = ['x']; for (;;) s.push(s.join() + s.length);",
        "function f(n) { var o = { n, g: () => f(n + 1) }; return o.g(); } f(0);",
        "for (var i = 0, m = new Map(); ; i++) m.set('k' + i, new Error('e' + i));",
        "var r = []; for (;;) { try { null.x; } catch (e) { r.push(e.stack); } }",
    ];
    for step in 0..45 {
        for body in scripts {
            let mut call = Call::new(&format!("function main() {{ {body} }}")).within(5000);
            call.limits.memory = (400 << 10) + step * 61_111;
            call.limits.stack = 256 << 10;
            let class = call.failure(&pool).await.class();
            assert!(matches!(class, "memory" | "stack"), "{} {body} {class}", call.limits.memory);
        }
    }
    healthy(&pool).await;
}

#[tokio::test]
async fn a_top_level_without_an_end_is_stopped_too() {
    let pool = pool();
    let began = Instant::now();
    assert_eq!(Call::new("for (;;) {}\nfunction main() {}").within(200).failure(&pool).await.class(), "timeout");
    assert!(began.elapsed().as_millis() < 450);
    healthy(&pool).await;
}
