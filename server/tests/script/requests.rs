//! Retries, bytes, forms, pages and waits of scripts, against real services on this machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use connector_runtime::egress::{Client, Policy};
use serde_json::{Value, json};
use server::script::{EgressCalls, HostCalls, Limits, Pool, Sandbox, ScriptFailure};
use test_support::{Received, Reply, Upstream};

use super::support::{Call, Host, pool, settings};

fn host(upstream: &Upstream) -> EgressCalls {
    let policy = Policy::parse(&[upstream.address().to_string()], &[]).unwrap();
    EgressCalls::new(Client::new(policy), Limits::default(), |_, _: &str| ())
}

/// Runs a function body against a service; `base` is its URL.
async fn run(upstream: &Upstream, body: &str) -> Result<Value, ScriptFailure> {
    let source = format!("var base = {:?}; async function main() {{ {body} }}", upstream.url(""));
    let ran = pool().run(Call::new(&source).borrowed(), &host(upstream)).await?;
    Ok(serde_json::from_str(&ran.json).unwrap())
}

/// Answers 429 or 503 so many times to each path, then 200.
async fn busy(times: usize) -> Upstream {
    let count = AtomicUsize::new(0);
    Upstream::start(move |_: &Received| match count.fetch_add(1, Ordering::Relaxed) {
        at if at < times => Reply::text(if at % 2 == 0 { 429 } else { 503 }, "later").with_header("retry-after", "0"),
        _ => Reply::json(200, &json!({ "ok": true })),
    })
    .await
}

#[tokio::test]
async fn a_busy_service_is_asked_again_as_far_as_that_does_no_harm() {
    let quick = "{ attempts: 4, firstWaitMs: 1, maxWaitMs: 2 }";
    for (call, status, sent) in [
        ("floh.http.request({ url: base, retry: QUICK })", 200, 3),
        ("floh.http.request({ url: base, retry: true })", 200, 3),
        ("floh.http.request({ url: base, retry: 2 })", 200, 3),
        ("floh.http.request({ url: base, retry: { attempts: 2, firstWaitMs: 1 } })", 503, 2),
        ("floh.http.request({ url: base, retry: false })", 429, 1),
        ("floh.http.get(base, null, { retry: QUICK })", 200, 3),
        ("floh.http.delete(base, {}, { retry: QUICK })", 200, 3),
        ("floh.http.post(base, { a: 1 }, {}, { retry: QUICK })", 429, 1),
        ("floh.http.post(base, { a: 1 }, { 'Idempotency-Key': floh.idempotencyKey }, { retry: QUICK })", 200, 3),
        (
            "floh.http.patch(base, {}, {}, { retry: { attempts: 4, firstWaitMs: 1, evenIfNotIdempotent: true } })",
            200,
            3,
        ),
        ("floh.http.request({ url: base, retry: { attempts: 4, maxRetryAfterMs: 0, firstWaitMs: 1 } })", 200, 3),
    ] {
        let upstream = busy(2).await;
        let body = format!("return {}.status;", call.replace("QUICK", quick));
        assert_eq!(run(&upstream, &body).await.unwrap(), json!(status), "{call}");
        assert_eq!(upstream.received().len(), sent, "{call}");
    }
    // One deadline for all of it: a wait that would reach it is not begun.
    let upstream = Upstream::start(|_| Reply::text(503, "").with_header("retry-after", "20")).await;
    let began = Instant::now();
    let body = "return floh.http.request({ url: base, retry: true, timeoutMs: 2000 }).status;";
    assert_eq!(run(&upstream, body).await.unwrap(), json!(503));
    assert!(began.elapsed() < Duration::from_secs(2) && upstream.received().len() == 1);
}

#[tokio::test]
async fn unknown_options_are_refused_before_anything_is_sent() {
    let upstream = Upstream::fixed(json!({})).await;
    for (call, says) in [
        (
            "floh.http.request({ url: base, retries: 3 })",
            "floh.http.request has no option retries; did you mean retry?",
        ),
        ("floh.http.request({ url: base, timeout: 3 })", "did you mean timeoutMs?"),
        ("floh.http.request({ url: base, agent: 3 })", "it takes method, url, query"),
        ("floh.http.request({ url: base, retry: { times: 3 } })", "retry has no option times"),
        ("floh.http.request({ url: base, retry: { attempts: 11 } })", "a whole number from 1 to 10"),
        ("floh.http.request({ url: base, retry: { attempts: 1.5 } })", "a whole number from 1 to 10"),
        ("floh.http.request({ url: base, retry: -1 })", "a whole number"),
        ("floh.http.request({ url: base, retry: 'yes' })", "an object"),
        ("floh.http.request({ url: base, timeoutMs: 'soon' })", "a number of milliseconds"),
        ("floh.http.request({ url: base, timeoutMs: -1 })", "a number of milliseconds"),
        ("floh.http.request({ url: base, json: 1, body: 2 })", "json or body, not both"),
        ("floh.http.request(base)", "an object"),
        ("floh.http.get(base, {}, { method: 'PUT' })", "floh.http.get has no option method"),
        ("floh.http.request({ url: base, multipart: { a: { tex: 'x' } } })", "did you mean text?"),
        ("floh.http.request({ url: base, multipart: { a: {} } })", "one of text, json, bytes and base64"),
        ("floh.http.request({ url: base, multipart: 'a' })", "multipart is an object"),
        ("floh.http.request({ url: base, multipart: [{ text: 'a' }] })", "takes a text, not undefined"),
        ("floh.http.paginate({ url: base, by: 'cursor' })", "JSON pointer to the cursor"),
        ("floh.http.paginate({ url: base, by: 'pages' })", "link, next, cursor, page or offset"),
        ("floh.http.paginate({ url: base, items: 'data' })", "JSON pointer"),
        ("floh.http.paginate({ url: base, maxPage: 3 })", "did you mean maxPages?"),
        ("floh.http.paginate({ url: base, maxPages: 51 })", "from 1 to 50"),
    ] {
        let error = run(&upstream, &format!("return {call};")).await.unwrap_err();
        assert!(error.to_string().contains(says), "{call}: {error}");
    }
    assert!(upstream.received().is_empty());
    for call in [
        "floh.http.request({ url: base, timeoutMs: '500' })",
        "floh.http.request({ url: base, timeoutMs: 0, retry: undefined, json: undefined })",
    ] {
        assert_eq!(run(&upstream, &format!("return {call}.status;")).await.unwrap(), json!(200), "{call}");
    }
}

#[tokio::test]
async fn bytes_and_forms_leave_as_they_are() {
    let upstream = Upstream::fixed(json!({})).await;
    let body = "var b = new Uint8Array([0, 255, 10, 13]);
        floh.http.post(base, b, { 'Content-Type': 'application/pdf' });
        floh.http.put(base, b.buffer);
        floh.http.request({ method: 'POST', url: base, parts: ['a', b, { base64: 'Yg==' }] });
        floh.http.request({ method: 'POST', url: base, body: new URLSearchParams({ a: 'b c' }), query: new URLSearchParams('q=1&q=2') });
        floh.http.request({ method: 'POST', url: new URL('/u', base), multipart: { title: 'T\\u00e9', n: 3, none: null, tags: ['x', 'y'],
            file: { bytes: b, fileName: 'a\"b.pdf', contentType: 'application/pdf' }, meta: { json: { a: 1 } } } });
        floh.http.request({ method: 'POST', url: base, multipart: [{ name: 'f', base64: 'AP8=' }, { name: 'f', text: 'z' }] });";
    run(&upstream, body).await.unwrap();
    let all = upstream.received();
    let bytes = |at: usize| all[at].bytes.clone();
    assert_eq!((bytes(0).as_slice(), all[0].header("content-type")), (&[0, 255, 10, 13][..], Some("application/pdf")));
    assert_eq!((bytes(1).as_slice(), all[1].header("content-type")), (&[0, 255, 10, 13][..], None));
    assert_eq!(bytes(2), b"a\x00\xff\n\rb");
    assert_eq!((all[3].line(), bytes(3).as_slice()), ("POST /?q=1&q=2", &b"a=b+c"[..]));
    let form = String::from_utf8_lossy(&bytes(4)).into_owned();
    let boundary = all[4].header("content-type").unwrap().split_once("boundary=").unwrap().1.to_owned();
    let parts: Vec<&str> = form.split(&format!("--{boundary}")).collect();
    assert_eq!((all[4].line(), parts.len()), ("POST /u", 8));
    for (at, says) in [
        (1, "name=\"title\"\r\n\r\nT\u{e9}\r\n"),
        (2, "name=\"n\"\r\n\r\n3\r\n"),
        (3, "\r\n\r\nx\r\n"),
        (4, "\r\n\r\ny\r\n"),
        (5, "filename=\"a%22b.pdf\"\r\nContent-Type: application/pdf"),
        (6, "application/json\r\n\r\n{\"a\":1}\r\n"),
    ] {
        assert!(parts[at].contains(says), "{at} {:?}", parts[at]);
    }
    assert!(String::from_utf8_lossy(&bytes(5)).matches("name=\"f\"").count() == 2);
}

#[tokio::test]
async fn the_bytes_of_an_answer_are_there_on_demand() {
    let upstream = Upstream::start(|request: &Received| match request.path() {
        "/pdf" => Reply::bytes(200, &[0, 255, 37]).with_header("content-type", "application/pdf"),
        "/latin" => Reply::bytes(200, &[0xe9]).with_header("content-type", "text/plain; charset=latin1"),
        "/mark" => Reply::bytes(200, b"\xef\xbb\xbf[1]").with_header("content-type", "application/json"),
        _ => Reply::json(200, &json!({ "a": "\u{e9}" })),
    })
    .await;
    let body = "return ['/pdf', '/latin', '/mark', '/json'].map(function (p) { var r = floh.http.get(base + p), b = r.bytes(); b.fill(0); return [[...r.bytes()].slice(0, 7), r.base64, Object.keys(r), typeof r.body]; });";
    let keys = ["status", "body", "headers", "text"];
    assert_eq!(
        run(&upstream, body).await.unwrap(),
        json!([
            [[0, 255, 37], "AP8l", ["status", "body", "headers", "text", "base64"], "string"],
            [[0xe9], null, keys, "string"],
            [[0xef, 0xbb, 0xbf, 0x5b, 0x31, 0x5d], null, keys, "object"],
            [[0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xc3], null, keys, "object"],
        ])
    );
}

/// A service with pages of every shape; the fourth page is the last.
async fn paged() -> Upstream {
    Upstream::start(|request: &Received| {
        let number = |name: &str| request.query(name).and_then(|text| text.parse::<u64>().ok());
        let items = |page: u64| json!([{ "id": page * 2 }, { "id": page * 2 + 1 }]);
        let page = number("page").or(number("cursor")).unwrap_or(0);
        let linked =
            |link: &str| Reply::json(200, &items(page)).with_header("link", &format!("<{link}>; rel=\"next\""));
        match request.path() {
            "/link" if page < 3 => linked(&format!("https://elsewhere.example{}?page={}", "/link", page + 1)),
            "/relative" if page < 3 => linked(&format!("?page={}", page + 1)),
            "/link" | "/relative" => Reply::json(200, &items(page)),
            "/loop" => linked("/loop?page=1"),
            "/bad" if page == 0 => linked("/bad?page=1"),
            "/bad" => linked("mailto:x@y"),
            "/fails" if page < 2 => linked(&format!("/fails?page={}", page + 1)),
            "/fails" => Reply::text(500, "no"),
            "/next" if page < 3 => {
                Reply::json(200, &json!({ "data": items(page), "next": format!("/next?page={}", page + 1) }))
            }
            "/next" => Reply::json(200, &json!({ "data": items(page), "next": null })),
            "/cursor" if page < 3 => Reply::json(200, &json!({ "data": items(page), "meta": { "next": page + 1 } })),
            "/cursor" => Reply::json(200, &json!({ "data": items(page), "meta": {} })),
            "/pages" if page <= 4 => Reply::json(200, &json!({ "d": { "items": items(page - 1) } })),
            "/offset" if number("offset") < Some(8) => Reply::json(200, &items(number("offset").unwrap() / 2)),
            "/more" => Reply::json(200, &json!({ "data": items(page), "meta": { "next": 1, "more": page == 0 } })),
            "/lost" => Reply::json(200, &json!({ "data": items(page), "meta": { "more": true } })),
            _ => Reply::json(200, &json!({ "d": { "items": [] } })),
        }
    })
    .await
}

#[tokio::test]
async fn pages_of_every_shape_are_collected_and_iterated() {
    let upstream = paged().await;
    let offset_end = "floh.http.paginate({ url: base + '/offset?limit=2', by: 'offset', maxItems: 8 })";
    for list in [
        "floh.http.paginate({ url: base + '/link' })",
        "floh.http.paginate({ url: base + '/relative', by: 'link', retry: true })",
        "floh.http.paginate({ url: base + '/next', by: 'next', items: '/data', next: '/next' })",
        "floh.http.paginate({ url: base + '/cursor', by: 'cursor', items: '/data', next: '/meta/next' })",
        "floh.http.paginate({ url: base + '/pages', by: 'page', items: '/d/items', query: { size: 2 } })",
        offset_end,
    ] {
        let body = format!(
            "var ids = function (list) {{ return list.map(function (x) {{ return x.id; }}); }}, one = [], two = [];
             for (var x of {list}) one.push(x);
             for await (var y of {list}) two.push(y);
             return [ids({list}.collect()), ids(one), ids(two)];"
        );
        let ids = json!([0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(run(&upstream, &body).await.unwrap(), json!([ids, ids, ids]), "{list}");
    }
    let body = "var p = []; for (var a of floh.http.paginate({ url: base + '/link', query: { q: 'a b' } }).pages()) p.push(a.status);
        return [p, floh.http.paginate({ url: base + '/link', maxItems: 3 }).collect().length, floh.http.paginate({ url: base + '/more', by: 'cursor', items: '/data', next: '/meta/next', more: '/meta/more' }).collect().length];";
    upstream.take();
    assert_eq!(run(&upstream, body).await.unwrap(), json!([[200, 200, 200, 200], 3, 4]));
    // What is not needed is not asked for.
    assert_eq!(upstream.received().len(), 4 + 2 + 2);
    assert_eq!(upstream.received()[0].line(), "GET /link?q=a+b");
}

#[tokio::test]
async fn half_a_list_is_a_failure_that_says_how_much_was_read() {
    let upstream = paged().await;
    for (options, says) in [
        (
            "{ url: base + '/loop' }",
            "2 pages were read, but not the rest: a link leads to a page that was there before",
        ),
        ("{ url: base + '/bad' }", "2 pages were read, but not the rest: the link to the next page is no URL"),
        ("{ url: base + '/fails' }", "2 pages were read, but not the rest: the service answered 500"),
        ("{ url: base + '/link', maxPages: 2 }", "2 pages were read, but not the rest: there are more than 2 pages"),
        (
            "{ url: base + '/lost', by: 'cursor', items: '/data', next: '/meta/next', more: '/meta/more' }",
            "1 page was read, but not the rest: the page says that there are more",
        ),
        ("{ url: base + '/next', by: 'next', items: '/date', next: '/next' }", "the page has no list at /date"),
        ("{ url: base + '/next' }", "the page is not a list"),
        (
            "{ url: base + '/cursor', by: 'cursor', items: '/data', next: '/meta' }",
            "what leads to the next page is no text at /meta",
        ),
    ] {
        let body = format!(
            "try {{ return floh.http.paginate({options}).collect().length; }} catch (e) {{ return [e.name, e.code, e.message, e.pages]; }}"
        );
        let caught = run(&upstream, &body).await.unwrap();
        assert_eq!((&caught[0], &caught[1]), (&json!("HttpError"), &json!("paging")), "{options} {caught}");
        assert!(caught[2].as_str().unwrap().contains(says), "{options} {caught}");
    }
}

#[tokio::test]
async fn waits_are_within_the_deadline_and_give_the_place_back() {
    let pool = pool();
    let began = Instant::now();
    let slept = Call::new(
        "async function main() { floh.util.sleep(40); await floh.util.sleep(40); await new Promise(function (r) { setTimeout(r, 40); }); return 1; }",
    );
    assert_eq!(slept.value(&pool).await, json!(1));
    assert!(began.elapsed() >= Duration::from_millis(120));

    let order = "async function main() { var seen = []; setTimeout(function () { seen.push('b'); }, 20); setTimeout(function (x) { seen.push(x); }, 5, 'a');
        var gone = setTimeout(function () { seen.push('gone'); }, 10); clearTimeout(gone); setTimeout(function () { seen.push('never'); }, 60000);
        await new Promise(function (r) { setTimeout(r, 30); }); Promise.resolve().then(function () { seen.push('c'); }); await null; return seen; }";
    assert_eq!(Call::new(order).value(&pool).await, json!(["a", "b", "c"]));

    for (body, says) in [
        ("floh.util.sleep(60000);", "a wait of 60000 ms is longer than the"),
        ("floh.util.sleep(Infinity);", "is longer than"),
        ("return new Promise(function (r) { setTimeout(r, 60000); });", "is longer than"),
        ("return new Promise(function (r) { setTimeout(function () { throw new Error('own'); }, 1); });", "own"),
        ("floh.util.sleep();", "a number of milliseconds"),
        ("floh.util.sleep(NaN);", "a number of milliseconds"),
        ("setTimeout('code', 1);", "floh.util.sleep(ms)"),
        ("for (;;) setTimeout(function () {}, 1);", "1,000 timers"),
    ] {
        let began = Instant::now();
        let failure = Call::new(&format!("function main() {{ {body} }}")).failure(&pool).await;
        assert!(failure.to_string().contains(says), "{body}: {failure}");
        assert!(began.elapsed() < Duration::from_secs(5));
    }
    // The last wait begins with a millisecond left, or with none: then it is refused as any that is too long.
    let ended = Call::new("function main() { for (;;) floh.util.sleep(1); }").within(300).failure(&pool).await;
    assert!(ended.class() == "timeout" || ended.to_string().contains("a wait of 1 ms is longer than the"), "{ended}");
    assert_eq!(
        Call::new("function main() { floh.util.sleep(50); for (;;) {} }").within(200).failure(&pool).await.class(),
        "timeout"
    );

    // Four runs sleep in the one place of a connector's neighbour, and others run meanwhile.
    let small = Arc::new(
        Pool::new(server::script::PoolSettings { workers: 2, per_connector: 2, spares: 0, ..settings() }).unwrap(),
    );
    let sleeper = Call::new("function main() { floh.util.sleep(1500); return 1; }");
    let began = Instant::now();
    let sleeping = async {
        let host = Host::default();
        let (one, two) = tokio::join!(sleeper.run(&small, &host), sleeper.run(&small, &host));
        assert!(one.is_ok() && two.is_ok());
    };
    let other = async {
        while small.workers().working < 2 {
            tokio::task::yield_now().await;
        }
        let value = Call::new("function main() { return 2; }").of("two").run(&small, &Host::default()).await;
        assert_eq!(value.unwrap().json, "2");
        began.elapsed()
    };
    let ((), other) = tokio::join!(sleeping, other);
    assert!(other < Duration::from_millis(1500), "{other:?}");
}

#[tokio::test]
async fn a_write_that_left_is_known_as_such() {
    let upstream = Upstream::start(|request: &Received| match request.path() {
        "/never" => Reply::never(),
        "/half" => Reply::raw("HTTP/1.1 201 Created\r\ncontent-length: 9\r\n\r\nhalf"),
        _ => Reply::json(200, &json!({})),
    })
    .await;
    for (body, left) in [
        ("floh.http.request({ method: 'POST', url: base + '/never', timeoutMs: 50 })", Some(None)),
        ("floh.http.request({ method: 'POST', url: base + '/half', json: {} })", Some(Some(201))),
        ("floh.http.request({ url: base + '/never', timeoutMs: 50 })", None),
        ("floh.http.request({ method: 'OPTIONS', url: base + '/half' })", None),
        ("floh.http.post(base + '/ok', {})", None),
        ("floh.http.post('http://127.0.0.1:1/', {})", None),
        ("floh.http.post(base + '/never', {})", Some(None)),
    ] {
        let host = host(&upstream);
        let source = format!(
            "var base = {:?}; function main() {{ try {{ {body}; }} catch (e) {{ return [e.outcome, e.status]; }} }}",
            upstream.url("")
        );
        let ran = pool().run(Call::new(&source).within(400).borrowed(), &host).await;
        assert_eq!(host.left().map(|left| left.status), left, "{body}");
        if let Ok(ran) = ran.filter_caught() {
            let outcome = left.map_or(Value::Null, |_| json!("unknown"));
            let status = left.flatten().map_or(Value::Null, Value::from);
            assert_eq!(serde_json::from_str::<Value>(&ran).unwrap(), json!([outcome, status]), "{body}");
        }
    }
}

/// What a run caught, if it caught something.
trait Caught {
    fn filter_caught(self) -> Result<String, ()>;
}

impl Caught for Result<server::script::Ran, ScriptFailure> {
    fn filter_caught(self) -> Result<String, ()> {
        self.map_err(drop).and_then(|ran| if ran.returned { Ok(ran.json) } else { Err(()) })
    }
}

#[tokio::test]
async fn what_may_be_received_can_be_held_and_answered() {
    let pool = pool();
    let user = |at: usize| json!({ "id": at, "profile": { "name": "Ada", "mail": format!("ada{at}@example.com"), "title": "x".repeat(300) }, "groups": ["a", "b"] });
    let users = Value::from((0..24_000).map(user).collect::<Vec<_>>()).to_string();
    assert!(users.len() > 9 << 20 && users.len() < 10 << 20, "{}", users.len());
    let small = format!("[{}{{}}]", "{\"a\":1,\"b\":[]},".repeat(400_000));
    let empty = format!("[{}{{}}]", "{},".repeat(999_000));
    let numbers = format!("[{}1]", "1,".repeat(4_000_000));
    let accents = format!("\"{}\"", "\u{fc}".repeat(5_000_000));
    for (text, answers) in [(&users, true), (&small, false), (&empty, true), (&numbers, false), (&accents, true)] {
        let host = Host::answering(200, text);
        let count =
            Call::new("function main() { return floh.http.get('https://a.example.com/').body.length; }").within(20_000);
        assert!(
            count.run(&pool, &host).await.unwrap_or_else(|failure| panic!("{failure} {}", text.len())).json.len() < 10
        );
        let pass = Call::new("function main() { return floh.http.get('https://a.example.com/').body; }").within(20_000);
        match pass.run(&pool, &host).await {
            Ok(ran) => assert!(answers && ran.json == *text, "{}", text.len()),
            Err(failure) => assert!(!answers && failure.to_string().contains("1000000 values"), "{failure}"),
        }
    }
    // The script's own work has the memory that it always had.
    let hoards = Call::new(
        "function main() { floh.http.get('https://a.example.com/'); var a = []; for (;;) a.push({ x: 1, y: [2] }); }",
    );
    assert_eq!(hoards.run(&pool, &Host::answering(200, "[]")).await.unwrap_err().class(), "memory");
}

#[tokio::test]
async fn pairs_keep_their_order() {
    let upstream = Upstream::start(|_: &Received| Reply::text(204, "")).await;
    let body = "var pairs = [['b', '1'], ['a', '2'], ['b', '3'], ['2', 'x'], ['1', 'y']];
        floh.http.request({ method: 'POST', url: base, query: new URLSearchParams(pairs), body: new URLSearchParams(pairs) });
        floh.http.request({ method: 'POST', url: base, query: pairs, form: pairs }); return 1;";
    run(&upstream, body).await.unwrap();
    for sent in upstream.received() {
        assert_eq!((sent.target.as_str(), sent.body.as_str()), ("/?b=1&a=2&b=3&2=x&1=y", "b=1&a=2&b=3&2=x&1=y"));
    }
}

#[tokio::test]
async fn what_a_form_holds_is_counted_whole_and_lengths_are_not_believed() {
    let upstream = Upstream::start(|_: &Received| Reply::text(204, "")).await;
    for (call, says) in [
        (
            "var name = 'x'.repeat(1025); floh.http.request({ method: 'POST', url: base, multipart: [{ name: 'a', text: 'b', fileName: name }] })",
            "at most 1024 bytes",
        ),
        (
            "var long = []; long.length = 3e9; floh.http.request({ method: 'POST', url: base, multipart: long })",
            "at most 1000 items",
        ),
        (
            "var long = []; long.length = 3e9; floh.http.request({ method: 'POST', url: base, parts: long })",
            "at most 1000 items",
        ),
        (
            "var long = []; long.length = 3e9; floh.http.request({ url: base, query: { a: long } })",
            "at most 1000 items",
        ),
        ("floh.http.request({ url: base, query: [1] })", "pairs: [name, value]"),
    ] {
        let failure = run(&upstream, &format!("{call}; return 1;")).await.unwrap_err();
        assert!(failure.to_string().contains(says), "{call}: {failure}");
    }
    assert!(upstream.received().is_empty());
}

#[tokio::test]
async fn an_empty_page_in_the_middle_is_no_end() {
    let upstream = Upstream::start(|sent: &Received| match sent.target.as_str() {
        "/p1" => Reply::json(200, &json!([1, 2])).with_header("link", "</p2>; rel=\"next\""),
        "/p2" => Reply::text(200, "").with_header("link", "</p3>; rel=\"next\""),
        "/more?page=1" => Reply::json(200, &json!({ "items": [1], "more": true })),
        "/more?page=2" => Reply::json(200, &json!({ "items": [], "more": true })),
        _ => Reply::json(200, &json!({ "items": [3], "more": false })),
    })
    .await;
    let failure = run(&upstream, "return floh.http.paginate({ url: base + '/p1' }).collect();").await.unwrap_err();
    assert!(failure.to_string().contains("the page is empty"), "{failure}");
    let all =
        "return floh.http.paginate({ url: base + '/more', by: 'page', items: '/items', more: '/more' }).collect();";
    assert_eq!(run(&upstream, all).await.unwrap(), json!([1, 3]));
}

#[tokio::test]
async fn a_write_whose_answer_is_too_large_was_answered() {
    let upstream = Upstream::start(|_: &Received| Reply::text(201, &"x".repeat(11 << 20))).await;
    let body = "try { floh.http.post(base, {}); } catch (e) { return [e.code, e.outcome, e.status]; }";
    assert_eq!(run(&upstream, body).await.unwrap(), json!(["too_large", "unknown", 201]));
}

#[tokio::test]
async fn timers_that_are_left_are_told() {
    let host = Host::default();
    let source = "function main() { setTimeout(function () { floh.log.info('never'); }, 0); return 1; }";
    Call::new(source).run(&pool(), &host).await.unwrap();
    assert!(host.lines().iter().any(|line| line.starts_with("warn timers were left")), "{:?}", host.lines());
    let clamped =
        "async function main() { await new Promise(function (done) { setTimeout(done, Infinity); }); return 1; }";
    assert_eq!(Call::new(clamped).value(&pool()).await, json!(1));
}
