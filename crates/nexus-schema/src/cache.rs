//! What is made of schemas, kept while it is used: registering ten thousand schemas makes nothing of them.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

/// Where what is made of one schema is kept while there is such a thing.
pub(crate) struct Slot<T> {
    made: RwLock<Option<Arc<T>>>,
    /// Whether it was used since the cache last looked.
    used: AtomicBool,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { made: RwLock::new(None), used: AtomicBool::new(false) }
    }
}

/// Bounds how many are kept; what was not used lately goes first (second chance).
pub(crate) struct Cache<T> {
    limit: usize,
    /// The filled slots, in the order in which they are looked at.
    filled: Mutex<VecDeque<Weak<Slot<T>>>>,
}

impl<T> Cache<T> {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, filled: Mutex::new(VecDeque::new()) }
    }

    /// What is made of a schema; `make` makes it when it is not kept.
    ///
    /// # Errors
    /// Those of `make`; nothing is kept then.
    pub(crate) fn get<E>(&self, slot: &Arc<Slot<T>>, make: impl FnOnce() -> Result<Arc<T>, E>) -> Result<Arc<T>, E> {
        if let Some(made) = &*slot.made.read().unwrap_or_else(PoisonError::into_inner) {
            // Threads that check the same schema would otherwise fight over the flag.
            if !slot.used.load(Ordering::Relaxed) {
                slot.used.store(true, Ordering::Relaxed);
            }
            return Ok(Arc::clone(made));
        }
        // Several threads may make the same at once; the first to finish is kept.
        let made = make()?;
        let mut place = slot.made.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = &*place {
            return Ok(Arc::clone(made));
        }
        *place = Some(Arc::clone(&made));
        drop(place);
        self.admit(slot);
        Ok(made)
    }

    fn admit(&self, slot: &Arc<Slot<T>>) {
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
                *kept.made.write().unwrap_or_else(PoisonError::into_inner) = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::compile::Compiled;

    fn filled(slots: &[Arc<Slot<Compiled>>]) -> Vec<bool> {
        slots.iter().map(|slot| slot.made.read().unwrap().is_some()).collect()
    }

    #[test]
    fn no_more_than_the_limit_are_kept_and_the_unused_go_first() {
        let cache = Cache::new(2);
        let slots: Vec<Arc<Slot<Compiled>>> = (0..3).map(|_| Arc::default()).collect();
        let get = |slot: &Arc<Slot<Compiled>>| {
            cache.get(slot, || Compiled::new(&json!(true)).map(Arc::new)).unwrap();
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
        let cache = Cache::new(2);
        let slot = Arc::default();
        assert!(cache.get(&slot, || Compiled::new(&json!({ "type": "strange" })).map(Arc::new)).is_err());
        assert_eq!(filled(&[slot]), [false]);
    }
}
