use std::sync::Arc;

use nexus_core::ports::ReadStore;

/// A read store under test: what the cases of [`contract::resource_store`](crate::contract::resource_store) run
/// against.
pub trait ReadStoreFixture: Sized + Send + 'static {
    /// A fresh store without resources.
    fn start() -> Self;

    /// The store.
    fn store(&self) -> Arc<dyn ReadStore>;

    /// Closes the store and opens it again, as after a restart.
    #[must_use]
    fn reopen(self) -> Self;
}
