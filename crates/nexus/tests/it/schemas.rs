//! Schemas in a repository, through the command line of an application; the application is `examples/upcasting.rs`.

use std::{fs, path::Path};

use nexus_e2e::{Finished, ForeignClient, run_program};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::upcasting::{place, program, serve};

/// `schema …` of one version of the application, with the directory after the verb.
fn schema(version: &str, verb: &str, directory: &Path, more: &[&str]) -> Finished {
    let directory = directory.to_str().unwrap();
    run_program(&program(), &[&[version, "schema", verb, directory], more].concat())
}

/// A directory with the schemas of the first version, published.
fn published() -> TempDir {
    let directory = TempDir::new().unwrap();
    assert_eq!(schema("first", "generate", directory.path(), &[]).code, Some(0));
    let checked = schema("first", "check", directory.path(), &["--lock"]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    directory
}

fn findings(ended: &Finished) -> Vec<Value> {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

#[test]
fn what_the_code_declares_is_written_once_and_locked() {
    let directory = published();
    let lock = fs::read_to_string(directory.path().join("nexus.schemas.lock")).unwrap();
    let lines: Vec<_> = lock.lines().skip(1).map(|line| line.rsplit_once(' ').unwrap().0).collect();
    assert_eq!(
        lines,
        ["event OrderConfirmed 1", "event OrderPlaced 1", "command ConfirmOrder 1", "command PlaceOrder 1"]
    );
    let again = schema("first", "generate", directory.path(), &["-o", "json"]);
    assert_eq!((again.code, findings(&again).len()), (Some(0), 0));
}

#[test]
fn a_breaking_schema_is_reported_with_place_reason_fix_and_example_and_exit_4() {
    let directory = published();
    assert_eq!(schema("broken", "generate", directory.path(), &[]).code, Some(0));
    assert!(directory.path().join("event/OrderPlaced/2.json").exists());
    let ended = schema("broken", "check", directory.path(), &[]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    for part in [
        "error[",
        "event/OrderPlaced/2.json",
        "event `OrderPlaced` version 2",
        "= why: events of version 1",
        "= fix: ",
        "= example: {",
    ] {
        assert!(ended.stdout.contains(part), "lacks {part:?}: {}", ended.stdout);
    }
    let found = findings(&schema("broken", "check", directory.path(), &["-o", "json"]));
    assert!(!found.is_empty());
    for finding in &found {
        assert_eq!((finding["name"].as_str(), finding["incompatible"].as_bool()), (Some("OrderPlaced"), Some(true)));
        assert!(!finding["rule"].as_str().unwrap().is_empty() && !finding["fix"].as_str().unwrap().is_empty());
    }
    // A check that finds something writes no lock.
    let lock = fs::read(directory.path().join("nexus.schemas.lock")).unwrap();
    assert_eq!(schema("broken", "check", directory.path(), &["--lock"]).code, Some(4));
    assert_eq!(fs::read(directory.path().join("nexus.schemas.lock")).unwrap(), lock);
    // With the upcaster in the code it goes through.
    assert_eq!(schema("second", "generate", directory.path(), &[]).code, Some(0));
    let ended = schema("second", "check", directory.path(), &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn an_upcaster_in_a_file_is_tried_on_samples() {
    let directory = published();
    assert_eq!(schema("broken", "generate", directory.path(), &[]).code, Some(0));
    let steps = directory.path().join("event/OrderPlaced/1.upcast.json");
    let split = json!({ "op": "split", "from": "/customer", "by": " ", "to": ["/firstName", "/lastName"] });
    let rest = [
        json!({ "op": "rename", "from": "/total", "to": "/totalMinor" }),
        json!({ "op": "default", "path": "/currency", "value": "GBP" }),
    ];
    let all = [vec![split.clone()], rest.to_vec()].concat();
    fs::write(&steps, Value::from(all).to_string()).unwrap();
    let ended = schema("broken", "check", directory.path(), &["--files-only", "-o", "json"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let found = findings(&ended);
    assert_eq!((found.len(), found[0]["rule"].as_str()), (1, Some("upcaster")), "{found:?}");
    assert_eq!(found[0]["example"], json!({ "customer": "text", "total": 0 }));
    let default = json!({ "op": "default", "path": "/lastName", "value": "" });
    let all = [vec![split, default], rest.to_vec()].concat();
    fs::write(&steps, Value::from(all).to_string()).unwrap();
    assert_eq!(schema("broken", "check", directory.path(), &["--files-only"]).code, Some(0));
}

#[test]
fn what_was_published_is_not_changed_or_removed() {
    let directory = published();
    let file = directory.path().join("event/OrderPlaced/1.json");
    let mut changed: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    changed["properties"]["note"] = json!({ "type": "string" });
    fs::write(&file, changed.to_string()).unwrap();
    let ended = schema("first", "check", directory.path(), &["-o", "json"]);
    let rules: Vec<_> = findings(&ended).iter().map(|finding| finding["rule"].clone()).collect();
    assert_eq!((ended.code, rules), (Some(1), vec![json!("locked"), json!("code-differs")]));
    fs::remove_file(&file).unwrap();
    let ended = schema("first", "check", directory.path(), &["--files-only"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("its file is gone"), "{}", ended.stdout);
}

#[test]
fn two_schemas_are_compared_by_what_changed_in_them() {
    let directory = TempDir::new().unwrap();
    let file = |name: &str, schema: Value| {
        let path = directory.path().join(name);
        fs::write(&path, schema.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let old = file("old", json!({ "type": "object", "properties": { "total": { "type": "integer", "minimum": 0 } } }));
    let new = file("new", json!({ "type": "object", "properties": { "total": { "type": "integer", "minimum": 5 } } }));
    let diff =
        |more: &[&str]| run_program(&program(), &[&["first", "schema", "diff", "--files", &old, &new], more].concat());
    let changes = findings(&diff(&["-o", "json"]));
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(
        (changes[0]["pointer"].as_str(), changes[0]["bump"].as_str()),
        (Some("/properties/total/minimum"), Some("major"))
    );
    assert!(diff(&[]).stdout.starts_with("~ /properties/total/minimum  "), "{}", diff(&[]).stdout);
}

#[test]
fn the_versions_of_stored_events_are_counted_and_compared_on_a_server() {
    let data = TempDir::new().unwrap();
    let first = serve("first", data.path());
    place(&first, "order-1", "Ann Lee", 1255);
    place(&first, "order-2", "Bo Ek", 5);
    assert_eq!(first.stop("-TERM"), Some(0));
    let second = serve("second", data.path());
    let ask = |arguments: &[&str]| {
        let url = second.url();
        run_program(&program(), &[&["second"], arguments, &["-o", "json", "--server", &url]].concat())
    };
    let usage = findings(&ask(&["schema", "usage", "OrderPlaced"]));
    assert_eq!(usage, [json!({ "name": "OrderPlaced", "version": 1, "events": 2 })]);
    let changes = findings(&ask(&["schema", "diff", "OrderPlaced"]));
    let of = |kind: &str| changes.iter().filter(|change| change["kind"] == kind).count();
    assert!(of("added") >= 4 && of("removed") >= 2, "{changes:?}");
}

#[test]
fn a_schema_is_registered_on_a_server_and_a_breaking_one_is_refused_with_exit_4() {
    let data = TempDir::new().unwrap();
    let server = serve("first", data.path());
    let register = |schema: Value| {
        let file = data.path().join("schema.json");
        fs::write(&file, schema.to_string()).unwrap();
        let url = server.url();
        let arguments = ["first", "schema", "register", "OrderPaid", file.to_str().unwrap(), "--server", &url];
        run_program(&program(), &arguments)
    };
    let of = |kind: &str| json!({ "type": "object", "properties": { "cents": { "type": kind } } });
    let first = register(of("integer"));
    assert_eq!((first.code, first.stdout.contains("version 1")), (Some(0), true), "{first:?}");
    let breaking = register(of("string"));
    assert_eq!(breaking.code, Some(4), "{breaking:?}");
    for part in ["/properties/cents", "fix: "] {
        assert!(breaking.stderr.contains(part), "lacks {part:?}: {}", breaking.stderr);
    }
}

/// A directory of one event type with these versions.
fn versions(name: &str, schemas: &[Value]) -> TempDir {
    let directory = TempDir::new().unwrap();
    let place = directory.path().join("event").join(name);
    fs::create_dir_all(&place).unwrap();
    for (version, schema) in (1..).zip(schemas) {
        fs::write(place.join(format!("{version}.json")), schema.to_string()).unwrap();
    }
    directory
}

#[test]
fn every_version_is_judged_against_all_before_it_under_the_mode_of_its_type() {
    let of = |properties: Value| json!({ "type": "object", "properties": properties });
    let open = json!({ "type": "object", "additionalProperties": true });
    let steps = [of(json!({ "b": { "type": "integer" } })), open, of(json!({ "b": { "type": "string" } }))];
    // Step by step each accepts the one before as it was written for; the third does not accept the first.
    let directory = versions("OrderPaid", &[steps[0].clone(), steps[1].clone()]);
    let check = |directory: &Path| schema("first", "check", directory, &["--files-only", "-o", "json"]);
    assert_eq!(check(directory.path()).code, Some(0));
    fs::write(directory.path().join("event/OrderPaid/3.json"), steps[2].to_string()).unwrap();
    let ended = check(directory.path());
    let found = findings(&ended);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(found.iter().any(|one| one["reason"].as_str().unwrap().contains("events of version 1")), "{found:?}");

    // With only the newest to compare with, or nothing, less stands against it.
    let rules = |mode: &str| {
        let text = json!({ "compatibility": mode }).to_string();
        fs::write(directory.path().join("event/OrderPaid/rules.json"), text).unwrap();
    };
    rules("BACKWARD");
    let newest = findings(&check(directory.path()));
    assert!(newest.iter().all(|one| !one["reason"].as_str().unwrap().contains("version 1 ")), "{newest:?}");
    rules("NONE");
    assert_eq!(check(directory.path()).code, Some(0));
    rules("SIDEWAYS");
    let refused = check(directory.path());
    assert_eq!((refused.code, refused.stderr.contains("rules.json")), (Some(2), true), "{refused:?}");
}

#[test]
fn a_mode_that_looks_forward_asks_readers_of_before() {
    let one = json!({ "type": "object", "properties": { "a": { "type": "integer" } } });
    let wider = json!({ "type": "object", "properties": { "a": { "type": "number" } } });
    let directory = versions("OrderPaid", &[one, wider]);
    let check = || schema("first", "check", directory.path(), &["--files-only", "-o", "json"]);
    assert_eq!(check().code, Some(0));
    fs::write(directory.path().join("event/OrderPaid/rules.json"), r#"{"compatibility":"FULL"}"#).unwrap();
    let ended = check();
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(findings(&ended)[0]["reason"].as_str().unwrap().contains("who knows version 1"), "{ended:?}");
}

#[test]
fn the_types_are_typescript_to_its_own_compiler() {
    const COMPILER: &str = "typescript@5.9.3";
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("typescript-5.9.3");
    let Some(client) = ForeignClient::node(&home, &[COMPILER]) else { return };
    let directory = published();
    let compile = |text: &str| {
        let file = directory.path().join("use.ts");
        fs::write(&file, text).unwrap();
        let file = file.display().to_string();
        let compiler = home.join("node_modules/typescript/bin/tsc");
        client.run(
            &compiler,
            &[
                "--noEmit",
                "--strict",
                "--target",
                "es2022",
                "--moduleResolution",
                "node10",
                "--ignoreDeprecations",
                "5.0",
                &file,
            ],
        )
    };
    let right = "import type { Event, OrderPlaced } from './schemas';\n\
        const placed: OrderPlaced = { customer: 'Ann', total: 5 };\n\
        export const event: Event = { eventType: 'OrderPlaced', payload: placed };\n";
    let ended = compile(right);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let wrong = compile(&right.replace("total: 5", "total: 'five'"));
    assert!(wrong.code != Some(0) && wrong.stdout.contains("TS2322"), "{wrong:?}");
}

#[test]
fn the_asyncapi_document_holds_together() {
    let directory = published();
    let document: Value = serde_json::from_slice(&fs::read(directory.path().join("asyncapi.json")).unwrap()).unwrap();
    assert_eq!(document["asyncapi"], "3.0.0");
    assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
    let resolve = |reference: &Value| document.pointer(reference["$ref"].as_str().unwrap().strip_prefix('#').unwrap());
    let channels = document["channels"].as_object().unwrap();
    assert_eq!(channels.keys().collect::<Vec<_>>(), ["OrderCommands", "OrderEvents"]);
    for channel in channels.values() {
        let messages = channel["messages"].as_object().unwrap();
        assert!(channel["address"].is_string() && !messages.is_empty());
        for reference in messages.values() {
            let message = resolve(reference).unwrap();
            assert!(message["payload"]["schema"].is_object() && message["payload"]["schemaFormat"].is_string());
        }
        // Every parameter of the address is described.
        let named = channel["address"].as_str().unwrap().matches('{').count();
        assert_eq!(channel["parameters"].as_object().map_or(0, serde_json::Map::len), named);
    }
    let actions: Vec<_> = document["operations"]
        .as_object()
        .unwrap()
        .values()
        .map(|operation| {
            assert!(resolve(&operation["channel"]).is_some());
            operation["action"].as_str().unwrap()
        })
        .collect();
    assert_eq!(actions, ["receive", "send"]);
}

#[test]
fn the_types_for_typescript_say_what_the_schemas_say() {
    let directory = published();
    let types = fs::read_to_string(directory.path().join("schemas.ts")).unwrap();
    for part in [
        "export interface OrderPlaced {\n  customer: string;\n  total: number;\n}\n",
        "export interface PlaceOrderCommand {\n  customer: string;\n  total: number;\n}\n",
        "export type Event =\n  | { eventType: \"OrderConfirmed\"; payload: OrderConfirmed }\n  | { eventType: \"OrderPlaced\"; payload: OrderPlaced };\n",
        "  | { commandType: \"PlaceOrder\"; payload: PlaceOrderCommand };\n",
    ] {
        assert!(types.contains(part), "lacks {part}: {types}");
    }
}
