//! The copy of a server's modules, which is asked while the server is away.

use std::time::Duration;

use nexus_core::ports::{PolicyServer as _, VerdictOutcome};
use nexus_opa::OpaPolicyServer;

use crate::fake::{Does, Fake, allowing, ask, ask_for, eventually, reason, server};

const RULES: &str = "package shop.orders\n\
    default allow := false\n\
    allow if input.action in data.shop.known\n\
    deny contains {\"id\": \"quota\", \"message\": \"too much\"} if input.action == \"Quota\"\n";
const KNOWN: &str = "package shop\nknown := {\"PlaceOrder\", \"Quota\"}\n";
const TESTS: &str = "package shop.orders_test\ntest_it if data.anything\n";

/// A server with these modules, and somebody who asks it.
async fn with_modules(modules: &[(&str, &str)]) -> (Fake, OpaPolicyServer) {
    let fake = Fake::start(Does::Answers(allowing("r1"))).await;
    fake.has_modules(modules);
    let mut options = fake.options().with_path("shop/orders").unwrap();
    options.refresh = Duration::from_millis(20);
    let server = server(options);
    (fake, server)
}

fn is_there(server: &OpaPolicyServer) -> bool {
    server.status().mirror.unwrap().digest.is_some()
}

#[tokio::test]
async fn while_the_server_is_away_its_modules_say_what_it_would_say() {
    let modules = [("a/orders.rego", RULES), ("known.rego", KNOWN), ("tests.rego", TESTS)];
    let (mut fake, server) = with_modules(&modules).await;
    assert!(ask(&server).await.source.unwrap().mirror.is_none());
    eventually("the copy knows the revisions", async || is_there(&server) && fake.looks() > 1).await;
    fake.go_away().await;
    let verdict = ask(&server).await;
    assert_eq!(verdict.outcome, VerdictOutcome::Allow, "{:?}", server.status());
    let source = verdict.source.unwrap();
    assert_eq!(source.mirror, server.status().mirror.unwrap().digest);
    assert_eq!(source.revisions["rules"], "r1");
    let denied = ask_for(&server, "Quota").await;
    assert!(matches!(&denied.outcome, VerdictOutcome::Deny(denials) if denials[0].id == "quota"), "{denied:?}");
    assert_eq!(ask_for(&server, "Unknown").await.outcome, VerdictOutcome::Undefined);
    fake.come_back().await;
    eventually("it is asked itself", async || ask(&server).await.source.unwrap().mirror.is_none()).await;
}

#[tokio::test]
async fn modules_that_would_not_answer_as_the_server_does_are_not_asked() {
    let teams = "package shop.orders\nallow if data.teams.admins[input.actor.id]\n";
    let network = "package shop.orders\nallow if http.send({\"url\": \"x\"})\n";
    for (rules, told) in [
        (teams, "`data.teams.admins`, which none of them defines"),
        (network, "`http.send` is not available"),
        ("package shop.orders\nallow if if\n", "cannot be asked in its place"),
    ] {
        let (mut fake, server) = with_modules(&[("orders.rego", rules)]).await;
        let trouble = || server.status().mirror.unwrap().trouble.unwrap_or_default();
        eventually("they were looked at", async || trouble().contains(told)).await;
        assert_eq!(ask(&server).await.outcome, VerdictOutcome::Allow, "while it is there it decides");
        fake.go_away().await;
        let reason = reason(&ask(&server).await);
        assert!(reason.contains("cannot be reached") && reason.contains(told), "{reason}");
    }
}

#[tokio::test]
async fn the_copy_follows_the_server_and_goes_when_it_cannot() {
    let (mut fake, server) = with_modules(&[("orders.rego", RULES), ("known.rego", KNOWN)]).await;
    eventually("there is a copy", async || is_there(&server)).await;
    let first = server.status().mirror.unwrap().digest;
    let more = KNOWN.replace("Quota", "ShipOrder");
    fake.has_modules(&[("orders.rego", RULES), ("known.rego", &more)]);
    eventually("the copy is the new one", async || server.status().mirror.unwrap().digest != first).await;
    // The list cannot be read: what there is stays.
    fake.does(Does::Status(500));
    eventually("the look failed", async || server.status().mirror.unwrap().trouble.is_some()).await;
    assert!(is_there(&server));
    // The modules are others that cannot be copied: an old copy would say what the server does not say any more.
    fake.has_modules(&[("orders.rego", "package shop.orders\nallow if data.elsewhere\n")]);
    fake.does(Does::Answers(allowing("r2")));
    eventually("the copy is gone", async || !is_there(&server)).await;
    fake.go_away().await;
    assert!(reason(&ask(&server).await).contains("data.elsewhere"));
}
