//! A batch is admitted by `Admission` and by nobody else.
use nexus::{Admitted, AdmittedEvent, AdmittedStream, NewEvent, Receipt};

fn forge(streams: Vec<AdmittedStream>) -> Admitted {
    Admitted { streams }
}

fn smuggle(event: NewEvent, receipt: Receipt) -> AdmittedEvent {
    AdmittedEvent { event, receipt }
}

fn widen(mut batch: Admitted, more: AdmittedStream) {
    batch.streams.push(more);
}

fn main() {}
