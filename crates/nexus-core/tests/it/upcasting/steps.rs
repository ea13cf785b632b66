use nexus_core::upcast::{JsonType, Others, Steps};
use serde_json::{Value, json};

/// The payload after steps, and after the same steps that went through JSON.
fn after(steps: &Steps, payload: &Value) -> Result<Value, String> {
    let text = serde_json::to_string(steps).unwrap();
    let parsed: Steps = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(&parsed, steps, "{text}");
    let (one, other) = (steps.apply(payload.clone()), parsed.apply(payload.clone()));
    assert_eq!(one, other);
    one.map_err(|failure| failure.to_string())
}

#[test]
fn every_kind_of_step_does_what_its_name_says() {
    let cases = [
        (Steps::new().rename("a", "b"), json!({ "a": 1 }), json!({ "b": 1 })),
        (Steps::new().rename("/a", "/b/c"), json!({ "a": 1 }), json!({ "b": { "c": 1 } })),
        (Steps::new().rename("/a/b", "/b"), json!({ "a": { "b": 1 } }), json!({ "a": {}, "b": 1 })),
        (Steps::new().rename("a", "/a/b"), json!({ "a": 1 }), json!({ "a": { "b": 1 } })),
        (Steps::new().copy("a", "b"), json!({ "a": [1] }), json!({ "a": [1], "b": [1] })),
        (Steps::new().remove("a"), json!({ "a": 1, "b": 2 }), json!({ "b": 2 })),
        (Steps::new().default("a", 7), json!({}), json!({ "a": 7 })),
        (Steps::new().default("a", 7), json!({ "a": null }), json!({ "a": null })),
        (Steps::new().set("a", "x"), json!({ "a": 1 }), json!({ "a": "x" })),
        (
            Steps::new().split("n", " ", ["f", "l"]),
            json!({ "n": "Ann van Lee" }),
            json!({ "f": "Ann", "l": "van Lee" }),
        ),
        (Steps::new().split("n", " ", ["n", "l"]), json!({ "n": "Cher" }), json!({ "n": "Cher" })),
        (Steps::new().join(["f", "m", "l"], " ", "n"), json!({ "f": "Ann", "l": 7 }), json!({ "n": "Ann 7" })),
        (Steps::new().join(["f"], "", "n"), json!({ "x": 1 }), json!({ "x": 1 })),
        (
            Steps::new().nest(["street", "/to/city"], "address"),
            json!({ "street": "s", "to": { "city": "c" } }),
            json!({ "to": {}, "address": { "street": "s", "city": "c" } }),
        ),
        (Steps::new().unnest("/a/b"), json!({ "a": { "b": { "c": 1, "d": 2 } } }), json!({ "a": { "c": 1, "d": 2 } })),
        (
            Steps::new().map("s", [("PLACED", json!("placed")), ("3", json!(null))]),
            json!({ "s": 3 }),
            json!({ "s": null }),
        ),
        (Steps::new().map_or("s", [("1", "one")], Others::Keep), json!({ "s": 2 }), json!({ "s": 2 })),
        (
            Steps::new().map_or("s", [("1", "one")], Others::Value("many".into())),
            json!({ "s": 2 }),
            json!({ "s": "many" }),
        ),
        (
            Steps::new().each("/lines/*", |line| line.rename("p", "price")),
            json!({ "lines": [{ "p": 1 }, {}] }),
            json!({ "lines": [{ "price": 1 }, {}] }),
        ),
        (
            Steps::new().each("/a/*", |a| a.each("/b/*", |b| b.remove("c"))),
            json!({ "a": { "x": { "b": [{ "c": 1 }, { "d": 2 }] }, "y": {} } }),
            json!({ "a": { "x": { "b": [{}, { "d": 2 }] }, "y": {} } }),
        ),
        (Steps::new().rename("/a~1b", "/c~0d"), json!({ "a/b": 1 }), json!({ "c~d": 1 })),
    ];
    for (steps, payload, expected) in cases {
        assert_eq!(after(&steps, &payload), Ok(expected), "{steps:?} of {payload}");
    }
}

#[test]
fn values_are_converted_exactly_or_not_at_all() {
    use JsonType::{Array, Boolean, Integer, Number, Text};
    let good = [
        (json!(7), Text, json!("7")),
        (json!(true), Text, json!("true")),
        (json!("7"), Integer, json!(7)),
        (json!("18446744073709551615"), Integer, json!(u64::MAX)),
        (json!(7.0), Integer, json!(7)),
        (json!("-3"), Integer, json!(-3)),
        (json!("1.5"), Number, json!(1.5)),
        (json!("12"), Number, json!(12)),
        (json!(1), Boolean, json!(true)),
        (json!("false"), Boolean, json!(false)),
        (json!(1), Array, json!([1])),
        (json!([1]), Array, json!([1])),
        (json!(null), Integer, json!(null)),
    ];
    for (value, to, expected) in good {
        let steps = Steps::new().convert("a", to);
        assert_eq!(after(&steps, &json!({ "a": value })), Ok(json!({ "a": expected })), "{value} to {to:?}");
    }
    for (value, to) in [
        (json!(7.5), Integer),
        (json!("7.0"), Integer),
        (json!(1e300), Integer),
        (json!("seven"), Number),
        (json!("NaN"), Number),
        (json!(2), Boolean),
        (json!("yes"), Boolean),
        (json!({}), Text),
        (json!([]), Number),
    ] {
        assert!(after(&Steps::new().convert("a", to), &json!({ "a": value })).is_err(), "{value} to {to:?}");
    }
}

#[test]
fn what_does_not_fit_is_a_failure_with_its_step_and_place() {
    let cases = [
        (Steps::new().rename("a", "b"), json!({ "a": 1, "b": 2 }), "step 1, rename: there is a `/b` already"),
        (
            Steps::new().remove("x").split("a", " ", ["b"]),
            json!({ "a": 1 }),
            "step 2, split: `/a` is a number, not a string",
        ),
        (Steps::new().rename("/a/b", "c"), json!({ "a": [1] }), "step 1, rename: `a` is an array, not an object"),
        (
            Steps::new().map("s", [("A", "a")]),
            json!({ "s": "B" }),
            "step 1, map: `/s` is `B`, which is mapped to nothing",
        ),
        (
            Steps::new().each("/lines/*", |line| line.convert("q", JsonType::Integer)),
            json!({ "lines": [{ "q": "1" }, { "q": "x" }] }),
            "step 1, convert: `/q` is \"x\", which is exactly no integer at /lines/1",
        ),
        (
            Steps::new().each("/lines/*", |line| line.remove("q")),
            json!({ "lines": [1] }),
            "step 1, expected an object, found a number at /lines/0",
        ),
    ];
    for (steps, payload, expected) in cases {
        assert_eq!(after(&steps, &payload), Err(expected.to_owned()), "{payload}");
    }
}

#[test]
fn the_form_in_json_is_checked_for_misspelt_members() {
    let parse = |text: &str| serde_json::from_str::<Steps>(text).map_err(|error| error.to_string());
    let steps = parse(
        r#"[{"op":"move","from":"total","to":"/totalMinor"},
            {"each":"/lines/*","op":"merge","from":["/a","/b"],"to":"/c","with":"-"},
            {"op":"map","path":"s","values":{"A":1}}]"#,
    );
    let built = Steps::new().rename("total", "totalMinor").each("/lines/*", |line| line.join(["a", "b"], "-", "c"));
    assert_eq!(steps, Ok(built.map("s", [("A", 1)])));
    for (text, word) in [
        (r#"[{"op":"rename","from":"a","too":"b"}]"#, "too"),
        (r#"[{"op":"renam","from":"a","to":"b"}]"#, "renam"),
        (r#"[{"op":"remove","path":"a","each":7}]"#, "each"),
        (r#"[{"op":"convert","path":"a","to":"float"}]"#, "float"),
        (r#"[{"op":"remove"}]"#, "path"),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.contains(word), "{text}: {error}");
    }
}
