use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks. A panic of a test thread elsewhere does not matter: every change under these locks is whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
