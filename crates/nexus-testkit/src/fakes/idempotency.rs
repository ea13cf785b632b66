use std::{collections::HashMap, sync::Mutex};

use nexus_core::{
    Position, Text, Timestamp,
    ports::{IdempotencyIndex, IdempotencyRecord, ReadStoreError},
};

use crate::fakes::locked::lock;

/// An idempotency index in memory.
#[derive(Debug, Default)]
pub struct MemoryIdempotencyIndex {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    records: HashMap<Text, IdempotencyRecord>,
    checkpoint: Position,
}

impl IdempotencyIndex for MemoryIdempotencyIndex {
    fn checkpoint(&self) -> Result<Position, ReadStoreError> {
        Ok(lock(&self.state).checkpoint)
    }

    fn commit(&self, records: &[IdempotencyRecord], checkpoint: Position) -> Result<(), ReadStoreError> {
        let mut state = lock(&self.state);
        let new = records.iter().map(|record| (record.key.clone(), record.clone()));
        state.records.extend(new);
        state.checkpoint = checkpoint;
        Ok(())
    }

    fn find(&self, key: &str) -> Result<Option<IdempotencyRecord>, ReadStoreError> {
        Ok(lock(&self.state).records.get(key).cloned())
    }

    fn forget_before(&self, moment: Timestamp) -> Result<u64, ReadStoreError> {
        let mut state = lock(&self.state);
        let before = state.records.len();
        state.records.retain(|_, record| record.recorded_at >= moment);
        let forgotten = before - state.records.len();
        Ok(u64::try_from(forgotten).unwrap_or(u64::MAX))
    }
}
