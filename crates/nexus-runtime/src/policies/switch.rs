use std::sync::{Arc, PoisonError, RwLock};

use nexus_core::{
    Digest,
    ports::{PolicyEngine, PolicyInput, Verdict},
};

/// The policy in force. It is replaced as a whole, and every decision is made by one bundle throughout.
pub(crate) struct PolicySwitch(RwLock<Arc<dyn PolicyEngine>>);

impl PolicySwitch {
    pub(crate) fn new(engine: Arc<dyn PolicyEngine>) -> Self {
        Self(RwLock::new(engine))
    }

    /// Puts another policy in force. Decisions under way end under the one they began with.
    pub(crate) fn replace(&self, engine: Arc<dyn PolicyEngine>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = engine;
    }

    fn current(&self) -> Arc<dyn PolicyEngine> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl PolicyEngine for PolicySwitch {
    fn decide(&self, input: &PolicyInput<'_>) -> Verdict {
        self.current().decide(input)
    }

    fn digest(&self) -> Digest {
        self.current().digest()
    }

    fn pinned(&self) -> Option<Arc<dyn PolicyEngine>> {
        Some(self.current())
    }
}
