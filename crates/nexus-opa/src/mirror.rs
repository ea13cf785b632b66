//! A copy of the server's modules, which is asked while the server is away.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use nexus_core::{
    Json, Timestamp,
    ports::{
        CompiledPolicy, PolicyCompiler, PolicyMirrorStatus, PolicyModule, PolicyProblem, VerdictOutcome,
        outcome_of_package,
    },
};
use tokio::sync::Notify;

use crate::client::{OpaClient, Trouble};

/// Longest time the modules may take to compile.
const PATIENCE: Duration = Duration::from_secs(30);

/// The modules of the server at one moment, compiled.
pub(crate) struct Copied {
    policy: Arc<dyn CompiledPolicy>,
    modules: Vec<PolicyModule>,
    /// The revisions that the server named last before.
    pub(crate) revisions: BTreeMap<String, String>,
    taken_at: Timestamp,
}

/// Keeps the copy.
pub(crate) struct Mirror {
    compiler: Arc<dyn PolicyCompiler>,
    state: RwLock<State>,
    wanted: Notify,
}

#[derive(Default, Clone)]
struct State {
    copied: Option<Arc<Copied>>,
    trouble: Option<String>,
}

impl Mirror {
    pub(crate) fn new(compiler: Arc<dyn PolicyCompiler>) -> Self {
        let trouble = Some("the modules of the server were not read yet".to_owned());
        Self { compiler, state: RwLock::new(State { copied: None, trouble }), wanted: Notify::new() }
    }

    /// The copy, or why there is none.
    pub(crate) fn copied(&self) -> Result<Arc<Copied>, String> {
        let State { copied, trouble } = self.state();
        copied.ok_or_else(|| trouble.unwrap_or_default())
    }

    pub(crate) fn status(&self) -> PolicyMirrorStatus {
        let State { copied, trouble } = self.state();
        let digest = copied.as_ref().map(|copied| copied.policy.digest());
        PolicyMirrorStatus { digest, taken_at: copied.map(|copied| copied.taken_at), trouble }
    }

    /// Says that the server's policy changed.
    pub(crate) fn look_again(&self) {
        self.wanted.notify_one();
    }

    /// Ends when somebody wants the copy to be renewed.
    pub(crate) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Takes a copy. One that was taken before is kept while the server cannot be read, and dropped when its modules
    /// are others now that cannot be copied: it would not answer as the server does.
    pub(crate) async fn renew(&self, client: &OpaClient, revisions: BTreeMap<String, String>, now: Timestamp) {
        let modules = match client.modules().await {
            Ok(modules) => modules,
            Err(Trouble::Unreachable(reason) | Trouble::Unusable(reason)) => {
                let trouble = format!("the modules of the server could not be read: {reason}");
                let copied = self.state().copied;
                return self.put(State { copied, trouble: Some(trouble) });
            }
        };
        let known = self.state().copied.filter(|copied| copied.modules == modules);
        let policy = match known {
            Some(copied) => Ok(Arc::clone(&copied.policy)),
            None => self.compiled(modules.clone()).await,
        };
        self.put(match policy {
            Ok(policy) => {
                let copied = Copied { policy, modules, revisions, taken_at: now };
                State { copied: Some(Arc::new(copied)), trouble: None }
            }
            Err(reason) => {
                let trouble = format!("the modules of the server cannot be asked in its place: {reason}");
                State { copied: None, trouble: Some(trouble) }
            }
        });
    }

    async fn compiled(&self, modules: Vec<PolicyModule>) -> Result<Arc<dyn CompiledPolicy>, String> {
        let compiler = Arc::clone(&self.compiler);
        let compiling = tokio::task::spawn_blocking(move || compiler.compile(&modules));
        let policy = match tokio::time::timeout(PATIENCE, compiling).await {
            Ok(Ok(compiled)) => compiled.map_err(|problem: PolicyProblem| problem.to_string())?,
            Ok(Err(_)) => return Err("compiling them ended early".to_owned()),
            Err(_) => return Err(format!("compiling them takes longer than {PATIENCE:?}")),
        };
        match policy.foreign_data().first() {
            None => Ok(policy),
            Some(path) => Err(format!(
                "they look at `{path}`, which none of them defines; what a server holds beside its modules is not copied"
            )),
        }
    }

    fn state(&self) -> State {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, state: State) {
        let before = std::mem::replace(&mut *self.state.write().unwrap_or_else(PoisonError::into_inner), state.clone());
        if before.trouble != state.trouble {
            match &state.trouble {
                Some(trouble) => {
                    let kept = state.copied.is_some();
                    tracing::warn!(%trouble, kept, "the copy of the policy server's modules could not be renewed");
                }
                None => tracing::info!("there is a copy of the policy server's modules"),
            }
        }
    }
}

impl Copied {
    /// Names the copy.
    pub(crate) fn digest(&self) -> nexus_core::Digest {
        self.policy.digest()
    }

    /// What the server would say, as far as its modules tell.
    pub(crate) async fn decide(&self, path: &str, input: Json) -> VerdictOutcome {
        let (policy, asked) = (Arc::clone(&self.policy), path.to_owned());
        let found = tokio::task::spawn_blocking(move || policy.value_at(&asked, Some(&input))).await;
        let found = found.unwrap_or_else(|_| Err(PolicyProblem::new("the evaluation ended early")));
        let failed = |reason: String| VerdictOutcome::Failed { reason };
        match found.map(|found| found.map(|json| json.to_value()).transpose()) {
            Ok(Ok(value)) => outcome_of_package(&format!("data.{}", path.replace('/', ".")), value.as_ref()),
            Ok(Err(error)) => failed(error.to_string()),
            Err(problem) => failed(problem.to_string()),
        }
    }
}
