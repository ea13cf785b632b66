/// Every mistake in `ui/` fails to compile with exactly the message beside it.
///
/// After a deliberate change: `TRYBUILD=overwrite cargo test -p nexus-macros messages`, then read the difference.
#[test]
fn mistakes_are_explained_with_their_fix() {
    trybuild::TestCases::new().compile_fail("tests/it/ui/*.rs");
}
