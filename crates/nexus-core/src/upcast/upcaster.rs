use std::{
    any::Any,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use serde_json::Value;

use super::steps::Steps;

/// Leads from one version of a payload to the next: declared [`Steps`], or a function.
///
/// A function is pure and total over what its version of the schema allows. It answers a `Value`, or a `Result` of one
/// and anything that can be shown.
///
/// ```
/// use nexus_core::upcast::{Steps, Upcaster};
/// use serde_json::{Value, json};
///
/// let declared = Upcaster::from(Steps::new().rename("total", "totalMinor"));
/// let function = Upcaster::from(|mut payload: Value| {
///     payload["totalMinor"] = payload["total"].take();
///     payload.as_object_mut().ok_or("not an object")?.remove("total");
///     Ok::<_, &str>(payload)
/// });
/// for upcaster in [declared, function] {
///     assert_eq!(upcaster.run(json!({ "total": 5 })).unwrap(), json!({ "totalMinor": 5 }));
/// }
/// ```
#[derive(Clone)]
pub struct Upcaster(Kind);

#[derive(Clone)]
enum Kind {
    Steps(Arc<Steps>),
    Function(Arc<dyn Fn(Value) -> Result<Value, UpcastFailure> + Send + Sync>),
}

/// Why one upcaster did not produce a payload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}{}", at(.pointer))]
pub struct UpcastFailure {
    /// What happened.
    pub reason: String,
    /// JSON Pointer to the part of the payload it happened at, where that is known.
    pub pointer: Option<String>,
}

fn at(pointer: &Option<String>) -> String {
    match pointer.as_deref() {
        None | Some("") => String::new(),
        Some(pointer) => format!(" at {pointer}"),
    }
}

/// What an upcasting function may answer.
#[diagnostic::on_unimplemented(
    message = "an upcaster does not answer `{Self}`",
    label = "this function is used as an upcaster",
    note = "let it answer a `serde_json::Value`, or a `Result` of one and an error that can be shown"
)]
pub trait UpcastOutput {
    /// The payload, or why there is none.
    ///
    /// # Errors
    /// What the function said.
    fn into_payload(self) -> Result<Value, UpcastFailure>;
}

impl UpcastOutput for Value {
    fn into_payload(self) -> Result<Value, UpcastFailure> {
        Ok(self)
    }
}

impl<E: fmt::Display> UpcastOutput for Result<Value, E> {
    fn into_payload(self) -> Result<Value, UpcastFailure> {
        self.map_err(|error| UpcastFailure { reason: error.to_string(), pointer: None })
    }
}

impl Upcaster {
    /// Brings a payload to the next version. A panic of a function ends here.
    ///
    /// # Errors
    /// [`UpcastFailure`].
    pub fn run(&self, payload: Value) -> Result<Value, UpcastFailure> {
        match &self.0 {
            Kind::Steps(steps) => steps.apply(payload),
            // The function is `Fn` and owns the payload: nothing half changed outlives its panic.
            Kind::Function(function) => catch_unwind(AssertUnwindSafe(|| function(payload)))
                .unwrap_or_else(|panic| Err(UpcastFailure { reason: panic_text(&*panic), pointer: None })),
        }
    }

    /// The steps, when it is declared.
    #[must_use]
    pub fn steps(&self) -> Option<&Steps> {
        match &self.0 {
            Kind::Steps(steps) => Some(steps),
            Kind::Function(_) => None,
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.map_or_else(|| "it panicked".to_owned(), |text| format!("it panicked: {text}"))
}

impl From<Steps> for Upcaster {
    fn from(steps: Steps) -> Self {
        Self(Kind::Steps(Arc::new(steps)))
    }
}

impl<F, R> From<F> for Upcaster
where
    F: Fn(Value) -> R + Send + Sync + 'static,
    R: UpcastOutput,
{
    fn from(function: F) -> Self {
        Self(Kind::Function(Arc::new(move |payload| function(payload).into_payload())))
    }
}

impl fmt::Debug for Upcaster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Steps(steps) => f.debug_tuple("Upcaster").field(steps).finish(),
            Kind::Function(_) => f.write_str("Upcaster(function)"),
        }
    }
}
