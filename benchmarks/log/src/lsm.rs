use std::path::Path;

use bench_report::{Fallible, Order};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::{group::Engine, subject::Reads};

/// An event store on fjall: the log by position, an index by stream and version, an index by event id.
pub(crate) struct FjallEngine {
    database: Database,
    log: Keyspace,
    streams: Keyspace,
    ids: Keyspace,
    head: u64,
}

impl FjallEngine {
    pub(crate) fn open(dir: &Path) -> Fallible<Self> {
        let database = Database::builder(dir).open()?;
        let keyspace = |name: &str| database.keyspace(name, KeyspaceCreateOptions::default);
        let (log, streams, ids) = (keyspace("log")?, keyspace("streams")?, keyspace("ids")?);
        Ok(Self { database, log, streams, ids, head: 0 })
    }
}

fn stream_key(order: &Order) -> Vec<u8> {
    let mut key = order.stream.as_bytes().to_vec();
    key.extend_from_slice(&order.version.to_be_bytes());
    key
}

fn value(order: &Order) -> Vec<u8> {
    let mut value = Vec::with_capacity(64 + order.payload.len());
    value.extend_from_slice(order.id.as_bytes());
    value.extend_from_slice(&order.version.to_le_bytes());
    value.extend_from_slice(&(order.stream.len() as u32).to_le_bytes());
    value.extend_from_slice(order.stream.as_bytes());
    value.extend_from_slice(b"OrderPlaced");
    value.extend_from_slice(order.payload.as_bytes());
    value
}

impl Engine for FjallEngine {
    fn commit(&mut self, group: &[Vec<Order>]) -> Fallible<()> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        for order in group.iter().flatten() {
            let key = stream_key(order);
            if self.streams.contains_key(&key)? || self.ids.contains_key(order.id.as_bytes())? {
                return Err(format!("event {} is stored already", order.id).into());
            }
            self.head += 1;
            let position = self.head.to_be_bytes();
            batch.insert(&self.log, position, value(order));
            batch.insert(&self.streams, key, position);
            batch.insert(&self.ids, order.id.as_bytes(), position);
        }
        Ok(batch.commit()?)
    }
}

impl Reads for FjallEngine {
    fn stream(&self, name: &str) -> Fallible<u64> {
        let mut events = 0;
        for entry in self.streams.prefix(name) {
            let position = entry.value()?;
            events += u64::from(self.log.get(position)?.is_some_and(|value| !value.is_empty()));
        }
        Ok(events)
    }

    fn scan(&self) -> Fallible<u64> {
        let mut events = 0;
        for entry in self.log.iter() {
            events += u64::from(!entry.value()?.is_empty());
        }
        Ok(events)
    }
}
