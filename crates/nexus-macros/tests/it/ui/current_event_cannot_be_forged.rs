//! Only the upcasters say that an event is current.

use std::borrow::Cow;

use nexus::{RecordedEvent, upcast::CurrentEvent};

fn forged(event: &RecordedEvent) -> CurrentEvent<'_> {
    CurrentEvent(Cow::Borrowed(event))
}

fn main() {}
