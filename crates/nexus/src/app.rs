use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use nexus_core::{
    framework::{Aggregate, AggregateDefinition, CodecError, Projection, ReadModel},
    ports::{PolicyModule, SubjectRegistry},
    upcast::{DeclaredUpcaster, Upcaster},
};
use nexus_opa::OpaOptions;
use nexus_runtime::{Catalogue, PolicyBundle};

use crate::{
    cli::{self, Verb},
    exit::{Exit, Failure},
    policies,
};

/// An application: the domain it serves, and the program that serves it.
///
/// ```no_run
/// # use nexus::prelude::*;
/// # async fn example() -> nexus::Exit {
/// nexus::App::new("orders").run().await
/// # }
/// ```
pub struct App {
    pub(crate) name: String,
    pub(crate) domain: Domain,
    pub(crate) samples: Vec<Sample>,
    pub(crate) verbs: Vec<Verb>,
}

/// What an application serves: its aggregates, read models and policies.
#[derive(Default)]
pub struct Domain {
    aggregates: Vec<fn() -> Result<AggregateDefinition, CodecError>>,
    projections: Vec<Projection>,
    policies: Vec<PolicyModule>,
    policy_directory: Option<PathBuf>,
    policy_server: Option<OpaOptions>,
    upcasters: Vec<DeclaredUpcaster>,
    registry: Option<WrapRegistry>,
}

/// Puts another registry over the one in memory.
type WrapRegistry = Arc<dyn Fn(Arc<dyn SubjectRegistry>) -> Result<Arc<dyn SubjectRegistry>, String> + Send + Sync>;

/// A ready-made domain that `dev --sample NAME` loads.
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    pub(crate) load: fn(App) -> App,
}

impl App {
    /// An application of this name, without a domain yet.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), domain: Domain::default(), samples: Vec::new(), verbs: Vec::new() }
    }

    /// Serves an aggregate: its commands, its events and their schemas.
    #[must_use]
    pub fn aggregate<A: Aggregate>(mut self) -> Self {
        self.domain.aggregates.push(AggregateDefinition::of::<A>);
        self
    }

    /// Keeps and serves a read model.
    #[must_use]
    pub fn projection<R: ReadModel>(mut self) -> Self {
        self.domain.projections.push(Projection::of::<R>());
        self
    }

    /// Adds a Rego module to the policy. Modules in `package nexus` add to `deny` and `allow`.
    #[must_use]
    pub fn policy(mut self, name: impl Into<String>, source: impl Into<String>) -> Self {
        self.domain.policies.push(PolicyModule { name: name.into(), source: source.into() });
        self
    }

    /// Asks a policy server, such as the Open Policy Agent, beside the policy: both must allow. One that `nexus.toml`
    /// names takes its place.
    ///
    /// ```
    /// use nexus::{App, OpaOptions};
    ///
    /// let app = App::new("orders").policy_server(OpaOptions::new("http://localhost:8181")?.with_path("shop/orders")?);
    /// # let _ = app;
    /// # Ok::<(), nexus::OpaError>(())
    /// ```
    #[must_use]
    pub fn policy_server(mut self, options: OpaOptions) -> Self {
        self.domain.policy_server = Some(options);
        self
    }

    /// Brings stored events of a type from a schema version to the next: declared steps, or a function of the payload.
    ///
    /// Beside the events it is `#[upcast(from = 1, with = …)]` on the variant, which says the same.
    ///
    /// ```
    /// use nexus::{App, Steps};
    ///
    /// let app = App::new("orders").upcast("OrderPlaced", 1, Steps::new().rename("total", "totalMinor"));
    /// ```
    #[must_use]
    pub fn upcast(mut self, event_type: impl Into<String>, from: u32, upcaster: impl Into<Upcaster>) -> Self {
        self.domain.upcasters.push(DeclaredUpcaster::new(event_type, from, upcaster));
        self
    }

    /// Asks another schema registry beside the one in memory, such as a remote one. `wrap` is called when the server
    /// starts, where a tokio runtime runs.
    #[must_use]
    pub fn schema_registry<R, E>(
        mut self,
        wrap: impl Fn(Arc<dyn SubjectRegistry>) -> Result<R, E> + Send + Sync + 'static,
    ) -> Self
    where
        R: SubjectRegistry,
        E: fmt::Display,
    {
        self.domain.registry = Some(Arc::new(move |own| match wrap(own) {
            Ok(registry) => Ok(Arc::new(registry)),
            Err(error) => Err(error.to_string()),
        }));
        self
    }

    /// Offers a ready-made domain that `dev --sample NAME` loads; the first one offered is the default.
    #[must_use]
    pub fn sample(mut self, name: &'static str, load: fn(App) -> App) -> Self {
        self.samples.push(Sample { name, load });
        self
    }

    /// Adds a verb of the application's own to its command line.
    #[must_use]
    pub fn verb(mut self, verb: Verb) -> Self {
        self.verbs.push(verb);
        self
    }

    /// Runs the command line of this process to its end.
    ///
    /// Failures are printed to standard error; the returned [`Exit`] carries the code, so return it from `main`.
    pub async fn run(self) -> Exit {
        self.run_with(std::env::args_os()).await
    }

    /// [`run`](Self::run) with the given arguments, the program's name first.
    pub async fn run_with(self, arguments: impl IntoIterator<Item = OsString>) -> Exit {
        cli::run(self, arguments.into_iter().collect()).await
    }

    /// Adds the policies in a directory, whose changes are followed.
    pub(crate) fn with_policy_directory(mut self, directory: Option<PathBuf>) -> Self {
        self.domain.policy_directory = directory;
        self
    }

    /// Loads the sample of this name; `none` loads nothing, `None` the first one offered.
    pub(crate) fn with_sample(mut self, wanted: Option<&str>) -> Result<Self, Failure> {
        if wanted == Some("none") {
            return Ok(self);
        }
        let found = match wanted {
            None => self.samples.first(),
            Some(name) => self.samples.iter().find(|sample| sample.name == name),
        };
        match (found, wanted) {
            (Some(sample), _) => {
                let load = sample.load;
                self.samples.clear();
                Ok(load(self))
            }
            (None, None) => Ok(self),
            (None, Some(name)) => {
                let known: Vec<_> = self.samples.iter().map(|sample| sample.name).chain(["none"]).collect();
                Err(Failure::usage(format_args!("there is no sample `{name}`"))
                    .hint(format_args!("choose one of: {}", known.join(", "))))
            }
        }
    }
}

impl Domain {
    /// The catalogue of its aggregates.
    pub(crate) fn catalogue(&self) -> Result<Catalogue, Failure> {
        let definitions: Result<Vec<_>, _> = self.aggregates.iter().map(|define| define()).collect();
        let definitions = definitions.map_err(Failure::usage)?;
        Catalogue::new(definitions).map_err(Failure::usage)
    }

    /// The schema registry over this one in memory.
    pub(crate) fn registry(&self, own: Arc<dyn SubjectRegistry>) -> Result<Arc<dyn SubjectRegistry>, Failure> {
        let wrap = self.registry.as_ref();
        wrap.map_or(Ok(Arc::clone(&own)), |wrap| wrap(own).map_err(Failure::usage))
    }

    /// The upcasters that were added to those of its aggregates.
    pub(crate) fn upcasters(&self) -> &[DeclaredUpcaster] {
        &self.upcasters
    }

    /// Its projections.
    pub(crate) fn projections(&self) -> &[Projection] {
        &self.projections
    }

    /// The directory whose policies are followed.
    pub(crate) fn policy_directory(&self) -> Option<&Path> {
        self.policy_directory.as_deref()
    }

    /// What is asked beside the policy.
    pub(crate) fn policy_server(&self) -> Option<&OpaOptions> {
        self.policy_server.as_ref()
    }

    /// The bundles that are in force unless others were pushed, tests among them: the shipped one, its own, and that
    /// of its directory.
    pub(crate) fn policy_bundles(&self) -> Result<Vec<PolicyBundle>, Failure> {
        let shipped = [nexus_policy::shipped(), nexus_policy::shipped_tests()].concat();
        let mut bundles = vec![
            PolicyBundle { name: "nexus".to_owned(), modules: shipped },
            PolicyBundle { name: "app".to_owned(), modules: self.policies.clone() },
        ];
        if let Some(directory) = &self.policy_directory {
            bundles.push(PolicyBundle { name: policies::LOCAL.to_owned(), modules: policies::read(directory)? });
        }
        Ok(bundles)
    }
}
