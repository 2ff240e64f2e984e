//! The generic functions and types that expansions call, so that an expansion stays small.

use std::any::Any;
use std::future::Future;

use serde_json::Value;

use crate::connector::{FieldSet, Reader};
use crate::descriptor::{FieldSpec, Literal, Outputs, TypeSpec};
use crate::field::{FieldType, Mismatch, Select};
use crate::mock::MockFn;
use crate::outcome::{BoxFuture, Failure, Reply, Returns};
use crate::schema::{FieldKind, FieldValues};

/// What a handler's call needs, in the erased form in which tables hold it.
pub type Erased<'a> = &'a (dyn Any + Send + Sync);

/// Calls an async handler with the typed connection and params.
pub fn call_async<'a, C, P, R, F>(
    connection: Erased<'a>,
    params: FieldValues<'a>,
    handler: impl FnOnce(&'a C, P) -> F + Send + 'a,
) -> BoxFuture<'a, Result<Reply, Failure>>
where
    C: Sync + 'static,
    P: FieldSet,
    R: Returns,
    F: Future<Output = R> + Send,
{
    Box::pin(async move {
        let (connection, params) = open(connection, params)?;
        handler(connection, params).await.into_reply()
    })
}

/// Calls a handler that is not async with the typed connection and params.
pub fn call<'a, C, P, R>(
    connection: Erased<'a>,
    params: FieldValues<'a>,
    handler: impl FnOnce(&'a C, P) -> R + Send + 'a,
) -> BoxFuture<'a, Result<Reply, Failure>>
where
    C: Sync + 'static,
    P: FieldSet,
    R: Returns,
{
    Box::pin(async move {
        let (connection, params) = open(connection, params)?;
        handler(connection, params).into_reply()
    })
}

/// Returns the typed connection and params of a call.
fn open<'a, C: 'static, P: FieldSet>(connection: Erased<'a>, params: FieldValues<'_>) -> Result<(&'a C, P), Failure> {
    let connection = connection
        .downcast_ref()
        .ok_or_else(|| Failure::from(crate::outcome::Fail::new("The connection belongs to another connector type")))?;
    let params = Reader::read::<P>(params).map_err(Failure::invalid)?;
    Ok((connection, params))
}

/// Runs a mock function of either form.
///
/// # Errors
/// If the mock's outcome is a failure, or the params do not match their types.
pub fn mock<P: FieldSet, R: Returns, Form>(
    function: impl MockFn<P, R, Form>,
    params: FieldValues<'_>,
) -> Result<Reply, Failure> {
    let params = Reader::read::<P>(params).map_err(Failure::invalid)?;
    function.call(&params).into_reply()
}

/// Derives a deadline from typed params, in milliseconds.
pub fn timeout<P: FieldSet>(derive: impl FnOnce(&P) -> std::time::Duration, params: FieldValues<'_>) -> u64 {
    match Reader::read::<P>(params) {
        Ok(params) => u64::try_from(derive(&params).as_millis()).unwrap_or(u64::MAX),
        Err(_) => crate::dispatch::DEFAULT_TIMEOUT_MS,
    }
}

/// The type of an object param.
pub const fn object_type<T: schemars::JsonSchema>(fields: &'static [FieldSpec]) -> TypeSpec {
    TypeSpec { schema: Some(crate::field::schema_of::<T>), fields, ..TypeSpec::new(FieldKind::Object) }
}

/// What the lock knows of an object.
pub trait Object {
    /// The fields in source order.
    const FIELDS: &'static [FieldSpec];
}

/// The type of an object's field, if a connection may have a field of that type too.
#[derive(Debug)]
pub struct Probe<T>(std::marker::PhantomData<T>);

impl<T: FieldType> Probe<T> {
    /// What the type says of itself.
    pub const TYPE: TypeSpec = T::TYPE;
}

/// The type of an object's field that only serde knows.
pub trait Unknown {
    /// Any JSON.
    const TYPE: TypeSpec = TypeSpec::new(FieldKind::Raw);
}

impl<T> Unknown for Probe<T> {}

/// Reads an object param.
///
/// # Errors
/// If the value does not match the type.
pub fn read_object<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, Mismatch> {
    crate::field::read_nested(value)
}

/// The type of a select.
pub const fn select_type<T: Select>() -> TypeSpec {
    TypeSpec { choices: T::CHOICES, ..TypeSpec::new(FieldKind::Select) }
}

/// Reads a select.
///
/// # Errors
/// If the value is none of the choices.
pub fn read_select<T: Select>(value: &Value) -> Result<T, Mismatch> {
    crate::field::read_select(value)
}

/// Deserialises a select.
///
/// # Errors
/// If the value is none of the choices.
pub fn deserialize_select<'de, T: Select, D: serde::Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    crate::field::deserialize_select(deserializer)
}

/// Writes the JSON Schema of a select.
pub fn select_schema<T: Select>() -> schemars::Schema {
    crate::field::select_schema::<T>()
}

/// What a payload struct holds.
pub const fn outputs_of<T: schemars::JsonSchema>(names: &'static [&'static str]) -> Outputs {
    Outputs { names, schema: Some(crate::field::answer_schema_of::<T>), typed: true }
}

/// Turns a constant into the default of an object's field; its kind was checked at compile time.
///
/// # Panics
/// Never for a constant that passed the check.
pub fn constant<T: FieldType>(literal: Literal) -> T {
    match T::read(&literal.to_value()) {
        Ok(value) => value,
        Err(mismatch) => panic!("a default that was checked at compile time does not fit its type: {}", mismatch.0),
    }
}
