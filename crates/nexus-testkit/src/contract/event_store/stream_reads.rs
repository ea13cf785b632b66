use nexus_core::{
    ExpectedVersion, Version,
    ports::Direction::{self, Backward, Forward},
};

use super::support::{stream_page, versions};
use crate::{
    contract::{EventStoreFixture, Outcome, check, check_eq},
    fixture::{proposal, stream_id},
};

/// A stream nobody wrote to has version 0, no type and no events; that is not an error.
pub async fn an_unknown_stream_has_version_0<F: EventStoreFixture>() -> Outcome {
    let fixture = F::start().await;
    fixture.append(proposal("order-10", ExpectedVersion::NoStream, 1)).await?;
    for direction in [Forward, Backward] {
        let page = stream_page(&fixture, &stream_id("order-1"), (1, u64::MAX), direction, 10).await?;
        check_eq!(page.version, Version::NONE, "the version");
        check_eq!(page.aggregate_type, None, "the aggregate type");
        check!(page.events.is_empty(), "it has {} events", page.events.len());
        check_eq!(page.next, None, "where to go on");
    }
    Ok(())
}

/// Oldest first, `next` naming the first version not yet answered, and nothing at the end.
pub async fn a_stream_reads_forward_page_by_page<F: EventStoreFixture>() -> Outcome {
    let fixture = with_ten_versions::<F>().await?;
    expect(&fixture, (1, u64::MAX, 4), Forward, (&[1, 2, 3, 4], Some(5))).await?;
    expect(&fixture, (5, u64::MAX, 4), Forward, (&[5, 6, 7, 8], Some(9))).await?;
    expect(&fixture, (9, u64::MAX, 4), Forward, (&[9, 10], None)).await?;
    expect(&fixture, (7, u64::MAX, 4), Forward, (&[7, 8, 9, 10], None)).await?;
    expect(&fixture, (0, u64::MAX, 2), Forward, (&[1, 2], Some(3))).await
}

/// Newest first, `next` being the highest version of the page to come.
pub async fn a_stream_reads_backward_page_by_page<F: EventStoreFixture>() -> Outcome {
    let fixture = with_ten_versions::<F>().await?;
    expect(&fixture, (1, u64::MAX, 4), Backward, (&[10, 9, 8, 7], Some(6))).await?;
    expect(&fixture, (1, 6, 4), Backward, (&[6, 5, 4, 3], Some(2))).await?;
    expect(&fixture, (1, 2, 4), Backward, (&[2, 1], None)).await?;
    expect(&fixture, (1, 4, 4), Backward, (&[4, 3, 2, 1], None)).await?;
    expect(&fixture, (0, 10, 1), Backward, (&[10], Some(9))).await
}

/// Both ends of a range belong to it; `next` never leads out of it.
pub async fn a_range_of_versions_is_inclusive<F: EventStoreFixture>() -> Outcome {
    let fixture = with_ten_versions::<F>().await?;
    expect(&fixture, (3, 5, 10), Forward, (&[3, 4, 5], None)).await?;
    expect(&fixture, (3, 5, 10), Backward, (&[5, 4, 3], None)).await?;
    expect(&fixture, (3, 5, 3), Forward, (&[3, 4, 5], None)).await?;
    expect(&fixture, (3, 5, 3), Backward, (&[5, 4, 3], None)).await?;
    expect(&fixture, (3, 5, 2), Forward, (&[3, 4], Some(5))).await?;
    expect(&fixture, (3, 5, 2), Backward, (&[5, 4], Some(3))).await?;
    expect(&fixture, (4, 4, 1), Forward, (&[4], None)).await
}

/// What lies beyond the end, or an empty range, is no events; the version is still told.
pub async fn a_range_beyond_the_end_is_empty<F: EventStoreFixture>() -> Outcome {
    let fixture = with_ten_versions::<F>().await?;
    for direction in [Forward, Backward] {
        expect(&fixture, (11, u64::MAX, 5), direction, (&[], None)).await?;
        expect(&fixture, (u64::MAX, u64::MAX, 5), direction, (&[], None)).await?;
        expect(&fixture, (6, 5, 5), direction, (&[], None)).await?;
    }
    expect(&fixture, (10, 900, 5), Forward, (&[10], None)).await?;
    expect(&fixture, (9, 900, 5), Backward, (&[10, 9], None)).await
}

/// A stream of ten versions between the events of two others.
async fn with_ten_versions<F: EventStoreFixture>() -> Result<F, crate::contract::Breach> {
    let fixture = F::start().await;
    for _ in 0..5 {
        fixture.append(proposal("order-10", ExpectedVersion::Any, 1)).await?;
        fixture.append(proposal("order-1", ExpectedVersion::Any, 2)).await?;
        fixture.append(proposal("order-2", ExpectedVersion::Any, 3)).await?;
    }
    Ok(fixture)
}

async fn expect<F: EventStoreFixture>(
    fixture: &F,
    (from, to, limit): (u64, u64, usize),
    direction: Direction,
    (events, next): (&[u64], Option<u64>),
) -> Outcome {
    let page = stream_page(fixture, &stream_id("order-1"), (from, to), direction, limit).await?;
    let what = format!("{from}..={to} read {direction:?} with limit {limit}");
    check_eq!(versions(&page.events), events, "versions of {what}");
    check_eq!(page.next.map(Version::get), next, "`next` of {what}");
    check_eq!(page.version, Version::new(10), "the stream's version at {what}");
    Ok(())
}
