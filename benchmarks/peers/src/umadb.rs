use bench_report::{Fallible, Order};
use umadb_client::{AsyncUmaDbClient, UmaDbClient};
use umadb_dcb::{DcbEvent, DcbEventStoreAsync as _};

use crate::client::{Answer, Client};

/// UmaDB through its own client; the stream is a tag, and there is no append condition.
pub(crate) struct UmaDb(AsyncUmaDbClient);

impl UmaDb {
    pub(crate) async fn connect(address: &str) -> Fallible<Self> {
        Ok(Self(UmaDbClient::new(format!("http://{address}")).connect_async().await?))
    }

    async fn store(&self, orders: Vec<Order>) -> Fallible<()> {
        let event = |order: Order| {
            let event = DcbEvent::default().event_type("OrderPlaced").tags([order.stream]);
            event.data(order.payload.as_bytes()).uuid(order.id)
        };
        self.0.append(orders.into_iter().map(event).collect(), None, None).await?;
        Ok(())
    }
}

impl Client for UmaDb {
    fn append(&self, orders: Vec<Order>) -> Answer<'_, ()> {
        Box::pin(self.store(orders))
    }
}
