use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bench_report::{Fallible, OrderSource, Sample, Timings, cpu_seconds, machine_cpu_seconds};
use tokio::runtime::Runtime;

use crate::subject::Subject;

/// What producers do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// How many work at once; each waits for its answer before it goes on.
    pub(crate) producers: usize,
    /// Events of one append.
    pub(crate) batch: usize,
    /// Before anything counts.
    pub(crate) warm_up: Duration,
    /// How long is counted.
    pub(crate) span: Duration,
}

impl Load {
    pub(crate) fn new(producers: usize, batch: usize, seconds: u64) -> Self {
        let span = Duration::from_secs(seconds);
        Self { producers, batch, warm_up: Duration::from_millis(700), span }
    }

    /// Runs the producers; `name` must be new to the subject.
    pub(crate) fn run(self, runtime: &Runtime, subject: &Arc<dyn Subject>, name: &str) -> Fallible<Sample> {
        runtime.block_on(async {
            let begin = Instant::now() + self.warm_up;
            let producers: Vec<_> = (0..self.producers)
                .map(|number| {
                    let source = OrderSource::new(format!("{name}-{number}"), number as u64 + 1);
                    tokio::spawn(self.produce(Arc::clone(subject), source, begin))
                })
                .collect();
            tokio::time::sleep_until(begin.into()).await;
            let used = || Some((cpu_seconds("self")?, machine_cpu_seconds()?));
            let before = used();
            tokio::time::sleep_until((begin + self.span).into()).await;
            let cores = before.zip(used()).map(|(before, after)| {
                let own = after.0 - before.0;
                (own / self.span.as_secs_f64(), (after.1 - before.1 - own) / self.span.as_secs_f64())
            });
            let mut timings = Timings::default();
            let mut events = 0;
            for producer in producers {
                let (own, count) = producer.await??;
                timings.extend(own);
                events += count;
            }
            let (server_cores, other_cores) = (cores.map(|cores| cores.0), cores.map(|cores| cores.1));
            Ok(Sample { server_cores, other_cores, ..timings.sample(events, self.span) })
        })
    }

    /// Appends until the time is over; counts what is answered within it.
    async fn produce(
        self,
        subject: Arc<dyn Subject>,
        mut source: OrderSource,
        begin: Instant,
    ) -> Fallible<(Timings, u64)> {
        let end = begin + self.span;
        let (mut timings, mut events) = (Timings::default(), 0);
        loop {
            let orders = source.batch(self.batch);
            let started = Instant::now();
            subject.append(orders).await?;
            let now = Instant::now();
            if now >= end {
                return Ok((timings, events));
            }
            if now >= begin {
                timings.since(started);
                events += self.batch as u64;
            }
        }
    }
}
