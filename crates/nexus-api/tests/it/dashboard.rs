use crate::server::Server;

#[tokio::test]
async fn the_dashboard_is_served_under_a_strict_policy() {
    let server = Server::start().await;
    let answer = server.get("/?types=OrderPlaced").await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").starts_with("text/html"));
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"));
    let tag = answer.header("etag");
    assert!(tag.starts_with('"'), "{tag}");
    let known = server.get_with("/", &[("if-none-match", tag)]).await;
    assert_eq!(known.status, 304);
    assert!(known.body.is_empty());
}

#[tokio::test]
async fn every_file_the_page_names_is_there() {
    let server = Server::start().await;
    let page = String::from_utf8(server.get("/").await.body.to_vec()).unwrap();
    let named: Vec<&str> = page.split(['"', '\'']).filter(|text| text.contains("assets/")).collect();
    assert!(!named.is_empty());
    for file in named {
        let path = format!("/{}", file.trim_start_matches("./").trim_start_matches('/'));
        let answer = server.get(&path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_ne!(answer.header("content-type"), "application/octet-stream", "{path}");
    }
}

#[tokio::test]
async fn nothing_outside_the_dashboard_is_served() {
    let server = Server::start().await;
    for path in
        ["/assets/..%2FCargo.toml", "/assets/%2e%2e%2fsrc%2flib.rs", "/assets/.hidden", "/assets/%2Fetc%2Fpasswd"]
    {
        server.get(path).await.problem(404, "NOT_FOUND");
    }
    server.get("/assets/../Cargo.toml").await.problem(404, "ROUTE_NOT_FOUND");
}
