use bench_report::{Fallible, Order};
use tephra_client::{AsyncClient, AsyncClientConfig, Event};

use crate::client::{Answer, Client};

/// tephra through its own client; the stream is a tag, and there is no append condition.
pub(crate) struct Tephra(AsyncClient);

impl Tephra {
    pub(crate) async fn connect(address: &str) -> Fallible<Self> {
        // Nothing is read, so no connections for reading.
        let config = AsyncClientConfig { bulk_connections: 0, ..AsyncClientConfig::default() };
        Ok(Self(AsyncClient::connect_with(address, config).await?))
    }

    async fn store(&self, orders: Vec<Order>) -> Fallible<()> {
        let event = |order: Order| Event::new("OrderPlaced", [order.stream], order.payload.as_bytes().to_vec());
        let events = orders.into_iter().map(event).collect::<Result<Vec<_>, _>>()?;
        self.0.append(events, None).await?;
        Ok(())
    }
}

impl Client for Tephra {
    fn append(&self, orders: Vec<Order>) -> Answer<'_, ()> {
        Box::pin(self.store(orders))
    }
}
