//! Files nobody would write on purpose, and some that somebody would.

use nexus_check::{CheckError, check};

use crate::support::{Copy, options, places};

fn broken_by(shop: &Copy) -> CheckError {
    check(&shop.options()).unwrap_err()
}

#[test]
fn where_there_is_nothing_to_check_that_is_an_error() {
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(check(&options(empty.path())), Err(CheckError::Nothing { .. })));
    std::fs::write(empty.path().join("main.rs"), "fn main() {}").unwrap();
    assert!(matches!(check(&options(empty.path())), Err(CheckError::Nothing { .. })));
    assert!(matches!(check(&options(&empty.path().join("gone"))), Err(CheckError::Unreadable { .. })));
}

#[test]
fn a_file_too_large_to_look_at_blocks_and_says_how_to_leave_it_out() {
    let shop = Copy::of("repaired");
    shop.write("dump.sql", vec![b'x'; 50 * 1024 * 1024]);
    let error = broken_by(&shop);
    assert!(matches!(&error, CheckError::TooLarge { file, .. } if file == "dump.sql"), "{error}");
    assert!(error.fix().contains(".nexusignore"));
    shop.write(".nexusignore", "dump.sql\n");
    assert_eq!(places(&shop.checked()), []);
}

#[test]
fn bytes_that_are_no_text_hide_nothing() {
    let shop = Copy::of("repaired");
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let statement = b"\n;\nDELETE FROM payment_events;";
    shop.write("services/billing/migrations/003.sql", [bytes.as_slice(), statement].concat());
    for name in ["a.rs", "a.py", "a.ts", "a.go", "a.kt"] {
        shop.write(
            &format!("services/orders/src/{name}"),
            [bytes.as_slice(), b"\n\"\xFF payment_events orders\n"].concat(),
        );
    }
    let checked = shop.checked();
    assert_eq!(
        places(&checked).iter().map(|(rule, file, ..)| (*rule, *file)).collect::<Vec<_>>(),
        [("NX-EVT-001", "services/billing/migrations/003.sql")]
    );
}

#[test]
fn nesting_without_end_ends_nothing() {
    let shop = Copy::of("repaired");
    let deep = 200_000;
    for (name, open, close) in
        [("a.rs", "(", ")"), ("b.rs", "!", ""), ("c.rs", "[", ""), ("d.ts", "`${", ""), ("e.sql", "(", ")")]
    {
        let text = format!("// orders\n{}\"http://billing/x\"{}", open.repeat(deep), close.repeat(deep));
        shop.write(&format!("services/orders/src/{name}"), text);
    }
    let checked = shop.checked();
    let found: Vec<_> = places(&checked).into_iter().map(|(rule, file, ..)| (rule, file)).collect();
    assert!(found.contains(&("NX-ARCH-001", "services/orders/src/a.rs")), "{found:?}");
    shop.write("schemas/event/Deep/1.json", format!("{}1{}", "{\"a\":".repeat(deep), "}".repeat(deep)));
    assert!(places(&shop.checked()).contains(&("NX-SCH-001", "schemas/event/Deep/1.json", 1, 1)));
    shop.write("services/deep/nexus.service.toml", format!("a = {}", "[".repeat(deep)));
    assert!(matches!(broken_by(&shop), CheckError::Malformed { .. }));
}

#[test]
fn a_policy_nested_without_end_is_a_finding_and_ends_nothing() {
    let shop = Copy::of("repaired");
    for (open, close) in [
        ("[", ""),
        ("-", "1"),
        ("not ", "x"),
        ("a.", "b"),
        ("1 + ", "1"),
        ("{\"a\": ", "1"),
        ("f(", "1"),
        ("a[", "b"),
        ("- ", "1"),
    ] {
        shop.write("policies/deep.rego", format!("package nexus\n\nx := {}{close}", open.repeat(100_000)));
        assert_eq!(places(&shop.checked()), [("NX-POL-001", "policies/deep.rego", 3, 1)], "{open}");
    }
}

#[test]
fn a_file_as_long_as_may_be_is_read_in_bounded_time() {
    let shop = Copy::of("repaired");
    let long = |part: &str| part.repeat(1024 * 1024 / part.len());
    shop.write("services/orders/long.sql", long("INSERT INTO payment_events UPDATE payment_events "));
    shop.write("services/orders/src/long.ts", long("const u = 'http://billing'; f(u); `${{{{ ' \" "));
    shop.write("services/orders/src/long.rs", format!("fn f() {{ {} }}", long("g(\"http://billing\", \"{\"); ")));
    assert!(!shop.checked().findings.is_empty());
}

#[test]
fn what_git_ignores_and_what_is_installed_is_not_read() {
    let shop = Copy::of("repaired");
    shop.write(".gitignore", "generated/\n");
    for directory in ["services/orders/generated", "services/orders/node_modules/x", "services/orders/.cache"] {
        shop.write(&format!("{directory}/a.ts"), "fetch('http://billing')");
    }
    assert_eq!(places(&shop.checked()), []);
}

#[test]
fn a_second_service_of_the_same_name_is_an_error_that_names_both() {
    let shop = Copy::of("repaired");
    shop.write("services/twin/nexus.service.toml", "[service]\nname = \"orders\"\n");
    let error = broken_by(&shop).to_string();
    assert!(error.contains("services/twin/nexus.service.toml:2:8") && error.contains("services/orders/"), "{error}");
}

#[test]
fn a_lock_or_crate_that_cannot_be_read_is_an_error_with_its_place() {
    let shop = Copy::of("repaired");
    shop.write("schemas/nexus.schemas.lock", "event OrderPlaced one\n");
    assert!(broken_by(&shop).to_string().starts_with("schemas/nexus.schemas.lock:1:1: "));
    let shop = Copy::of("repaired");
    shop.write("services/orders/Cargo.toml", "[package\n");
    assert!(broken_by(&shop).to_string().starts_with("services/orders/Cargo.toml:1:"));
}

#[cfg(unix)]
#[test]
fn links_are_not_followed_and_what_cannot_be_read_blocks() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let shop = Copy::of("repaired");
    symlink(shop.root(), shop.root().join("services/orders/src/round")).unwrap();
    symlink("nowhere", shop.root().join("services/orders/src/gone.rs")).unwrap();
    assert_eq!(places(&shop.checked()), []);

    shop.write("services/orders/src/secret.rs", "fn f() {}");
    let path = shop.root().join("services/orders/src/secret.rs");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    // Whoever may read everything can read this too.
    if std::fs::read(&path).is_err() {
        assert!(matches!(broken_by(&shop), CheckError::Unreadable { file, .. } if file.ends_with("secret.rs")));
    }
}
