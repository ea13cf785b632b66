//! A registry that is slow, down, wrong or gone.

use std::time::{Duration, Instant};

use nexus_core::ports::{SchemaKind, SchemaRef, SchemaRefusal, SchemaRegistry};
use nexus_registry_confluent::{ConfluentSchemaRegistry, RemoteError, RemoteOptions};
use nexus_testkit::fixture::json_text;
use serde_json::{Value, json};

use crate::fake::{Fake, Says, version};

fn object(member: &str) -> Value {
    json!({ "type": "object", "properties": { member: { "type": "integer" } } })
}

fn check(registry: &ConfluentSchemaRegistry, name: &str, text: &str) -> Result<SchemaRef, SchemaRefusal> {
    registry.check(SchemaKind::Event, name, None, &json_text(text))
}

async fn resolve(registry: &ConfluentSchemaRegistry, name: &str) -> Result<SchemaRef, RemoteError> {
    registry.resolve(SchemaKind::Event, name, None).await.map_err(|failed| failed.error)
}

/// Asks until the answer is as wanted.
async fn until<T>(what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    for _ in 0..2000 {
        if let Some(answer) = answer() {
            return answer;
        }
        // waits: for the task that fetches
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{what} did not happen");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_type_is_not_known_yet_and_then_it_is() {
    let fake = Fake::start(Says::Version(3, object("a"))).await;
    let registry = fake.registry(RemoteOptions { lifetime: Duration::from_mins(5), ..fake.options() });
    let first = check(&registry, "A", r#"{"a":1}"#).unwrap_err();
    assert!(matches!(&first, SchemaRefusal::NotYet { name, .. } if name == "A"), "{first}");
    assert_eq!(first.kind(), nexus_core::ErrorKind::Unavailable);
    let known = until("fetching", || check(&registry, "A", r#"{"a":1}"#).ok()).await;
    assert_eq!(known.version, 3);
    for _ in 0..100 {
        check(&registry, "A", r#"{"a":1}"#).unwrap();
    }
    assert_eq!(fake.asked(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_remembered_and_not_asked_for_again() {
    for code in [40401, 40402] {
        let absent = json!({ "error_code": code, "message": "not found" }).to_string();
        let fake = Fake::start(Says::Text(404, absent)).await;
        let registry = fake.registry(fake.options());
        assert!(matches!(resolve(&registry, "A").await, Err(RemoteError::Absent { .. })));
        for _ in 0..50 {
            let refused = check(&registry, "A", "{}").unwrap_err();
            assert!(matches!(refused, SchemaRefusal::UnknownType { .. }), "{refused}");
        }
        assert_eq!(fake.asked(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_404_that_no_registry_sends_does_not_make_a_type_unknown() {
    let fake = Fake::start(Says::Text(404, "<html>nothing here</html>".to_owned())).await;
    let registry = fake.registry(fake.options());
    assert!(matches!(resolve(&registry, "A").await, Err(RemoteError::Down { .. })));
    assert!(matches!(check(&registry, "A", "{}"), Err(SchemaRefusal::NotYet { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_version_is_taken_up_when_the_lifetime_is_over() {
    let fake = Fake::start(Says::Version(1, object("a"))).await;
    let registry = fake.registry(fake.options());
    resolve(&registry, "A").await.unwrap();
    fake.says(Says::Version(2, object("b")));
    assert_eq!(check(&registry, "A", r#"{"a":1}"#).unwrap().version, 1);
    let newer = until("the newer version", || check(&registry, "A", r#"{"b":1}"#).ok()).await;
    assert_eq!(newer.version, 2);
    // Versions never change, so the earlier one is still there.
    assert!(registry.check(SchemaKind::Event, "A", Some(1), &json_text(r#"{"a":1}"#)).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_stays_in_force_while_the_registry_is_down_and_is_fetched_when_it_is_back() {
    let fake = Fake::start(Says::Version(1, object("a"))).await;
    let registry = fake.registry(fake.options());
    resolve(&registry, "A").await.unwrap();
    let down = [Says::Text(500, "{}".to_owned()), Says::Text(503, String::new()), Says::Nothing, Says::Endless];
    for says in down.into_iter().chain([Says::Text(200, "no JSON".to_owned())]) {
        fake.says(says.clone());
        assert!(resolve(&registry, "A").await.is_err(), "{says:?}");
        assert_eq!(check(&registry, "A", r#"{"a":1}"#).unwrap().version, 1, "{says:?}");
    }
    fake.says(Says::Version(2, object("b")));
    until("the newer version", || check(&registry, "A", r#"{"b":1}"#).ok()).await;
    fake.stop();
    assert!(matches!(resolve(&registry, "A").await, Err(RemoteError::Down { .. })));
    assert_eq!(check(&registry, "A", r#"{"b":1}"#).unwrap().version, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_registry_makes_nobody_wait_who_checks() {
    let fake = Fake::start(Says::Nothing).await;
    let registry = fake.registry(RemoteOptions { attempts: 2, ..fake.options() });
    let started = Instant::now();
    for number in 0..1000 {
        let refused = check(&registry, &format!("Type{number}"), "{}").unwrap_err();
        assert!(matches!(refused, SchemaRefusal::NotYet { .. }), "{refused}");
    }
    assert!(started.elapsed() < Duration::from_millis(250), "{:?}", started.elapsed());
    let Err(RemoteError::Down { reason }) = resolve(&registry, "A").await else { panic!("it answered") };
    assert_eq!(reason, "no answer in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_registry_is_asked_as_often_as_allowed_and_then_left_in_peace() {
    let fake = Fake::start(Says::Text(500, String::new())).await;
    let registry = fake.registry(RemoteOptions { pause: Duration::from_mins(1), attempts: 4, ..fake.options() });
    assert!(matches!(resolve(&registry, "A").await, Err(RemoteError::Down { .. })));
    assert_eq!(fake.asked(), 4);
    for _ in 0..100 {
        let Err(SchemaRefusal::NotYet { reason, .. }) = check(&registry, "A", "{}") else { panic!("it is known") };
        assert!(reason.contains("500"), "{reason}");
    }
    assert_eq!(fake.asked(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_usable_schema_is_refused_without_asking_again() {
    let avro = json!({ "subject": "A", "id": 1, "version": 1, "schema": "\"string\"" }).to_string();
    let deep = format!("{}true{}", r#"{"not":"#.repeat(500), "}".repeat(500));
    let around = json!([{ "name": "a.json", "subject": "Next", "version": 1 }]);
    let circle = json!({
        "subject": "A", "id": 1, "version": 1, "schemaType": "JSON", "schema": r#"{"$ref":"a.json"}"#, "references": around,
    });
    for (body, asked) in [
        (avro, 1),
        ("[]".to_owned(), 1),
        ("{".to_owned(), 1),
        (version(1, &json!("no schema")), 1),
        (version(1, &json!({ "type": "strange" })), 1),
        (version(1, &json!({ "$ref": "http://127.0.0.1:1/a.json" })), 1),
        (json!({ "subject": "A", "id": 1, "version": 1, "schemaType": "JSON", "schema": deep }).to_string(), 1),
        (json!({ "subject": "A", "id": 1, "version": 0, "schemaType": "JSON", "schema": "{}" }).to_string(), 1),
        (circle.to_string(), 9),
    ] {
        let fake = Fake::start(Says::Text(200, body.clone())).await;
        let registry = fake.registry(fake.options());
        let refused = resolve(&registry, "A").await;
        assert!(matches!(refused, Err(RemoteError::Unusable { .. })), "{body:.200}: {refused:?}");
        assert_eq!(fake.asked(), asked, "{body:.200}");
        assert!(matches!(check(&registry, "A", "{}"), Err(SchemaRefusal::NotYet { .. })));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_end_is_cut_off() {
    let fake = Fake::start(Says::Endless).await;
    let registry =
        fake.registry(RemoteOptions { max_answer: 1 << 20, timeout: Duration::from_secs(20), ..fake.options() });
    let refused = resolve(&registry, "A").await;
    assert!(matches!(&refused, Err(RemoteError::Unusable { reason }) if reason.contains("1048576")), "{refused:?}");
    assert_eq!(fake.asked(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_types_are_kept_than_allowed_and_those_not_used_go_first() {
    let fake = Fake::start(Says::Version(1, object("a"))).await;
    let registry = fake.registry(RemoteOptions { max_types: 3, lifetime: Duration::from_mins(5), ..fake.options() });
    for name in ["A", "B", "C"] {
        resolve(&registry, name).await.unwrap();
    }
    check(&registry, "A", r#"{"a":1}"#).unwrap();
    for name in ["D", "E"] {
        resolve(&registry, name).await.unwrap();
    }
    let names: Vec<String> = registry.list().into_iter().map(|document| document.reference.name).collect();
    assert_eq!(names, ["A", "D", "E"]);
    resolve(&registry, "B").await.unwrap();
    check(&registry, "B", r#"{"a":1}"#).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_registered_here_is_never_asked_for_there() {
    let fake = Fake::start(Says::Version(1, object("a"))).await;
    let registry = fake.registry(fake.options());
    registry.register(SchemaKind::Event, "A", &object("mine")).unwrap();
    check(&registry, "A", r#"{"mine":1}"#).unwrap();
    let missing = registry.check(SchemaKind::Event, "A", Some(7), &json_text("{}")).unwrap_err();
    assert!(matches!(missing, SchemaRefusal::UnknownVersion { version: 7, newest: 1, .. }), "{missing}");
    assert_eq!(fake.asked(), 0);
}

#[tokio::test]
async fn an_address_that_cannot_be_asked_is_refused_with_the_reason() {
    for (url, reason) in
        [("https://registry:8081", "must begin with http://"), ("registry", "relative"), ("", "relative")]
    {
        let own = std::sync::Arc::new(nexus_schema::JsonSchemaRegistry::new());
        let Err(error) = ConfluentSchemaRegistry::over(own, RemoteOptions::new(url)) else { panic!("{url} was taken") };
        assert!(error.to_string().contains(reason), "{error}");
    }
}
