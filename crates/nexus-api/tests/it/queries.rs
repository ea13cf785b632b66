use std::time::Duration;

use nexus_api::ApiConfig;
use serde_json::{Value, json};

use crate::server::{Answer, Server};

/// Ten accounts, all of them in the rows.
async fn with_accounts() -> Server {
    let server = Server::start().await;
    for number in 0..10 {
        let id = format!("a{number}");
        let owner = if number % 2 == 0 { "Ann" } else { "Bob" };
        let body = json!({ "aggregateId": id, "owner": owner, "limit": 0.1 * f64::from(number) });
        server.post("/api/commands/OpenAccount", &body).await;
        if number > 0 {
            server.deposit(&id, i64::from(number % 3)).await;
        }
    }
    let wait = format!("/api/queries/accounts?limit=1&consistentWith={}", server.head());
    assert_eq!(server.get_with(&wait, &[("prefer", "wait=10")]).await.status, 200);
    server
}

fn ids(answer: &Answer) -> Vec<String> {
    let body = answer.json();
    let items = body["items"].as_array().unwrap_or_else(|| panic!("no items: {body}"));
    items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn rows_are_listed_with_total_and_page() {
    let server = with_accounts().await;
    let answer = server.get("/api/queries/accounts?limit=3&sort=id").await;
    assert_eq!(ids(&answer), ["a0", "a1", "a2"]);
    let body = answer.json();
    assert_eq!(body["total"], 10);
    assert_eq!(body["items"][1]["balance"], 1);
    assert_eq!(body["items"][1]["history"], json!([1]));
    let page = &body["pagination"];
    assert_eq!((&page["limit"], &page["count"], &page["hasMore"]), (&json!(3), &json!(3), &json!(true)));
    assert_eq!(page["nextCursor"], body["nextToken"]);
    assert_eq!(answer.header("nexus-projection-position"), server.head().to_string());
    assert_eq!(answer.header("cache-control"), "private, no-cache");
}

#[tokio::test]
async fn following_the_links_visits_every_row_once() {
    let server = with_accounts().await;
    for sort in ["", "&sort=balance", "&sort=-limit", "&sort=owner,-balance"] {
        let whole = ids(&server.get(&format!("/api/queries/accounts?limit=1000{sort}")).await);
        let (mut next, mut seen) = (Some(format!("/api/queries/accounts?limit=3{sort}")), Vec::new());
        while let Some(path) = next {
            let answer = server.get(&path).await;
            seen.extend(ids(&answer));
            next = answer.headers.get("link").map(|link| {
                let link = link.to_str().unwrap();
                link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned()
            });
        }
        assert_eq!(seen, whole, "{sort}");
        assert_eq!(seen.len(), 10);
    }
}

#[tokio::test]
async fn rows_are_filtered_by_every_operator() {
    let server = with_accounts().await;
    let count = async |query: &str| {
        let answer = server.get(&format!("/api/queries/accounts?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        answer.json()["total"].as_u64().unwrap()
    };
    assert_eq!(count("filter[owner]=Ann").await, 5);
    assert_eq!(count("filter%5Bowner%5D=Ann").await, 5);
    assert_eq!(count("filter[balance][gte]=2").await, 3);
    assert_eq!(count("filter[balance][lte]=0").await, 4);
    assert_eq!(count("filter[id][in]=a1,a2,zz").await, 2);
    assert_eq!(count("filter[owner][prefix]=B").await, 5);
    assert_eq!(count("filter[open]=true").await, 10);
    assert_eq!(count("filter[limit][gte]=0.5").await, 5);
    assert_eq!(count("filter[owner]=Ann&filter[balance]=2").await, 2);
}

#[tokio::test]
async fn fields_are_cut_to_what_is_asked() {
    let server = with_accounts().await;
    let list = server.get("/api/queries/accounts?fields=id,owner&limit=1").await.json();
    assert_eq!(list["items"][0], json!({ "id": "a0", "owner": "Ann" }));
    let one = server.get("/api/queries/accounts/a1?fields=balance").await.json();
    assert_eq!(one, json!({ "balance": 1 }));
}

#[tokio::test]
async fn a_page_the_client_has_is_not_sent_again() {
    let server = with_accounts().await;
    for path in ["/api/queries/accounts?filter[owner]=Ann", "/api/queries/accounts/a1"] {
        let first = server.get(path).await;
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with("W/\""), "{tag}");
        let second = server.get_with(path, &[("if-none-match", &tag)]).await;
        assert_eq!(second.status, 304);
        assert!(second.body.is_empty());
        assert_eq!(second.header("etag"), tag);
    }
    let tag = server.get("/api/queries/accounts/a1").await.header("etag").to_owned();
    let position = server.deposit("a1", 9).await.json()["position"].as_u64().unwrap();
    let path = format!("/api/queries/accounts/a1?consistentWith={position}");
    let changed = server.get_with(&path, &[("if-none-match", &tag), ("prefer", "wait=10")]).await;
    assert_eq!(changed.json()["balance"], 10);
}

#[tokio::test]
async fn one_row_is_found_by_its_key() {
    let server = with_accounts().await;
    let answer = server.get("/api/queries/accounts/a3").await;
    assert_eq!(answer.json()["owner"], "Bob");
    assert!(answer.headers.contains_key("nexus-projection-position"));
    server.get("/api/queries/accounts/nobody").await.problem(404, "NOT_FOUND");
    let problem = server.get("/api/queries/nothing").await.problem(404, "UNKNOWN_RESOURCE");
    assert!(problem.detail.contains("accounts"));
    server.get("/api/queries/nothing/a1").await.problem(404, "UNKNOWN_RESOURCE");
}

#[tokio::test]
async fn a_writer_reads_what_it_wrote() {
    let server = Server::start().await;
    for number in 0..20 {
        let id = format!("r{number}");
        let position = server.open(&id, "Ann").await.header("nexus-position").to_owned();
        let headers = [("nexus-consistent-with", position.as_str()), ("prefer", "respond-async, wait=10")];
        let row = server.get_with(&format!("/api/queries/accounts/{id}"), &headers).await;
        assert_eq!(row.status, 200, "{row:?}");
    }
}

#[tokio::test]
async fn a_position_that_is_not_reached_in_time_is_answered_with_503() {
    let server = Server::start().await;
    let path = format!("/api/queries/accounts?consistentWith={}", server.head() + 1000);
    let answer = server.get_with(&path, &[("prefer", "wait=0")]).await;
    let problem = answer.problem(503, "PROJECTION_BEHIND");
    assert_eq!(problem.problem_type, "urn:nexus:error:projection-behind");
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test]
async fn a_long_wait_ends_before_the_request_times_out() {
    let server = Server::configured(|config: &mut ApiConfig| config.request_timeout = Duration::from_millis(300)).await;
    let answer = server.get_with("/api/queries/accounts?consistentWith=1000", &[("prefer", "wait=30")]).await;
    answer.problem(503, "PROJECTION_BEHIND");
}

#[tokio::test]
async fn a_cursor_serves_only_the_query_it_was_made_for() {
    let server = with_accounts().await;
    let cursor = |body: Value| body["nextToken"].as_str().unwrap().to_owned();
    let good = cursor(server.get("/api/queries/accounts?limit=2&filter[owner]=Ann").await.json());
    let other_limit = server.get(&format!("/api/queries/accounts?limit=3&filter[owner]=Ann&cursor={good}")).await;
    assert_eq!(ids(&other_limit), ["a4", "a6", "a8"]);
    for query in ["filter[owner]=Bob", "sort=owner", "filter[owner]=Ann&sort=-id", ""] {
        let answer = server.get(&format!("/api/queries/accounts?{query}&cursor={good}")).await;
        answer.problem(400, "INVALID_CURSOR");
    }
    let mut forged = good.clone().into_bytes();
    forged[8] = if forged[8] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    for bad in [&forged, &good[..good.len() / 2], "AAAA", "!", &"A".repeat(60_000)] {
        let answer = server.get(&format!("/api/queries/accounts?filter[owner]=Ann&cursor={bad}")).await;
        answer.problem(400, "INVALID_CURSOR");
    }
}
