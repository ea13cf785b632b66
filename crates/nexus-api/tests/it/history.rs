//! Heads and proofs of a store that cannot prove anything, and bad parameters; proofs themselves are tested end to end.

use crate::server::Server;

#[tokio::test]
async fn a_store_without_a_history_tree_says_so() {
    let server = Server::start().await;
    for path in [
        "/api/log/head",
        "/api/log/head?at=1",
        "/api/log/heads",
        "/api/log/key",
        "/api/log/proofs/inclusion?position=1&treeSize=1",
        "/api/log/proofs/consistency?from=1&to=1",
    ] {
        server.get(path).await.problem(501, "NO_HISTORY_TREE");
    }
}

#[tokio::test]
async fn parameters_of_proofs_are_judged_strictly() {
    let server = Server::start().await;
    for path in [
        "/api/log/head?at=-1",
        "/api/log/head?at=x",
        "/api/log/head?size=1",
        "/api/log/heads?limit=0",
        "/api/log/heads?after=1&after=2",
        "/api/log/key?x=1",
        "/api/log/proofs/inclusion",
        "/api/log/proofs/inclusion?position=1",
        "/api/log/proofs/inclusion?position=1&treeSize=",
        "/api/log/proofs/consistency?to=1",
        "/api/log/proofs/consistency?from=1&to=1e3",
    ] {
        server.get(path).await.problem(400, "INVALID_PARAMETER");
    }
}
