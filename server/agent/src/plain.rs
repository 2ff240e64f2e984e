//! The executor of plain services, which know nothing of Floh: it sends the params as JSON to the command's path, and
//! the JSON of the answer is the payload.

use std::sync::Arc;

use connector_runtime::context::Context;
use connector_runtime::dispatch::Executor;
use connector_runtime::egress::Response;
use connector_runtime::outcome::{BoxFuture, Fail, Failure, Reply};
use connector_runtime::protocol::SIGNATURE_HEADER;
use connector_runtime::redact::Redactor;
use connector_runtime::result::ConnectorResult;
use connector_runtime::schema::FieldValues;
use serde_json::Value;

use super::config::Endpoint;
use connector_runtime::external;

/// Serves one connector through a plain service.
#[derive(Debug)]
pub(super) struct Plain<'s> {
    pub(super) endpoint: &'s Endpoint,
    pub(super) redactor: Arc<Redactor>,
}

impl Plain<'_> {
    async fn call(&self, context: &Context, command: &str, params: FieldValues<'_>) -> Result<Reply, Failure> {
        let params = params.with_defaults();
        let body = serde_json::to_vec(&params)
            .map_err(|error| Fail::new(format!("The params cannot be written as JSON: {error}")))?;
        let url = external::below(&self.endpoint.url, command);
        let signature = self.endpoint.signing_secret.as_ref().map(|secret| external::signature(secret, &url, &body));
        let mut request = context.http().post(url).no_redirects().idempotency_key(context.idempotency_key());
        if let Some(signature) = signature {
            request = request.header(SIGNATURE_HEADER, signature);
        }
        let response = request.header("content-type", "application/json").body(body).send().await?;
        self.read(&response)
    }

    fn read(&self, response: &Response) -> Result<Reply, Failure> {
        let fail = |text: String| {
            let body = external::quote(response, &self.redactor);
            Fail::new(text).diagnostic("statusCode", response.status()).diagnostic("responseBody", body)
        };
        if !response.is_success() {
            return Err(fail(format!("The service answered {}", response.status())).into());
        }
        if response.bytes().is_empty() {
            return Ok(Reply::done());
        }
        let payload: Value = response
            .json()
            .map_err(|_| fail(format!("The service answered {} with a body that is no JSON", response.status())))?;
        let result = ConnectorResult { success: true, payload: Some(payload), ..ConnectorResult::default() };
        Reply::try_from(result).map_err(|error| Fail::new(error.to_string()).into())
    }
}

impl Executor for Plain<'_> {
    fn execute<'a>(
        &'a self,
        context: &'a Context,
        command: &'a str,
        params: FieldValues<'a>,
    ) -> BoxFuture<'a, Result<Reply, Failure>> {
        Box::pin(self.call(context, command, params))
    }
}
