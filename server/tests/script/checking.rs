//! What is said of a source before it is saved.

use server::script::{Limits, Sandbox, ScriptProblem};

use super::support::{healthy, pool};

async fn check(source: &str, commands: &[&str]) -> Vec<ScriptProblem> {
    pool().check(source, commands, &Limits::default()).await.unwrap()
}

#[tokio::test]
async fn a_sound_script_has_no_problem() {
    let source = "const a = async () => 1; let b = function () {}; function c() { return floh.http.get(floh.config.x); } var d = class {};\nif (floh.params.command === 'c') throw 1;";
    assert_eq!(check(source, &["a", "b", "c", "d"]).await, []);
    assert_eq!(check("", &[]).await, []);
}

#[tokio::test]
async fn a_syntax_error_has_its_place() {
    let [problem] = check("function a() {}\n  let 1;", &["a"]).await.try_into().unwrap();
    assert_eq!((problem.line, problem.column.is_some()), (Some(2), true), "{problem:?}");
    assert_eq!(check("a\0b", &[]).await.len(), 1);
}

#[tokio::test]
async fn a_throwing_top_level_has_its_place() {
    let [problem] = check("\n\nnull.x;", &[]).await.try_into().unwrap();
    assert_eq!(problem.line, Some(3));
    assert!(problem.message.contains("TypeError"), "{problem:?}");
}

#[tokio::test]
async fn missing_commands_are_all_named() {
    let problems =
        check("function a() {}\nvar b = 1; const constructor = 1;", &["a", "b", "c", "toString", "constructor"]).await;
    assert_eq!(problems.len(), 4, "{problems:?}");
    assert!(problems[0].message.contains("command b") && problems[0].line.is_none());
}

#[tokio::test]
async fn the_top_level_may_not_call_out_and_has_an_end() {
    let [problem] = check("floh.http.get('https://a.example.com/');", &[]).await.try_into().unwrap();
    assert!(problem.message.contains("may not call out"), "{problem:?}");
    assert_eq!(problem.line, Some(1));
    for source in ["for (;;) {}", "Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)"] {
        let [problem] = check(source, &[]).await.try_into().unwrap();
        assert!(problem.message.contains("come to an end"), "{problem:?}");
    }
    let [problem] = check("var a = []; for (;;) a.push([a]);", &[]).await.try_into().unwrap();
    assert!(problem.message.contains("memory"), "{problem:?}");
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let pool = pool();
    let source = " ".repeat((256 << 10) + 1);
    assert_eq!(pool.check(&source, &[], &Limits::default()).await.unwrap_err().class(), "too_large");
    let large = Limits { source: 32 << 20, ..Limits::default() };
    assert_eq!(pool.check(&source, &[], &large).await.unwrap(), []);
    healthy(&pool).await;
}
