//! Wrong definitions do not compile, and the error stands under the wrong token: one file, one mistake.
//!
//! The cases belong to `connector-macros`; they are run from here because what they compile needs the
//! runtime, which the macros must not depend on.

#[test]
fn wrong_definitions_do_not_compile() {
    trybuild::TestCases::new().compile_fail("../connector-macros/tests/ui/*/*.rs");
}
