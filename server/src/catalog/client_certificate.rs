//! Judges the client certificate of a connection when it is saved, as far as that can be done without its service.
//!
//! A certificate without its key, and the reverse, is an incomplete config, which may be saved like every other one: the
//! connector is not `ready`, names what is missing, and refuses calls. Services and agents of other makers may mean
//! something else by these fields, so theirs are not judged.

use connector_runtime::Secret;
use connector_runtime::egress::ClientCertificate;
use connector_runtime::schema::{CLIENT_CERTIFICATE, CLIENT_KEY, FieldValues, Fields, has_client_certificate, pointer};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::store::ExecutionModel;

/// Returns whether a change of a connection is about its certificate.
pub(super) fn is_of_certificate(field: &str) -> bool {
    matches!(field, CLIENT_CERTIFICATE | CLIENT_KEY)
}

/// Refuses a certificate that no call could use. `type_model` is the execution model of the type, and `values` is the whole
/// connection as it would be after the change.
///
/// # Errors
/// If one of the two fields cannot be read, or the key is that of another certificate, with the field.
pub(super) fn check(type_model: ExecutionModel, fields: &Fields, values: &Map<String, Value>) -> Result<(), Error> {
    if type_model == ExecutionModel::External || !has_client_certificate(fields) {
        return Ok(());
    }
    let given = FieldValues::new(fields, values);
    let text = |name: &str| given.get(name).and_then(Value::as_str).unwrap_or_default();
    let (certificate, key) = (text(CLIENT_CERTIFICATE), Secret::from(text(CLIENT_KEY)));
    let read = match (certificate.is_empty(), key.is_empty()) {
        (false, false) => ClientCertificate::read(certificate, &key).map(|_| ()),
        (false, true) => ClientCertificate::read_certificate(certificate),
        (true, false) => ClientCertificate::read_key(&key),
        (true, true) => Ok(()),
    };
    read.map_err(|error| Error::invalid_at(pointer::of(["config", error.field]), error.why))
}
