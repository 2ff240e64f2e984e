//! What a connector usually names: `use connector_runtime::prelude::*;`.
//!
//! The attributes, the types of fields, outcomes, and what sends a request.

pub use jiff::Timestamp;
pub use jiff::civil::Date;
pub use serde_json::{Map, Number, Value, json};

pub use crate::Secret;
pub use crate::code::Code;
pub use crate::context::Context;
pub use crate::egress::{Client, EgressError, HttpError, Paging, Request, Response, Retry};
pub use crate::field::{Select as _, Url};
pub use crate::outcome::{ConnectorResult, Fail, Failure, Outcome, OutcomeExt as _, Success, Thrown, fail, succeed};
pub use crate::{Select, command, connector, object, payload};
