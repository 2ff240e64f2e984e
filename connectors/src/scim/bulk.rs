//! Many changes in few requests (RFC 7644, section 3.7), split by the limits that a service announces.
//!
//! A reference `bulkId:x` holds within one request only. So what an earlier request created is replaced by its id before
//! a later one leaves, and a reference forward into a later request is refused before anything is sent.

mod requests;

use std::collections::HashMap;

use connector_runtime::prelude::*;

use self::requests::{Ready, matched, prepared, resolve, split};
use super::failure::{Problem, Result, code_of, said};
use super::resource::{member, texts};
use super::session::Session;

const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

/// What a bulk operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Select)]
pub enum BulkMethod {
    /// Create.
    #[select(name = "POST", label = "POST")]
    Post,
    /// Replace.
    #[select(name = "PUT", label = "PUT")]
    Put,
    /// Change in part.
    #[select(name = "PATCH", label = "PATCH")]
    Patch,
    /// Delete.
    #[select(name = "DELETE", label = "DELETE")]
    Delete,
}

/// One change of many.
#[object]
#[derive(Debug)]
pub struct BulkOperation {
    /// What it does.
    pub method: BulkMethod,
    /// Which resources, or which one: `/Users` to create, `/Users/2819c223` for one that exists.
    #[param(min_length = 2, max_length = 2000, example = "/Users")]
    pub path: String,
    /// A name for what it creates; others refer to it by `bulkId:` and this name.
    #[param(min_length = 1, max_length = 200)]
    pub bulk_id: Option<String>,
    /// The version of the resource that is changed, where the service has versions.
    #[param(max_length = 500)]
    pub version: Option<String>,
    /// The resource, or for PATCH the schemas and Operations.
    pub data: Option<Map<String, Value>>,
    /// The password of a user that is created or replaced. It is not allowed in data.
    pub password: Option<Secret>,
}

/// What became of one change.
#[payload]
#[derive(Debug, Clone)]
pub struct BulkResult {
    /// The number of the operation, from 0.
    pub index: usize,
    /// Its name, if it was given one.
    pub bulk_id: Option<String>,
    /// Whether it was done.
    pub ok: bool,
    /// The status that the service gave it; null if it was not sent, or not answered.
    pub status: Option<u16>,
    /// Id of the resource.
    pub id: Option<String>,
    /// Where the resource is.
    pub location: Option<String>,
    /// The version of the resource.
    pub version: Option<String>,
    /// Why it was not done, as one of the codes of failures.
    pub code: Option<String>,
    /// What the service calls the reason.
    pub system_code: Option<String>,
    /// What the service says about it.
    pub message: Option<String>,
}

impl BulkResult {
    fn of(ready: &Ready) -> Self {
        Self {
            index: ready.index,
            bulk_id: ready.given.clone(),
            ok: false,
            status: None,
            id: None,
            location: None,
            version: None,
            code: None,
            system_code: None,
            message: None,
        }
    }

    fn not_sent(ready: &Ready) -> Self {
        let message = Some("It was not sent: failOnErrors was reached".to_owned());
        Self { message, ..Self::of(ready) }
    }

    fn unanswered(ready: &Ready) -> Self {
        let message = Some("The service did not say what became of it".to_owned());
        Self { code: Some(Code::OutcomeUnknown.name().to_owned()), message, ..Self::of(ready) }
    }
}

impl Session<'_> {
    /// Does many changes, and tells of each what became of it, in the order in which they were given.
    pub(super) async fn bulk(
        &self,
        operations: Vec<BulkOperation>,
        fail_on_errors: Option<u32>,
    ) -> Result<Vec<BulkResult>> {
        let Some(limits) = self.capabilities().await?.bulk else {
            let why = "The service has no bulk requests; call its other commands one after another";
            return Err(Problem::new(Code::Unsupported, why));
        };
        let ready = prepared(operations)?;
        let chunks = split(ready, limits)?;
        let mut results = Vec::new();
        let mut made: HashMap<String, String> = HashMap::new();
        let mut errors = 0;
        let most = fail_on_errors.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
        for mut chunk in chunks {
            if errors >= most {
                results.extend(chunk.iter().map(BulkResult::not_sent));
                continue;
            }
            for ready in &mut chunk {
                resolve(&mut ready.body, &made);
            }
            let left = fail_on_errors.map(|_| most - errors);
            let answers = match self.send_bulk(&chunk, left).await {
                Ok(answers) => answers,
                Err(problem) if results.is_empty() => return Err(problem),
                Err(problem) => return Err(problem.with("results", &results)),
            };
            for (ready, answer) in chunk.iter().zip(matched(&chunk, &answers)) {
                let result = match answer {
                    Some(answer) => self.result(ready, answer),
                    // A service stops after so many errors, and says nothing of the rest.
                    None if errors >= most => BulkResult::not_sent(ready),
                    None => BulkResult::unanswered(ready),
                };
                errors += usize::from(!result.ok && result.status.is_some());
                if let (Some(id), Some(name)) = (&result.id, ready.body.get("bulkId").and_then(Value::as_str)) {
                    made.insert(name.to_owned(), id.clone());
                }
                results.push(result);
            }
        }
        Ok(results)
    }

    async fn send_bulk(&self, chunk: &[Ready], fail_on_errors: Option<usize>) -> Result<Vec<Value>> {
        let bodies: Vec<&Value> = chunk.iter().map(|ready| &ready.body).collect();
        let mut body = json!({ "schemas": [BULK], "Operations": bodies });
        if let Some(most) = fail_on_errors {
            body["failOnErrors"] = most.into();
        }
        let response = self.send_body("POST", &["Bulk"], &body, None).await?;
        let response = self.accepted(response, "do the operations of the bulk request")?;
        let read: Option<Value> = response.json().ok();
        let list = read.as_ref().and_then(|body| member(body, "Operations")).and_then(Value::as_array);
        list.cloned().ok_or_else(|| {
            let why = "The service accepted a bulk request and did not say what became of its operations";
            Problem::new(Code::OutcomeUnknown, why).with("outcome", "unknown").with("statusCode", response.status())
        })
    }

    fn result(&self, ready: &Ready, answer: &Value) -> BulkResult {
        let status = texts(answer, "status").or_else(|| {
            // SCIM 1.1 and some of 2.0: {"code": "201"}.
            texts(member(answer, "status")?, "code")
        });
        let status: Option<u16> = status.and_then(|status| status.trim().parse().ok());
        let ok = status.is_some_and(|status| (200..300).contains(&status));
        let told = texts(answer, "location");
        let response = member(answer, "response").cloned().unwrap_or_default();
        let id = texts(&response, "id").or_else(|| {
            let path = told.as_deref()?.split(['?', '#']).next()?.trim_end_matches('/');
            path.rsplit('/').next().map(str::to_owned)
        });
        let said = if ok { Default::default() } else { said(&response) };
        let code = status.filter(|_| !ok).map(|status| match code_of(status, said.code.as_deref()) {
            Code::Conflict if status == 409 && ready.body.get("method") == Some(&json!("POST")) => Code::Exists,
            code => code,
        });
        BulkResult {
            ok,
            status,
            id: id.filter(|_| ok),
            location: told.filter(|_| ok).and_then(|told| self.connector.absolute(&told)),
            version: texts(answer, "version"),
            code: code.map(|code| code.name().to_owned()),
            system_code: said.code,
            message: said.text,
            ..BulkResult::of(ready)
        }
    }
}
