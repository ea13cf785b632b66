use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bench_report::{Fallible, OrderSource, Sample, Timings, cpu_seconds, machine_cpu_seconds};
use serde::{Deserialize, Serialize};

use crate::client::Client;

/// What clients do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Load {
    /// Connections.
    pub(crate) connections: usize,
    /// Appends that each connection has under way.
    pub(crate) in_flight: usize,
    /// Events of one append.
    pub(crate) batch: usize,
}

pub(crate) const LOADS: [Load; 4] = [
    Load { connections: 64, in_flight: 1, batch: 1 },
    Load { connections: 64, in_flight: 1, batch: 100 },
    Load { connections: 1, in_flight: 64, batch: 1 },
    Load { connections: 1, in_flight: 512, batch: 1 },
];

/// Before anything counts.
const WARM_UP: Duration = Duration::from_millis(1000);

impl Load {
    pub(crate) fn name(self) -> String {
        let Self { connections, in_flight, batch } = self;
        match (connections, batch) {
            (1, _) => format!("one connection, {in_flight} single events in flight"),
            (_, 1) => format!("{connections} connections, single events"),
            _ => format!("{connections} connections, batches of {batch}"),
        }
    }

    /// Runs it on these connections; `process` is the server's id, where it is a single process.
    pub(crate) async fn run(self, clients: &[Arc<dyn Client>], seconds: u64, process: Option<u32>) -> Fallible<Sample> {
        let span = Duration::from_secs(seconds);
        let begin = Instant::now() + WARM_UP;
        let mut tasks = Vec::new();
        for (connection, client) in clients.iter().enumerate() {
            for lane in 0..self.in_flight {
                let seed = (connection * self.in_flight + lane + 1) as u64;
                let source = OrderSource::new(format!("{connection}-{lane}"), seed);
                tasks.push(tokio::spawn(produce(Arc::clone(client), source, self.batch, (begin, begin + span))));
            }
        }
        tokio::time::sleep_until(begin.into()).await;
        let server = || process.and_then(|process| cpu_seconds(&process.to_string()));
        let (server_before, own_before, all_before) = (server(), cpu_seconds("self"), machine_cpu_seconds());
        tokio::time::sleep_until((begin + span).into()).await;
        let (server_after, own_after, all_after) = (server(), cpu_seconds("self"), machine_cpu_seconds());
        let (mut timings, mut events) = (Timings::default(), 0);
        for task in tasks {
            let (own, count) = task.await??;
            timings.extend(own);
            events += count;
        }
        let cores = |before: Option<f64>, after: Option<f64>| Some((after? - before?) / span.as_secs_f64());
        let (server_cores, client_cores) = (cores(server_before, server_after), cores(own_before, own_after));
        let all = cores(all_before, all_after);
        // Unknown where the server is many processes.
        let other_cores =
            all.zip(server_cores).zip(client_cores).map(|((all, server), clients)| all - server - clients);
        Ok(Sample { server_cores, client_cores, other_cores, ..timings.sample(events, span) })
    }
}

/// Appends until the time is over; counts what is answered within it.
async fn produce(
    client: Arc<dyn Client>,
    mut source: OrderSource,
    batch: usize,
    (begin, end): (Instant, Instant),
) -> Fallible<(Timings, u64)> {
    let (mut timings, mut events) = (Timings::default(), 0);
    loop {
        let orders = source.batch(batch);
        let started = Instant::now();
        client.append(orders).await?;
        let now = Instant::now();
        if now >= end {
            return Ok((timings, events));
        }
        if now >= begin {
            timings.since(started);
            events += batch as u64;
        }
    }
}
