#![allow(clippy::undocumented_unsafe_blocks, reason = "each stands beside what makes it sound")]

use rquickjs::allocator::Allocator;
use rquickjs::{Context, Runtime, Value};

use super::{Memory, compile, is_date};

fn with<T>(test: impl FnOnce(rquickjs::Ctx<'_>) -> T) -> T {
    let runtime = Runtime::new().unwrap();
    Context::full(&runtime).unwrap().with(test)
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
fn memory_has_a_limit_and_remembers() {
    let (memory, refused) = Memory::new(1 << 20);
    let runtime = Runtime::new_with_alloc(memory).unwrap();
    Context::full(&runtime).unwrap().with(|ctx| {
        ctx.eval::<(), _>("var a = []; for (let i = 0; i < 1000; i++) a.push({ i }, 'x' + i); a = null;").unwrap();
        assert!(!refused.was_refused());
        // The script catches it, but it is recorded all the same.
        ctx.eval::<(), _>("try { for (;;) (globalThis.b ??= []).push({}); } catch { b = null; }").unwrap();
        assert!(refused.was_refused());
    });
}

#[test]
fn blocks_keep_their_contents_as_they_grow_and_all_is_given_back() {
    let (mut memory, refused) = Memory::new(1 << 16);
    let mut block = memory.alloc(3);
    for (at, byte) in [1, 2, 3].into_iter().enumerate() {
        unsafe { std::slice::from_raw_parts_mut(block, 3)[at] = byte };
    }
    for size in [0, 5, 4000, 3] {
        block = unsafe { memory.realloc(block, size.max(3)) };
        assert!(unsafe { Memory::usable_size(block) } >= size && block.addr() % 8 == 0);
        assert_eq!(unsafe { std::slice::from_raw_parts(block, 3) }, [1, 2, 3]);
    }
    let zeroed = memory.calloc(3, 100);
    assert!(unsafe { std::slice::from_raw_parts(zeroed, 300) }.iter().all(|byte| *byte == 0));
    assert!(memory.alloc(1 << 16).is_null() && refused.was_refused());
    assert!(memory.calloc(usize::MAX, 2).is_null() && memory.alloc(usize::MAX).is_null());
    unsafe { memory.dealloc(block) };
    unsafe { memory.dealloc(zeroed) };
    assert_eq!(format!("{memory:?}"), format!("Memory {{ left: {}, .. }}", 1 << 16));
}
