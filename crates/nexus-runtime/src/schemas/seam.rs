use std::sync::Arc;

use nexus_core::{
    ports::{RegistryChange, SchemaKind},
    upcast::{Chain, Upcasters},
};

use super::{SchemaFailure, service::damaged};
use crate::ways::Ways;

/// The seam through which readers get stored events, as far as the registry changes it: a new version of an event type
/// changes by which chain its events reach them.
pub(super) struct Seam {
    pub(super) ways: Arc<Ways>,
    upcasters: Arc<Upcasters>,
}

impl Seam {
    pub(super) fn new(ways: Ways, upcasters: Arc<Upcasters>) -> Self {
        Self { ways: Arc::new(ways), upcasters }
    }

    /// The chains that hold once these changes are made.
    ///
    /// # Errors
    /// When one of them makes no chain.
    pub(super) async fn chains(&self, changes: &[RegistryChange]) -> Result<Vec<Chain>, SchemaFailure> {
        let mut chains = Vec::new();
        for change in changes {
            let RegistryChange::Registered(new) = change else { continue };
            if new.reference.kind == SchemaKind::Event {
                // Judging may take a while, so it happens where blocking is allowed.
                let (ways, new) = (Arc::clone(&self.ways), new.clone());
                let found = tokio::task::spawn_blocking(move || ways.chain_with(&new)).await;
                chains.push(found.map_err(|error| damaged(&error))??);
            }
        }
        Ok(chains)
    }

    /// Gives readers their events by these chains from now on.
    pub(super) fn put(&self, chains: Vec<Chain>) {
        chains.into_iter().for_each(|chain| self.upcasters.put(chain));
    }
}
