//! A mistake in a signature gives one error, and one can read it.

#[test]
fn mistakes_are_told_in_one_error() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}
