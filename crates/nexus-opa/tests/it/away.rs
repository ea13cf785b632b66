//! A server that goes away and comes back.

use std::time::{Duration, Instant};

use nexus_core::ports::{PolicyServer as _, PolicyServerReach, VerdictOutcome};
use nexus_opa::WhenUnreachable;

use crate::fake::{Does, Fake, allowing, ask, eventually, reason, server};

#[tokio::test]
async fn a_server_that_does_not_answer_is_left_alone_and_asked_again_once_it_may_be_back() {
    let fake = Fake::start(Does::Hangs).await;
    let mut options = fake.options().with_timeout(Duration::from_millis(60)).unwrap();
    options.when_unreachable = WhenUnreachable::Deny;
    let server = server(options);
    for _ in 0..5 {
        assert!(reason(&ask(&server).await).contains("no answer within 60 ms"));
    }
    assert_eq!((fake.questions().len(), server.status().reach), (5, PolicyServerReach::Away));
    let started = Instant::now();
    for _ in 0..100 {
        assert!(reason(&ask(&server).await).contains("left alone"));
    }
    // 100 timeouts are 6 s; at most one question a second tries.
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert!(fake.questions().len() <= 8, "{}", fake.questions().len());
    fake.does(Does::Answers(allowing("1")));
    eventually("it is asked again", async || ask(&server).await.outcome == VerdictOutcome::Allow).await;
    assert_eq!(server.status().reach, PolicyServerReach::Answering);
    assert_eq!(ask(&server).await.outcome, VerdictOutcome::Allow);
}

#[tokio::test]
async fn a_server_that_is_down_refuses_or_leaves_it_to_the_embedded_policy_until_it_is_back() {
    for way in [WhenUnreachable::Deny, WhenUnreachable::Embedded] {
        let mut fake = Fake::start(Does::Answers(allowing("1"))).await;
        let mut options = fake.options();
        options.when_unreachable = way;
        let server = server(options);
        assert!(ask(&server).await.source.is_some());
        fake.go_away().await;
        for _ in 0..10 {
            let verdict = ask(&server).await;
            assert_eq!(verdict.source, None);
            match way {
                WhenUnreachable::Embedded => assert_eq!(verdict.outcome, VerdictOutcome::Allow),
                _ => assert!(reason(&verdict).contains("everything is refused")),
            }
        }
        fake.come_back().await;
        eventually("it is back", async || ask(&server).await.source.is_some()).await;
    }
}

#[tokio::test]
async fn a_server_that_comes_and_goes_never_lets_through_what_it_did_not_allow() {
    let fake = Fake::start(Does::Closes).await;
    let mut options = fake.options();
    options.when_unreachable = WhenUnreachable::Deny;
    let server = server(options);
    let mut allowed = 0;
    for turn in 0..60 {
        let answers = turn % 3 == 0;
        fake.does(if answers { Does::Answers(allowing("1")) } else { Does::Closes });
        match ask(&server).await.outcome {
            VerdictOutcome::Allow => {
                assert!(answers, "turn {turn}");
                allowed += 1;
            }
            VerdictOutcome::Failed { .. } => assert!(!answers, "failures that are not in a row do not keep it away"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(allowed, 20);
}
