use std::{future::Future, pin::Pin};

use bench_report::{Fallible, Order};

/// A future that is not bound to one thread.
pub(crate) type Answer<'a, T> = Pin<Box<dyn Future<Output = Fallible<T>> + Send + 'a>>;

/// One connection to a server. Several tasks may append at once where the protocol can carry that.
pub(crate) trait Client: Send + Sync {
    /// Stores the events all or none; answers once the server says that they are durable.
    fn append(&self, orders: Vec<Order>) -> Answer<'_, ()>;
}
