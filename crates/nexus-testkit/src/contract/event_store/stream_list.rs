use nexus_core::{
    ExpectedVersion, Proposal, StreamId,
    ports::{StreamInfo, StreamList},
};

use super::support::whole_stream;
use crate::{
    contract::{Breach, EventStoreFixture, Outcome, check, check_eq},
    fixture::{aggregate_type, part, proposal, stream_id},
};

/// Every stream once, in byte order of its id, with its type, version and the time of its last event.
pub async fn streams_are_listed_in_order_of_their_ids<F: EventStoreFixture>() -> Outcome {
    let fixture = with_streams::<F>().await?;
    let all = all(&fixture, &StreamList::default(), 100).await?;
    let mut expected = STREAMS.map(|(id, _, _)| id);
    expected.sort_unstable();
    check_eq!(names(&all), expected, "the streams");
    for info in all {
        let stored = whole_stream(&fixture, &info.stream).await?;
        let last = stored.last().map(|event| (event.version, event.timestamp, event.aggregate_type.clone()));
        let told = (info.version, info.last_event_at, info.aggregate_type);
        check_eq!(Some(told), last, "what the list tells of `{}`", info.stream);
    }
    Ok(())
}

/// Only ids that start with the prefix, taken literally.
pub async fn streams_are_listed_by_prefix<F: EventStoreFixture>() -> Outcome {
    let fixture = with_streams::<F>().await?;
    let cases: [(&str, &[&str]); 6] = [
        ("order-1", &["order-1", "order-10", "order-11"]),
        ("order-1%", &[]),
        ("order_", &["order_1"]),
        ("é", &["é-1"]),
        ("zzz", &[]),
        ("invoice-1", &["invoice-1"]),
    ];
    for (prefix, expected) in cases {
        let list = StreamList { prefix: prefix.to_owned(), ..StreamList::default() };
        check_eq!(names(&all(&fixture, &list, 2).await?), expected, "streams that start with `{prefix}`");
    }
    Ok(())
}

/// Only streams of one aggregate type, also together with a prefix.
pub async fn streams_are_listed_by_aggregate_type<F: EventStoreFixture>() -> Outcome {
    let fixture = with_streams::<F>().await?;
    let mut list = StreamList { aggregate_type: Some(aggregate_type("Invoice")), ..StreamList::default() };
    check_eq!(names(&all(&fixture, &list, 1).await?), ["a-1", "invoice-1", "order-11"], "invoices");
    list.prefix = "order".to_owned();
    check_eq!(names(&all(&fixture, &list, 1).await?), ["order-11"], "invoices with a prefix");
    Ok(())
}

/// Pages of any size add up to the whole list; `more` is true exactly when something follows.
pub async fn streams_are_listed_page_by_page<F: EventStoreFixture>() -> Outcome {
    let fixture = with_streams::<F>().await?;
    let whole = all(&fixture, &StreamList::default(), 100).await?;
    for limit in 1..=whole.len() + 1 {
        let paged = all(&fixture, &StreamList::default(), limit).await?;
        check!(paged == whole, "pages of {limit} give {:?}", names(&paged));
    }
    let after = StreamList { after: Some(stream_id("order-1")), limit: 1, ..StreamList::default() };
    let page = fixture.store().streams(after).await?;
    check_eq!(names(&page.streams), ["order-10"], "the stream after `order-1`");
    let exact = StreamList { prefix: "invoice".to_owned(), limit: 1, ..StreamList::default() };
    check!(!fixture.store().streams(exact).await?.more, "`more` although the last stream was answered");
    Ok(())
}

/// Without the platform's own streams every other one is listed, page by page, with and without a prefix.
pub async fn streams_are_listed_without_those_of_the_platform<F: EventStoreFixture>() -> Outcome {
    let fixture = with_streams::<F>().await?;
    for stream in ["$own", "$other", "$"] {
        let stored = fixture.append(proposal(stream, ExpectedVersion::Any, 1)).await;
        check_eq!(stored.is_ok(), F::STORES_SYSTEM_STREAMS, "whether an event of `{stream}` is stored");
    }
    if !F::STORES_SYSTEM_STREAMS {
        return Ok(());
    }
    fixture.append(proposal("!before", ExpectedVersion::Any, 1)).await?;
    let open = StreamList { without_system_streams: true, ..StreamList::default() };
    let mut expected: Vec<&str> = STREAMS.iter().map(|(id, _, _)| *id).chain(["!before"]).collect();
    expected.sort_unstable();
    for limit in [1, 3, 100] {
        let found = pages(&fixture, &open, limit).await?;
        check_eq!(names(&found), expected, "streams in pages of {limit}");
    }
    let own = StreamList { prefix: StreamId::SYSTEM.to_owned(), ..open };
    let page = fixture.store().streams(StreamList { limit: 1, ..own }).await?;
    check!(page.streams.is_empty() && !page.more, "streams of the platform: {page:?}");
    Ok(())
}

const STREAMS: [(&str, &str, usize); 7] = [
    ("order-10", "Order", 3),
    ("order-1", "Order", 1),
    ("é-1", "Order", 1),
    ("order-11", "Invoice", 2),
    ("a-1", "Invoice", 1),
    ("order_1", "Order", 1),
    ("invoice-1", "Invoice", 2),
];

async fn with_streams<F: EventStoreFixture>() -> Result<F, Breach> {
    let fixture = F::start().await;
    for (id, kind, count) in STREAMS {
        if let Some(clock) = fixture.clock() {
            clock.advance_micros(1_000_000);
        }
        for _ in 0..count {
            let mut part = part(id, ExpectedVersion::Any, 1);
            part.aggregate_type = aggregate_type(kind);
            fixture.append(Proposal::single(part)).await?;
        }
    }
    Ok(fixture)
}

/// The whole list in pages of `limit`, without the platform's own streams.
async fn all<F: EventStoreFixture>(fixture: &F, list: &StreamList, limit: usize) -> Result<Vec<StreamInfo>, Breach> {
    let mut streams = pages(fixture, list, limit).await?;
    streams.retain(|info| !info.stream.is_system());
    Ok(streams)
}

/// The whole list in pages of `limit`.
async fn pages<F: EventStoreFixture>(fixture: &F, list: &StreamList, limit: usize) -> Result<Vec<StreamInfo>, Breach> {
    let mut streams: Vec<StreamInfo> = Vec::new();
    loop {
        let next = StreamList { after: streams.last().map(|info| info.stream.clone()), limit, ..list.clone() };
        let page = fixture.store().streams(next).await?;
        check!(page.streams.len() <= limit, "{} streams for a limit of {limit}", page.streams.len());
        let more = page.more;
        check!(!more || !page.streams.is_empty(), "an empty page says that more follow");
        streams.extend(page.streams);
        if !more {
            return Ok(streams);
        }
    }
}

fn names(streams: &[StreamInfo]) -> Vec<&str> {
    streams.iter().map(|info| info.stream.as_str()).collect()
}
