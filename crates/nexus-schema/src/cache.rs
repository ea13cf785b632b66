//! Compiled schemas, kept while they are used: registering ten thousand schemas compiles none of them.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::compile::Compiled;

/// Where the compiled form of one schema is kept while there is one.
#[derive(Default)]
pub(crate) struct Slot {
    compiled: RwLock<Option<Arc<Compiled>>>,
    /// Whether it was used since the cache last looked.
    used: AtomicBool,
}

/// Bounds how many schemas are kept compiled; what was not used lately goes first (second chance).
pub(crate) struct ValidatorCache {
    limit: usize,
    /// The filled slots, in the order in which they are looked at.
    filled: Mutex<VecDeque<Weak<Slot>>>,
}

impl Default for ValidatorCache {
    fn default() -> Self {
        Self::new(Self::LIMIT)
    }
}

impl ValidatorCache {
    /// Most schemas kept compiled.
    const LIMIT: usize = 4096;

    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, filled: Mutex::default() }
    }

    /// The compiled form of a schema; `compile` makes it when it is not kept.
    ///
    /// # Errors
    /// Those of `compile`; nothing is kept then.
    pub(crate) fn get<E>(
        &self,
        slot: &Arc<Slot>,
        compile: impl FnOnce() -> Result<Compiled, E>,
    ) -> Result<Arc<Compiled>, E> {
        if let Some(compiled) = &*slot.compiled.read().unwrap_or_else(PoisonError::into_inner) {
            slot.used.store(true, Ordering::Relaxed);
            return Ok(Arc::clone(compiled));
        }
        // Several threads may compile the same schema at once; the first to finish is kept.
        let compiled = Arc::new(compile()?);
        let mut place = slot.compiled.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(compiled) = &*place {
            return Ok(Arc::clone(compiled));
        }
        *place = Some(Arc::clone(&compiled));
        drop(place);
        self.admit(slot);
        Ok(compiled)
    }

    fn admit(&self, slot: &Arc<Slot>) {
        let mut filled = self.filled.lock().unwrap_or_else(PoisonError::into_inner);
        filled.push_back(Arc::downgrade(slot));
        let mut chances = filled.len();
        while filled.len() > self.limit {
            let Some(slot) = filled.pop_front() else { return };
            let Some(kept) = slot.upgrade() else { continue };
            if kept.used.swap(false, Ordering::Relaxed) && chances > 0 {
                chances -= 1;
                filled.push_back(slot);
            } else {
                *kept.compiled.write().unwrap_or_else(PoisonError::into_inner) = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled(slots: &[Arc<Slot>]) -> Vec<bool> {
        slots.iter().map(|slot| slot.compiled.read().unwrap().is_some()).collect()
    }

    #[test]
    fn no_more_than_the_limit_are_kept_and_the_unused_go_first() {
        let cache = ValidatorCache::new(2);
        let slots: Vec<Arc<Slot>> = (0..3).map(|_| Arc::default()).collect();
        let get = |slot: &Arc<Slot>| {
            cache.get(slot, || Compiled::new(&json!(true))).unwrap();
        };
        get(&slots[0]);
        get(&slots[1]);
        get(&slots[0]);
        get(&slots[2]);
        assert_eq!(filled(&slots), [true, false, true]);
        get(&slots[1]);
        assert_eq!(filled(&slots).into_iter().filter(|kept| *kept).count(), 2);
    }

    #[test]
    fn what_cannot_be_compiled_is_not_kept() {
        let cache = ValidatorCache::new(2);
        let slot = Arc::default();
        assert!(cache.get(&slot, || Compiled::new(&json!({ "type": "strange" }))).is_err());
        assert_eq!(filled(&[slot]), [false]);
    }
}
