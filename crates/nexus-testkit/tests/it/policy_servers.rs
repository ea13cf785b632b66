//! Policy servers in memory: one as it should be, and those that are wrong on purpose.

use std::{
    marker::PhantomData,
    sync::{Arc, Mutex},
};

use nexus_core::ports::{PolicyServer, ServerVerdict, VerdictOutcome, outcome_of_package};
use nexus_testkit::{contract::PolicyServerFixture, fakes::ScriptedPolicyServer};
use serde_json::Value;

/// One thing that is wrong; nothing, unless overridden.
pub(crate) trait Flaw: Send + Sync + 'static {
    fn outcome(package: Option<&Value>) -> VerdictOutcome {
        outcome_of_package("data.nexus", package)
    }
    fn revision(revision: &str) -> &str {
        revision
    }
    fn away() -> ServerVerdict {
        ScriptedPolicyServer::away()
    }
}

pub(crate) struct Right;

impl Flaw for Right {}

#[derive(Default)]
struct Now {
    away: bool,
    package: Option<Value>,
    revision: String,
}

pub(crate) struct Scripted<W> {
    server: Arc<ScriptedPolicyServer>,
    now: Arc<Mutex<Now>>,
    flaw: PhantomData<W>,
}

impl<W: Flaw> PolicyServerFixture for Scripted<W> {
    async fn start() -> Self {
        let now = Arc::new(Mutex::new(Now::default()));
        let answers = Arc::clone(&now);
        let server = ScriptedPolicyServer::at_once(move |_| {
            let now = answers.lock().unwrap();
            match now.away {
                true => W::away(),
                false => ScriptedPolicyServer::verdict(W::outcome(now.package.as_ref()), W::revision(&now.revision)),
            }
        });
        Self { server: Arc::new(server), now, flaw: PhantomData }
    }

    fn server(&self) -> Arc<dyn PolicyServer> {
        self.server.clone()
    }

    fn answers(&self, package: Option<Value>, revision: &str) {
        let mut now = self.now.lock().unwrap();
        (now.package, now.revision) = (package, revision.to_owned());
    }

    async fn goes_away(&mut self) {
        self.now.lock().unwrap().away = true;
    }

    fn questions(&self) -> usize {
        self.server.asked().len()
    }
}
