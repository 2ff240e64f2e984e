#![allow(clippy::undocumented_unsafe_blocks, reason = "each stands beside what makes it sound")]

use std::rc::Rc;

use rquickjs::allocator::Allocator;
use rquickjs::{Context, Ctx, Function, Object, Result, Runtime, Value};

use super::memory::{Heap, Memory};
use super::{Bytecode, Image, Properties, Run, RunLimits, compile, is_date, with_text};

const LIMITS: RunLimits = RunLimits { memory: 8 << 20, stack: 256 << 10, collect_from: 2 << 20 };

fn with<T>(test: impl FnOnce(Ctx<'_>) -> T) -> T {
    let runtime = Runtime::new().unwrap();
    Context::full(&runtime).unwrap().with(test)
}

/// A context with a function that Rust made, and with objects that scripts can change.
#[expect(clippy::disallowed_methods, reason = "made before the first run, and returned")]
fn furnish<'js>(ctx: &Ctx<'js>) -> Result<(Function<'js>, Vec<Value<'js>>)> {
    let two = Function::new(ctx.clone(), || 2)?.with_name("two")?;
    ctx.globals().set("two", two.clone())?;
    let start = ctx.eval("var list = [1]; (function start(more) { list.push(more); return list.length })")?;
    Ok((start, vec![two.into_value()]))
}

fn image() -> Image {
    Image::new(1 << 20, Context::full, furnish).unwrap()
}

fn compiled(source: &str) -> Bytecode {
    with(|ctx| compile(&ctx, source, "test.js").unwrap())
}

fn number(image: &mut Image, source: &str) -> i32 {
    image.run(LIMITS, |run| run.ctx.eval(source).unwrap()).unwrap()
}

#[test]
fn what_is_compiled_in_one_runtime_runs_in_others() {
    let bytecode = with(|ctx| compile(&ctx, "let two = 2; function f() { return two + 40 } f()", "test.js").unwrap());
    for _ in 0..100 {
        let value = with(|ctx| bytecode.run(&ctx).unwrap().as_int());
        assert_eq!(value, Some(42));
    }
}

#[test]
fn a_syntax_error_is_pending_with_its_place() {
    with(|ctx| {
        assert!(compile(&ctx, "\nfunction f( { }", "test.js").is_err());
        let error = ctx.catch();
        let stack: String = error.as_object().unwrap().get("stack").unwrap();
        assert!(stack.contains("test.js:2:"), "{stack}");
    });
}

#[test]
fn a_throw_is_pending_and_nothing_is_lost() {
    let bytecode = with(|ctx| compile(&ctx, "throw new TypeError('no')", "test.js").unwrap());
    with(|ctx| {
        for _ in 0..10 {
            assert!(bytecode.run(&ctx).is_err());
            assert!(ctx.catch().is_error());
        }
    });
}

#[test]
fn a_nul_in_the_text_is_refused() {
    with(|ctx| assert!(compile(&ctx, "1\0", "test.js").is_err()));
}

#[test]
fn a_date_is_told_by_its_class() {
    with(|ctx| {
        let date: Value<'_> = ctx.eval("Object.setPrototypeOf(new Date(0), null)").unwrap();
        let like: Value<'_> = ctx.eval("Object.create(Date.prototype)").unwrap();
        assert!(is_date(&date) && !is_date(&like) && !is_date(&Value::new_int(ctx, 1)));
    });
}

#[test]
fn each_run_finds_the_context_as_it_was_set_up() {
    let mut image = image();
    let look = "[typeof left, list.length, [].own, typeof two, two(), JSON.stringify({}), typeof Map.prototype.get,
                 'toJSON' in Object.prototype, Object.isExtensible(list), Reflect.ownKeys(globalThis).length].join()";
    let seen = |image: &mut Image| image.run(LIMITS, |run| run.ctx.eval::<String, _>(look).unwrap()).unwrap();
    let first = seen(&mut image);
    assert!(first.starts_with("undefined,1,,function,2,{},function,false,true,"), "{first}");
    for source in [
        "globalThis.left = 1; var also = 2; list.push(2, 3); Array.prototype.own = 4; 0",
        "delete globalThis.two; JSON.stringify = () => 'no'; Object.prototype.toJSON = () => 'no'; 0",
        "delete Map.prototype.get; Object.setPrototypeOf(list, null); Object.freeze(list); 0",
        "for (let i = 0; i < 5000; i++) globalThis['name' + i] = { i, text: 'x'.repeat(i % 90) }; 0",
        "let kept = []; for (let i = 0; i < 300; i++) kept.push(new Uint8Array(4096)); kept.length",
        "Promise.resolve().then(function again() { globalThis.left = 1; Promise.resolve().then(again) }); 0",
        "var cycle = {}; cycle.own = cycle; cycle = new WeakMap([[cycle, new Proxy({}, {})]]); 0",
    ] {
        number(&mut image, source);
        assert_eq!(seen(&mut image), first, "{source}");
    }
}

#[test]
fn a_run_that_throws_or_panics_leaves_nothing() {
    let mut image = image();
    image.run(LIMITS, |run| assert!(run.ctx.eval::<(), _>("globalThis.left = 1; throw left").is_err())).unwrap();
    assert_eq!(number(&mut image, "typeof left === 'undefined' ? 1 : 2"), 1);
    let mut unwound = std::panic::AssertUnwindSafe(&mut image);
    let panicked = std::panic::catch_unwind(move || {
        unwound.run(LIMITS, |run| {
            run.ctx.eval::<(), _>("globalThis.left = 1").unwrap();
            panic!("on purpose");
        })
    });
    assert!(panicked.is_err());
    assert_eq!(number(&mut image, "typeof left === 'undefined' ? 1 : 2"), 1);
}

#[test]
fn what_starts_a_run_is_called_with_its_data() {
    let mut image = image();
    for more in 0..3 {
        let length: Option<i32> = image.run(LIMITS, |run: Run<'_>| run.start.call((more,)).unwrap());
        assert_eq!(length, Some(2));
    }
}

#[test]
fn a_script_that_is_kept_runs_in_each_run_for_the_first_time() {
    let mut image = image();
    assert!(!image.has_script());
    image.run(LIMITS, |run| assert!(run.script().is_none())).unwrap();
    assert!(
        image.keep(&compiled("let own = []; var calls = (globalThis.calls ?? 0) + 1; own.push(calls); own.length"))
    );
    for _ in 0..3 {
        let length = image.run(LIMITS, |run| run.script().unwrap().unwrap().as_int()).unwrap();
        assert_eq!(length, Some(1));
        assert_eq!(number(&mut image, "typeof calls === 'undefined' ? 1 : 2"), 1);
    }
    // What throws does so each time.
    let mut image = self::image();
    assert!(image.keep(&compiled("throw new TypeError('no')")));
    for _ in 0..3 {
        let thrown = image.run(LIMITS, |run| run.script().unwrap().is_err() && run.ctx.catch().is_error());
        assert_eq!(thrown, Some(true));
    }
}

#[test]
fn a_script_without_room_is_not_kept() {
    let mut image = image();
    let large = compiled(&format!("var text = '{}'; 1", "x".repeat(2 << 20)));
    for _ in 0..2 {
        assert!(!image.keep(&large));
        assert!(!image.has_script());
        assert_eq!(number(&mut image, "list.length"), 1);
    }
    assert!(image.keep(&compiled("2")));
}

#[test]
fn properties_are_read_as_scripts_enumerate_them() {
    with(|ctx| {
        let source = "const proto = { inherited: 0 };
            const all = { 2: 'two', b: 1, [Symbol('s')]: 2, get c() { return this.b + 1 }, '': null, __proto__: proto };
            Object.defineProperty(all, 'hidden', { value: 3 }); all";
        let object: Object<'_> = ctx.eval(source).unwrap();
        let all = Properties::of(&object).unwrap();
        assert_eq!(all.key(all.count()), None);
        assert!(all.value(all.count()).is_err() && all.name(all.count()).is_err() && all.hold(all.count()).is_none());
        let named = (0..all.count()).map(|at| {
            (all.name(at).unwrap().to_string().unwrap(), ctx.json_stringify(all.value(at).unwrap()).unwrap().unwrap())
        });
        let named: Vec<_> = named.map(|(name, value)| format!("{name}={}", value.to_string().unwrap())).collect();
        assert_eq!(named, [r#"2="two""#, "b=1", "c=2", "=null"]);

        // A key is the same in another object, and once it is held also after the first one is gone.
        let held = all.hold(1).unwrap();
        drop(all);
        drop(object);
        let other: Object<'_> = ctx.eval("({ a: 1, b: 2 })").unwrap();
        let others = Properties::of(&other).unwrap();
        assert_eq!(others.key(1), Some(held.key()));
        assert_ne!(others.key(0), Some(held.key()));
    });
}

#[test]
fn what_a_proxy_or_a_getter_throws_is_pending() {
    with(|ctx| {
        let proxy: Object<'_> = ctx.eval("new Proxy({}, { ownKeys() { throw 1 } })").unwrap();
        assert!(Properties::of(&proxy).is_err());
        assert_eq!(ctx.catch().as_int(), Some(1));
        let getter: Object<'_> = ctx.eval("({ get a() { throw 2 } })").unwrap();
        let all = Properties::of(&getter).unwrap();
        assert!(all.value(0).is_err());
        assert_eq!(ctx.catch().as_int(), Some(2));
    });
}

#[test]
fn texts_are_lent_and_half_a_pair_is_none() {
    with(|ctx| {
        for text in ["", "plain", "\u{e9}", "\u{1f600}\0 long ".repeat(500).as_str()] {
            let string = rquickjs::String::from_str(ctx.clone(), text).unwrap();
            assert_eq!(with_text(&string, str::to_owned).unwrap().as_deref(), Some(text));
        }
        let half: rquickjs::String<'_> = ctx.eval("'a\\ud83d'").unwrap();
        assert_eq!(with_text(&half, str::len).unwrap(), None);
    });
}

#[test]
fn memory_has_a_limit_and_each_run_the_whole_of_it() {
    let mut image = image();
    for _ in 0..3 {
        image
            .run(LIMITS, |Run { ctx, account, .. }| {
                ctx.eval::<(), _>("var a = []; for (let i = 0; i < 1000; i++) a.push({ i }, 'x' + i); a = null;")
                    .unwrap();
                assert!(!account.was_refused());
                // The script catches it, but it is recorded all the same.
                ctx.eval::<(), _>("try { for (;;) (globalThis.b ??= []).push({}); } catch { b = null; }").unwrap();
                assert!(account.was_refused());
            })
            .unwrap();
    }
    // A list that grows is moved, and is not counted twice.
    let half = "var a = []; while (a.length < 300000) a.push(a.length); a.length";
    assert_eq!(number(&mut image, half), 300_000);
    let none = image.run(RunLimits { memory: 100 << 10, ..LIMITS }, |_| panic!("the context alone is larger"));
    assert!(none.is_none());
    let more = image.run(LIMITS, |Run { ctx, account, .. }| {
        account.grant(16 << 20);
        ctx.eval::<i32, _>("new Uint8Array(12 << 20).length").unwrap()
    });
    assert_eq!(more, Some(12 << 20));
}

#[test]
fn blocks_keep_their_contents_as_they_grow_and_all_is_given_back() {
    let heap = Heap::new(1 << 10).unwrap();
    let mut memory = Memory(Rc::clone(&heap));
    heap.open();
    let in_region = memory.alloc(16);
    unsafe { in_region.write_bytes(7, 16) };
    heap.seal();
    let copied = heap.copy();
    for _ in 0..2 {
        assert!(heap.open_account(1 << 16));
        let (mut block, other) = (memory.alloc(3), memory.alloc(100));
        for (at, byte) in [1, 2, 3].into_iter().enumerate() {
            unsafe { std::slice::from_raw_parts_mut(block, 3)[at] = byte };
        }
        for size in [3, 5, 4000, 3] {
            block = unsafe { memory.realloc(block, size) };
            assert!(unsafe { Memory::usable_size(block) } >= size && block.addr() % 8 == 0);
            assert_eq!(unsafe { std::slice::from_raw_parts(block, 3) }, [1, 2, 3]);
        }
        let zeroed = memory.calloc(3, 100);
        assert!(unsafe { std::slice::from_raw_parts(zeroed, 300) }.iter().all(|byte| *byte == 0));
        assert!(!heap.account().was_refused());
        assert!(memory.alloc(1 << 16).is_null() && heap.account().was_refused());
        assert!(memory.calloc(usize::MAX, 2).is_null() && memory.alloc(usize::MAX).is_null());
        // What the region held grows outside of it, and is back in its place afterwards.
        let grown = unsafe { memory.realloc(in_region, 2000) };
        assert_eq!(unsafe { std::slice::from_raw_parts(grown, 16) }, [7; 16]);
        unsafe { in_region.write_bytes(1, 16) };
        unsafe { memory.dealloc(other) };
        unsafe { heap.restore(&copied) };
        assert_eq!(unsafe { std::slice::from_raw_parts(in_region, 16) }, [7; 16]);
    }
    assert!(heap.open_account(1 << 16));
    assert!(!memory.alloc((1 << 16) - 128).is_null(), "nothing is left of what was allocated before");
    assert!(!heap.open_account(8), "the region alone is larger");
}
