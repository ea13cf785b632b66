use std::{sync::Arc, time::Duration};

use nexus_core::{ExpectedVersion, Position};
use tokio::{task::JoinSet, time::timeout};

use crate::{
    contract::{Breach, EventStoreFixture, Outcome, check, check_eq},
    fixture::proposal,
};

/// Far longer than any wait that is over takes, far shorter than the limit of a case.
const PATIENCE: Duration = Duration::from_secs(20);

/// When the head is past what was seen, the answer is there at once and names the head.
pub async fn a_wait_that_is_over_answers_at_once<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    fixture.append(proposal("order-1", ExpectedVersion::NoStream, 3)).await?;
    let head = fixture.head().await?;
    for seen in [Position::START, Position::new(head.get() - 1)] {
        let store = fixture.store();
        let waited = timeout(PATIENCE, store.wait_past(seen)).await;
        let Ok(waited) = waited else {
            return Err(Breach::new(format!("waiting past {seen} hangs")));
        };
        check_eq!(waited?, head, "the head after waiting past {seen}");
    }
    Ok(())
}

/// Readers that wait at the head all learn of the next append, and none is woken before it.
pub async fn an_append_wakes_every_waiting_reader<F: EventStoreFixture>() -> Outcome {
    let fixture = Arc::new(F::start().await);
    for _ in 0..10 {
        let seen = fixture.head().await?;
        let mut readers = JoinSet::new();
        for _ in 0..20 {
            let fixture = Arc::clone(&fixture);
            readers.spawn(async move { fixture.store().wait_past(seen).await });
        }
        tokio::task::yield_now().await;
        let early = readers.try_join_next();
        check!(early.is_none(), "a reader stopped waiting before there was an event: {early:?}");
        fixture.append(proposal("order-1", ExpectedVersion::Any, 1)).await?;
        while let Some(woken) = timeout(PATIENCE, readers.join_next()).await.transpose() {
            let Ok(woken) = woken else {
                return Err(Breach::new("a waiting reader is not woken"));
            };
            check!(woken?? > seen, "a reader was woken at or before {seen}");
        }
    }
    Ok(())
}
