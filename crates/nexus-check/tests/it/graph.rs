use nexus_check::{Facts, graph};

use crate::support::{fixture, options};

#[test]
fn the_graph_shows_services_events_and_what_is_wrong_with_them() {
    let broken = graph(&Facts::read(&options(&fixture("broken"))).unwrap());
    let names: Vec<_> =
        broken.services.iter().map(|service| (service.name.as_str(), service.context.as_str())).collect();
    assert_eq!(names, [("billing", "payments"), ("gateway", "edge"), ("orders", "sales"), ("shipping", "delivery")]);
    let wrong: Vec<_> =
        broken.events.iter().filter(|edge| edge.violation).map(|edge| (&*edge.event, edge.to.as_deref())).collect();
    assert_eq!(wrong, [("OrderPlaced", Some("shipping"))]);
    let calls: Vec<_> = broken.calls.iter().map(|call| (&*call.from, &*call.to, call.violation)).collect();
    assert!(calls.contains(&("orders", "billing", true)) && calls.contains(&("gateway", "orders", false)), "{calls:?}");

    let repaired = graph(&Facts::read(&options(&fixture("repaired"))).unwrap());
    assert!(repaired.events.iter().all(|edge| !edge.violation) && repaired.calls.iter().all(|call| !call.violation));
}

#[test]
fn the_picture_has_a_frame_for_each_context_and_marks_what_is_wrong() {
    let text = graph(&Facts::read(&options(&fixture("broken"))).unwrap()).mermaid();
    assert!(text.starts_with("flowchart LR\n"), "{text}");
    assert_eq!(text.matches("subgraph").count(), 4);
    assert!(text.contains("s2 -->|\"OrderPlaced\"| s0") && text.contains("s2 -.->|\"calls\"| s0"), "{text}");
    assert!(text.lines().last().unwrap().trim().starts_with("linkStyle "), "{text}");
}
