//! What a handler returns, and how it becomes a result.
//!
//! A handler either *succeeds* with a payload and variables, *fails* on purpose with a text and
//! diagnostics, or *throws*: any `std` error under `?`. Only thrown errors go through the connector's
//! error map. [`Failure`] keeps the three apart, which is why it is not a `std` error itself.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::egress::Response;
use crate::schema::Invalid;

pub use crate::result::{ConnectorResult, Payload, Reply, Returns};

/// A boxed future, as function tables need it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a handler returns: a payload and variables, or a failure.
pub type Outcome<T = ()> = Result<Success<T>, Failure>;

/// A successful outcome.
#[derive(Debug, Clone)]
pub struct Success<T = ()> {
    /// The domain result, kept under the step's output key.
    pub payload: T,
    /// What is merged into the run's variables by name.
    pub variables: Map<String, Value>,
}

/// A deliberate failure: a text for people and context for operators.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fail {
    /// What happened.
    pub error: String,
    /// Structured context; never merged into variables.
    pub diagnostics: Map<String, Value>,
    /// What is merged into the run's variables in spite of the failure.
    pub variables: Map<String, Value>,
}

/// Why a handler did not succeed.
pub struct Failure(Box<Cause>);

/// The cause of a [`Failure`].
pub(crate) enum Cause {
    /// The handler failed on purpose.
    Fail(Fail),
    /// What executes the command is not available now; nothing was done.
    Unavailable(Fail),
    /// An error passed through `?`.
    Thrown(Box<dyn Error + Send + Sync>, Map<String, Value>),
    /// The values do not fit the schema.
    Invalid(Invalid),
}

/// Succeeds with a payload; `succeed(())` succeeds without one.
///
/// # Errors
/// Never; the return type is that of handlers.
pub fn succeed<T>(payload: T) -> Outcome<T> {
    Ok(Success { payload, variables: Map::new() })
}

/// Fails with a text. Inside closures use [`Fail::new`], whose type needs no inference.
///
/// # Errors
/// Always.
pub fn fail<T>(error: impl Into<String>) -> Outcome<T> {
    Err(Fail::new(error).into())
}

impl Fail {
    /// Makes a failure with a text.
    pub fn new(error: impl Into<String>) -> Self {
        Self { error: error.into(), ..Self::default() }
    }

    /// Adds one piece of context.
    #[must_use]
    pub fn diagnostic(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        self.diagnostics.insert(name.into(), to_value(value));
        self
    }

    /// Adds context: a response, or an object of values.
    #[must_use]
    pub fn diagnostics(mut self, context: impl IntoDiagnostics) -> Self {
        self.diagnostics.extend(context.into_diagnostics());
        self
    }

    /// Sets a variable of the run in spite of the failure.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        self.variables.insert(name.into(), to_value(value));
        self
    }
}

/// Adds variables and diagnostics to an outcome, whether it succeeded or failed.
pub trait OutcomeExt: Sized {
    /// Sets a variable of the run.
    #[must_use]
    fn variable(self, name: impl Into<String>, value: impl Serialize) -> Self;

    /// Adds one piece of context to a failure; a success has none and stays as it is.
    #[must_use]
    fn diagnostic(self, name: impl Into<String>, value: impl Serialize) -> Self;

    /// Adds context to a failure: a response, or an object of values.
    #[must_use]
    fn diagnostics(self, context: impl IntoDiagnostics) -> Self;
}

impl<T> OutcomeExt for Outcome<T> {
    fn variable(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        let variables = match &mut self {
            Ok(success) => Some(&mut success.variables),
            Err(failure) => failure.variables_mut(),
        };
        if let Some(variables) = variables {
            variables.insert(name.into(), to_value(value));
        }
        self
    }

    fn diagnostic(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        if let Some(fail) = self.as_mut().err().and_then(Failure::fail_mut) {
            fail.diagnostics.insert(name.into(), to_value(value));
        }
        self
    }

    fn diagnostics(mut self, context: impl IntoDiagnostics) -> Self {
        if let Some(fail) = self.as_mut().err().and_then(Failure::fail_mut) {
            fail.diagnostics.extend(context.into_diagnostics());
        }
        self
    }
}

/// A value that can be added to the diagnostics of a failure.
pub trait IntoDiagnostics {
    /// Returns the context by name.
    fn into_diagnostics(self) -> Map<String, Value>;
}

impl IntoDiagnostics for Map<String, Value> {
    fn into_diagnostics(self) -> Map<String, Value> {
        self
    }
}

impl IntoDiagnostics for Value {
    fn into_diagnostics(self) -> Map<String, Value> {
        match self {
            Self::Object(map) => map,
            other => Map::from_iter([("value".to_owned(), other)]),
        }
    }
}

/// `statusCode`, `responseBody` and `headers`.
impl IntoDiagnostics for &Response {
    fn into_diagnostics(self) -> Map<String, Value> {
        self.diagnostics()
    }
}

/// `statusCode`, `responseBody` and `headers`.
impl IntoDiagnostics for Response {
    fn into_diagnostics(self) -> Map<String, Value> {
        self.diagnostics()
    }
}

impl Failure {
    /// Makes a failure about values that do not fit the schema. It never goes through an error map.
    pub fn invalid(invalid: Invalid) -> Self {
        Self(Box::new(Cause::Invalid(invalid)))
    }

    /// Makes a failure about work that was not begun, because what executes the command is not available now. The
    /// caller may try again; the failure never goes through an error map.
    pub fn unavailable(fail: Fail) -> Self {
        Self(Box::new(Cause::Unavailable(fail)))
    }

    pub(crate) fn is_unavailable(&self) -> bool {
        matches!(*self.0, Cause::Unavailable(_))
    }

    pub(crate) fn into_cause(self) -> Cause {
        *self.0
    }

    fn fail_mut(&mut self) -> Option<&mut Fail> {
        match self.0.as_mut() {
            Cause::Fail(fail) | Cause::Unavailable(fail) => Some(fail),
            Cause::Thrown(..) | Cause::Invalid(_) => None,
        }
    }

    fn variables_mut(&mut self) -> Option<&mut Map<String, Value>> {
        match self.0.as_mut() {
            Cause::Fail(fail) | Cause::Unavailable(fail) => Some(&mut fail.variables),
            Cause::Thrown(_, variables) => Some(variables),
            Cause::Invalid(_) => None,
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_ref() {
            Cause::Fail(fail) | Cause::Unavailable(fail) => fmt::Debug::fmt(fail, f),
            Cause::Thrown(error, _) => f.debug_tuple("Thrown").field(error).finish(),
            Cause::Invalid(invalid) => fmt::Debug::fmt(invalid, f),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_ref() {
            Cause::Fail(fail) | Cause::Unavailable(fail) => f.write_str(&fail.error),
            Cause::Thrown(error, _) => fmt::Display::fmt(error, f),
            Cause::Invalid(invalid) => fmt::Display::fmt(invalid, f),
        }
    }
}

impl From<Fail> for Failure {
    fn from(fail: Fail) -> Self {
        Self(Box::new(Cause::Fail(fail)))
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(Box::new(Cause::Thrown(Box::new(error), Map::new())))
    }
}

/// A thrown error, as an error map sees it.
#[derive(Clone, Copy)]
pub struct Thrown<'a>(&'a (dyn Error + 'static));

impl<'a> Thrown<'a> {
    /// Wraps an error.
    pub fn new(error: &'a (dyn Error + 'static)) -> Self {
        Self(error)
    }

    /// Returns the first error of a type in the chain of sources.
    pub fn find<E: Error + 'static>(&self) -> Option<&'a E> {
        let mut next = Some(self.0);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            next = error.source();
        }
        None
    }

    /// Returns the error itself.
    pub fn error(&self) -> &'a (dyn Error + 'static) {
        self.0
    }
}

impl fmt::Debug for Thrown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, f)
    }
}

impl fmt::Display for Thrown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0, f)
    }
}

/// Writes a value as JSON; a value that cannot be written becomes null.
fn to_value(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}
