//! The Confluent-compatible interface, request by request as its clients send them.

use axum::http::Method;
use serde_json::{Value, json};

use crate::server::{Answer, Server, request};

const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";

struct Client {
    server: Server,
}

impl Client {
    async fn start() -> Self {
        Self { server: Server::with_schemas().await }
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let text = body.map(Value::to_string).unwrap_or_default();
        let headers = [("content-type", MEDIA_TYPE), ("accept", MEDIA_TYPE)];
        let answer = self.server.send(request(method, &format!("/registry{path}"), &headers, text)).await;
        assert_eq!(answer.header("content-type"), MEDIA_TYPE, "{path}: {answer:?}");
        answer
    }

    async fn get(&self, path: &str) -> Value {
        self.fine(Method::GET, path, None).await
    }

    async fn fine(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let answer = self.send(method, path, body).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        self.fine(Method::POST, path, Some(body)).await
    }

    async fn put(&self, path: &str, body: &Value) -> Value {
        self.fine(Method::PUT, path, Some(body)).await
    }

    async fn delete(&self, path: &str) -> Value {
        self.fine(Method::DELETE, path, None).await
    }

    /// The code with which a request must be refused.
    async fn refused(&self, method: Method, path: &str, body: Option<&Value>) -> u64 {
        let answer = self.send(method, path, body).await;
        let refused = answer.json();
        let code = refused["error_code"].as_u64().unwrap_or_else(|| panic!("{path}: {answer:?}"));
        let status = u64::from(answer.status.as_u16());
        assert!(code == status || code / 100 == status, "{path}: {answer:?}");
        assert!(!refused["message"].as_str().unwrap().is_empty());
        code
    }

    async fn register(&self, subject: &str, schema: &Value) -> Value {
        self.post(&format!("/subjects/{subject}/versions"), &sent(schema)).await
    }
}

fn sent(schema: &Value) -> Value {
    json!({ "schema": schema.to_string(), "schemaType": "JSON" })
}

fn object(members: &[&str]) -> Value {
    let properties: serde_json::Map<String, Value> =
        members.iter().map(|member| ((*member).to_owned(), json!({ "type": "integer" }))).collect();
    json!({ "type": "object", "properties": properties })
}

#[tokio::test]
async fn a_schema_is_registered_looked_up_and_read_by_id_version_and_guid() {
    let client = Client::start().await;
    let spaced = r#"{ "type": "object",  "properties": { "b": {}, "a": {} } }"#;
    let body = json!({ "schema": spaced, "schemaType": "JSON" });
    let first = client.post("/subjects/orders-value/versions?normalize=false", &body).await;
    let id = first["id"].as_u64().unwrap();
    assert_eq!(client.post("/subjects/orders-value/versions?normalize=true", &body).await["id"], id);
    let by_id = client.get(&format!("/schemas/ids/{id}")).await;
    assert_eq!((&by_id["schema"], &by_id["schemaType"]), (&json!(spaced), &json!("JSON")));
    let version = client.get("/subjects/orders-value/versions/1").await;
    assert_eq!((&version["subject"], &version["id"]), (&json!("orders-value"), &json!(id)));
    for latest in ["latest", "-1"] {
        assert_eq!(client.get(&format!("/subjects/orders-value/versions/{latest}")).await, version);
    }
    let reordered = json!({ "schema": r#"{"properties":{"a":{},"b":{}},"type":"object"}"#, "schemaType": "JSON" });
    assert_eq!(client.post("/subjects/orders-value", &reordered).await["version"], 1);
    let guid = version["guid"].as_str().unwrap();
    assert_eq!(client.get(&format!("/schemas/guids/{guid}")).await["id"], id);
    assert_eq!(client.get(&format!("/schemas/guids/{guid}/ids")).await, json!([{ "context": ".", "schemaId": id }]));
    assert_eq!(client.get(&format!("/schemas/ids/{id}/subjects")).await, json!(["orders-value"]));
    let versions = client.get(&format!("/schemas/ids/{id}/versions")).await;
    assert_eq!(versions, json!([{ "subject": "orders-value", "version": 1 }]));
    assert_eq!(client.get("/schemas/types").await, json!(["JSON"]));
    assert_eq!(client.get("/").await, json!({}));
    assert_eq!(client.get("/schemas?subjectPrefix=orders&latestOnly=true").await.as_array().unwrap().len(), 1);
    assert_eq!(client.get(&format!("/schemas/ids/{id}/schema")).await, serde_json::from_str::<Value>(spaced).unwrap());
}

#[tokio::test]
async fn an_event_of_the_application_and_the_subject_of_its_name_are_one() {
    let client = Client::start().await;
    let subjects = client.get("/subjects").await;
    let names: Vec<&str> = subjects.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(names.contains(&"MoneyDeposited") && names.contains(&":.commands:DepositMoney"), "{names:?}");
    let event = client.get("/subjects/MoneyDeposited/versions/latest").await;
    let ours = client.server.get("/api/schemas/MoneyDeposited/versions/latest").await.json();
    assert_eq!((&event["id"], &event["version"]), (&ours["id"], &ours["version"]));
    let command = client.get("/subjects/:.commands:DepositMoney/versions/latest").await;
    assert_eq!(command["subject"], ":.commands:DepositMoney");
    let id = client.register("OrderPaid", &object(&["cents"])).await["id"].clone();
    assert_eq!(client.server.get("/api/schemas/OrderPaid/versions/1?kind=event").await.json()["id"], id);
}

#[tokio::test]
async fn contexts_keep_subjects_apart() {
    let client = Client::start().await;
    client.register(":.west:orders", &object(&["a"])).await;
    client.register("orders", &object(&["b"])).await;
    assert_eq!(client.get("/subjects/:.:orders/versions/1").await["subject"], "orders");
    assert_eq!(client.get("/subjects/:.west:orders/versions/1").await["subject"], ":.west:orders");
    assert_eq!(client.get("/contexts").await, json!([".", ".commands", ".west"]));
    assert_eq!(client.get("/subjects?subjectPrefix=:.west:").await, json!([":.west:orders"]));
    assert_eq!(client.get("/subjects?subjectPrefix=orders").await, json!(["orders"]));
    assert_eq!(client.get("/subjects?subjectPrefix=:*:orders").await, json!([":.west:orders", "orders"]));
}

#[tokio::test]
async fn names_are_kept_whatever_they_are() {
    let client = Client::start().await;
    for (path, name) in [("a%2Fb%20c", "a/b c"), ("%C3%BCber-%E8%AE%A2%E5%8D%95", "über-订单"), ("x%25y", "x%y")] {
        client.register(path, &object(&["a"])).await;
        assert_eq!(client.get(&format!("/subjects/{path}/versions/latest")).await["subject"], name);
        assert!(client.get("/subjects").await.as_array().unwrap().contains(&json!(name)));
    }
}

#[tokio::test]
async fn compatibility_is_told_and_enforced() {
    let client = Client::start().await;
    client.register("s", &object(&["a"])).await;
    let (wider, narrower) =
        (sent(&object(&["a", "b"])), sent(&json!({ "type": "object", "properties": { "a": { "type": "string" } } })));
    for path in [
        "/compatibility/subjects/s/versions/latest",
        "/compatibility/subjects/s/versions/1",
        "/compatibility/subjects/s/versions",
    ] {
        assert_eq!(client.post(path, &wider).await, json!({ "is_compatible": true }), "{path}");
        let verdict = client.post(&format!("{path}?verbose=true"), &narrower).await;
        assert_eq!(verdict["is_compatible"], false, "{path}");
        let message = verdict["messages"][0].as_str().unwrap();
        let reason: Value = serde_json::from_str(message).unwrap();
        assert!(reason["path"].as_str().unwrap().contains("/properties/a") && reason["fix"].is_string(), "{message}");
    }
    assert_eq!(client.post("/compatibility/subjects/new/versions/latest", &wider).await["is_compatible"], true);
    assert_eq!(client.refused(Method::POST, "/compatibility/subjects/new/versions/1", Some(&wider)).await, 40401);
    assert_eq!(client.refused(Method::POST, "/compatibility/subjects/s/versions/7", Some(&wider)).await, 40402);
    assert_eq!(client.refused(Method::POST, "/subjects/s/versions", Some(&narrower)).await, 409);
    assert_eq!(client.get("/subjects/s/versions").await, json!([1]));
}

#[tokio::test]
async fn modes_of_compatibility_are_set_and_reset() {
    let client = Client::start().await;
    assert_eq!(client.get("/config").await, json!({ "compatibilityLevel": "BACKWARD_TRANSITIVE" }));
    assert_eq!(client.refused(Method::GET, "/config/s", None).await, 40408);
    let inherited = client.get("/config/s?defaultToGlobal=true").await;
    assert_eq!(inherited, json!({ "compatibilityLevel": "BACKWARD_TRANSITIVE" }));
    assert_eq!(client.put("/config/s", &json!({ "compatibility": "none" })).await, json!({ "compatibility": "NONE" }));
    assert_eq!(client.get("/config/s").await, json!({ "compatibilityLevel": "NONE" }));
    client.register("s", &object(&["a"])).await;
    client.register("s", &json!({ "type": "string" })).await;
    let rules = client.server.get("/api/schemas/s").await.json();
    assert!(rules["compatibility"]["expiresAt"].is_string() && rules["compatibility"]["reason"].is_string(), "{rules}");
    assert_eq!(client.delete("/config/s").await, json!({ "compatibilityLevel": "NONE" }));
    assert_eq!(client.refused(Method::GET, "/config/s", None).await, 40408);
    assert_eq!(client.refused(Method::POST, "/subjects/s/versions", Some(&sent(&object(&["b"])))).await, 409);
    client.put("/config", &json!({ "compatibility": "FULL_TRANSITIVE" })).await;
    assert_eq!(client.get("/config").await, json!({ "compatibilityLevel": "FULL_TRANSITIVE" }));
    assert_eq!(client.delete("/config").await, json!({ "compatibilityLevel": "FULL_TRANSITIVE" }));
    let invalid = json!({ "compatibility": "SIDEWAYS" });
    assert_eq!(client.refused(Method::PUT, "/config", Some(&invalid)).await, 42203);
    let alias = json!({ "compatibility": "FULL", "alias": "t" });
    assert_eq!(client.refused(Method::PUT, "/config/s", Some(&alias)).await, 42205);
}

#[tokio::test]
async fn read_only_subjects_take_nothing_and_importing_takes_ids() {
    let client = Client::start().await;
    assert_eq!(client.get("/mode").await, json!({ "mode": "READWRITE" }));
    assert_eq!(client.refused(Method::GET, "/mode/s", None).await, 40409);
    client.put("/mode/s", &json!({ "mode": "READONLY" })).await;
    assert_eq!(client.refused(Method::POST, "/subjects/s/versions", Some(&sent(&object(&["a"])))).await, 42205);
    let mut numbered = sent(&object(&["a"]));
    (numbered["id"], numbered["version"]) = (json!(1000), json!(7));
    assert_eq!(client.delete("/mode/s").await, json!({ "mode": "READONLY" }));
    assert_eq!(client.refused(Method::POST, "/subjects/s/versions", Some(&numbered)).await, 42205);
    client.put("/mode/s", &json!({ "mode": "IMPORT" })).await;
    assert_eq!(client.post("/subjects/s/versions", &numbered).await["id"], 1000);
    assert_eq!(client.get("/subjects/s/versions").await, json!([7]));
    assert_eq!(client.refused(Method::PUT, "/mode/s", Some(&json!({ "mode": "IMPORT" }))).await, 42205);
    client.put("/mode/s?force=true", &json!({ "mode": "READWRITE" })).await;
    assert_eq!(client.register("t", &object(&["a"])).await["id"], 1001);
    assert_eq!(client.refused(Method::PUT, "/mode", Some(&json!({ "mode": "NOTHING" }))).await, 42204);
    client.put("/mode", &json!({ "mode": "READONLY" })).await;
    assert_eq!(client.refused(Method::POST, "/subjects/u/versions", Some(&sent(&object(&["a"])))).await, 42205);
    assert_eq!(client.delete("/mode").await, json!({ "mode": "READONLY" }));
}

#[tokio::test]
async fn references_hold_what_they_refer_to() {
    let client = Client::start().await;
    let money = client.register("money", &object(&["cents"])).await;
    let order = json!({ "type": "object", "properties": { "price": { "$ref": "money.json" } } });
    let mut body = sent(&order);
    assert_eq!(client.refused(Method::POST, "/subjects/order/versions", Some(&body)).await, 42201);
    body["references"] = json!([{ "name": "money.json", "subject": "money", "version": 1 }]);
    let id = client.post("/subjects/order/versions", &body).await["id"].clone();
    assert_eq!(client.get("/subjects/money/versions/1/referencedby").await, json!([id]));
    let found = client.get(&format!("/schemas/ids/{id}")).await;
    assert_eq!(found["references"], body["references"]);
    assert_eq!(client.post("/subjects/order", &body).await["id"], id);
    assert_eq!(client.refused(Method::DELETE, "/subjects/money/versions/1", None).await, 42206);
    assert_eq!(client.refused(Method::DELETE, "/subjects/money", None).await, 42206);
    assert_eq!(client.delete("/subjects/order").await, json!([1]));
    assert_eq!(client.delete("/subjects/money/versions/latest").await, json!(1));
    assert_eq!(client.get(&format!("/schemas/ids/{}", money["id"])).await["schemaType"], "JSON");
}

#[tokio::test]
async fn subjects_are_deleted_softly_then_for_good() {
    let client = Client::start().await;
    for members in [&["a"][..], &["a", "b"]] {
        client.register("s", &object(members)).await;
    }
    assert_eq!(client.refused(Method::DELETE, "/subjects/s?permanent=true", None).await, 40405);
    assert_eq!(client.refused(Method::DELETE, "/subjects/s/versions/1?permanent=true", None).await, 40407);
    assert_eq!(client.delete("/subjects/s/versions/1").await, json!(1));
    assert_eq!(client.refused(Method::DELETE, "/subjects/s/versions/1", None).await, 40406);
    assert_eq!(client.get("/subjects/s/versions").await, json!([2]));
    assert_eq!(client.get("/subjects/s/versions?deleted=true").await, json!([1, 2]));
    assert_eq!(client.get("/subjects/s/versions/1?deleted=true").await["version"], 1);
    assert_eq!(client.refused(Method::GET, "/subjects/s/versions/1", None).await, 40402);
    assert_eq!(client.delete("/subjects/s").await, json!([2]));
    assert_eq!(client.refused(Method::DELETE, "/subjects/s", None).await, 40404);
    assert_eq!(client.refused(Method::GET, "/subjects/s/versions", None).await, 40401);
    assert_eq!(client.get("/subjects?deletedOnly=true").await, json!(["s"]));
    // Nothing was stored under it, so what follows may be anything.
    let third = client.register("s", &json!({ "type": "string" })).await;
    assert_eq!(client.get("/subjects/s/versions").await, json!([3]));
    assert_eq!(client.delete("/subjects/s").await, json!([3]));
    assert_eq!(client.delete("/subjects/s?permanent=true").await, json!([1, 2, 3]));
    assert_eq!(client.refused(Method::GET, &format!("/schemas/ids/{}", third["id"]), None).await, 40403);
    assert_eq!(client.refused(Method::DELETE, "/subjects/s?permanent=true", None).await, 40401);
    assert_eq!(client.refused(Method::DELETE, "/subjects/MoneyDeposited", None).await, 42205);
}

#[tokio::test]
async fn what_is_not_there_or_not_right_has_its_code() {
    let client = Client::start().await;
    client.register("s", &object(&["a"])).await;
    let schema = sent(&object(&["z"]));
    for (method, path, body, code) in [
        (Method::GET, "/subjects/nothing/versions", None, 40401),
        (Method::GET, "/subjects/s/versions/9", None, 40402),
        (Method::GET, "/subjects/s/versions/0", None, 42202),
        (Method::GET, "/subjects/s/versions/x", None, 42202),
        (Method::GET, "/subjects/s/versions/99999999999", None, 42202),
        (Method::GET, "/schemas/ids/999999", None, 40403),
        (Method::GET, "/schemas/ids/x", None, 404),
        (Method::GET, "/schemas/guids/x", None, 40403),
        (Method::GET, "/nothing", None, 404),
        (Method::PATCH, "/subjects", None, 405),
        (Method::POST, "/subjects/s", Some(schema.clone()), 40403),
        (Method::POST, "/subjects/nothing", Some(schema.clone()), 40401),
        (Method::POST, "/subjects/__GLOBAL/versions", Some(schema.clone()), 42208),
        (Method::POST, "/subjects/a%00b/versions", Some(schema), 42208),
        (Method::POST, "/subjects/s/versions", Some(json!({ "schema": "{}" })), 42201),
        (Method::POST, "/subjects/s/versions", Some(json!({ "schema": "\"string\"", "schemaType": "AVRO" })), 42201),
        (
            Method::POST,
            "/subjects/s/versions",
            Some(json!({ "schema": "message M {}", "schemaType": "PROTOBUF" })),
            42201,
        ),
        (Method::POST, "/subjects/s/versions", Some(json!({ "schema": "{", "schemaType": "JSON" })), 42201),
        (
            Method::POST,
            "/subjects/s/versions",
            Some(json!({ "schema": "{\"a\":1,\"a\":2}", "schemaType": "JSON" })),
            42201,
        ),
        (
            Method::POST,
            "/subjects/s/versions",
            Some(json!({ "schema": "{\"minimum\":NaN}", "schemaType": "JSON" })),
            42201,
        ),
        (Method::POST, "/subjects/s/versions", Some(sent(&json!({ "$ref": "http://127.0.0.1:9/x.json" }))), 42201),
        (Method::POST, "/subjects/s/versions", Some(sent(&json!({ "$ref": "file:///etc/passwd" }))), 42201),
        (Method::POST, "/subjects/s/versions", Some(json!({ "schemaType": "JSON" })), 42201),
        (Method::POST, "/subjects/s/versions", Some(json!([])), 42201),
        (
            Method::POST,
            "/subjects/s/versions",
            Some(json!({ "schema": "{}", "schemaType": "JSON", "ruleSet": { "domainRules": [] } })),
            42201,
        ),
        (Method::POST, "/subjects/s/versions", Some(sent(&json!({ "description": "x".repeat(70_000) }))), 42209),
    ] {
        assert_eq!(client.refused(method.clone(), path, body.as_ref()).await, code, "{method} {path} {body:?}");
    }
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let foreign = client.server.send(request(Method::POST, "/registry/subjects/s/versions", &form, "a=b")).await;
    assert_eq!(foreign.status, 415);
}

#[tokio::test]
async fn policy_decides_here_as_well() {
    let client = Client::start().await;
    let headers = [("content-type", MEDIA_TYPE), ("x-client-id", "deny")];
    let body = sent(&object(&["a"])).to_string();
    let answer = client.server.send(request(Method::POST, "/registry/subjects/s/versions", &headers, body)).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["error_code"]), (403, &json!(40301)));
    assert_eq!(client.refused(Method::GET, "/subjects/s/versions", None).await, 40401);
}

#[tokio::test]
async fn lists_come_in_pages() {
    let client = Client::start().await;
    for name in ["p1", "p2", "p3"] {
        client.register(name, &object(&["a"])).await;
    }
    assert_eq!(client.get("/subjects?subjectPrefix=p&offset=1&limit=1").await, json!(["p2"]));
    assert_eq!(client.get("/subjects?subjectPrefix=p&offset=1&limit=-1").await, json!(["p2", "p3"]));
}

#[tokio::test]
async fn a_context_in_the_path_is_a_part_of_the_name() {
    let client = Client::start().await;
    let schema = json!({ "schemaType": "JSON", "schema": r#"{"type":"object"}"# });
    let id = client.post("/contexts/.shop/subjects/orders-value/versions", &schema).await["id"].clone();
    client.post("/subjects/payments-value/versions", &schema).await;
    let found = client.get("/contexts/.shop/subjects/orders-value/versions/latest").await;
    assert_eq!((&found["subject"], &found["id"]), (&json!(":.shop:orders-value"), &id));
    assert_eq!(client.get("/subjects/:.shop:orders-value/versions/1").await, found);
    assert_eq!(client.get("/contexts/.shop/subjects").await, json!([":.shop:orders-value"]));
    assert_eq!(client.get("/contexts/:.shop:/subjects/orders-value/versions").await, json!([1]));
    assert_eq!(client.get(&format!("/contexts/.shop/schemas/ids/{id}")).await["schema"], r#"{"type":"object"}"#);
    let level = json!({ "compatibility": "FULL" });
    client.fine(Method::PUT, "/contexts/.shop/config/orders-value", Some(&level)).await;
    assert_eq!(client.get("/config/:.shop:orders-value").await["compatibilityLevel"], "FULL");
    assert_eq!(client.send(Method::PUT, "/contexts/.shop/config", Some(&level)).await.json()["error_code"], 42205);
    assert_eq!(client.get("/config").await["compatibilityLevel"], "BACKWARD_TRANSITIVE");
    let missing = client.send(Method::GET, "/contexts/.shop/subjects/payments-value/versions/1", None).await;
    assert_eq!((missing.status.as_u16(), &missing.json()["error_code"]), (404, &json!(40401)));
}

#[tokio::test]
async fn the_newest_version_is_found_by_metadata_only_when_none_are_asked_for() {
    let client = Client::start().await;
    let schema = json!({ "schemaType": "JSON", "schema": r#"{"type":"object"}"# });
    client.post("/subjects/orders/versions", &schema).await;
    assert_eq!(client.get("/subjects/orders/metadata").await["version"], 1);
    let asked = client.send(Method::GET, "/subjects/orders/metadata?key=stage&value=prod", None).await;
    assert_eq!((asked.status.as_u16(), &asked.json()["error_code"]), (404, &json!(40402)));
}
