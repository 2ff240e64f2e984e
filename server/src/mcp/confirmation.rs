//! The question before a command that deletes. The client puts it to its user and calls again; what it then sends back proves that
//! this token was asked about these arguments, a short time ago.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use connector_runtime::redact::mask_named;
use parking_lot::Mutex;
use rmcp::RoleServer;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ElicitRequest, InputRequest, InputRequests, InputRequiredResult,
    ProtocolVersion, RequestStateCodec, SealOptions,
};
use rmcp::service::RequestContext;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::auth::OpContext;
use crate::error::Error;
use crate::mcp_settings::Confirm;
use crate::plain_text::plain;
use crate::services::Services;
use crate::store::new_id;

/// How long an answer counts.
pub(super) const ASKED_FOR: Duration = Duration::from_secs(300);
/// The name of the question.
const QUESTION: &str = "confirm";
/// The maximum number of characters of the arguments that a question shows.
const MAX_SHOWN: usize = 600;
/// The maximum number of used answers that are remembered here. The keys under which their calls ran are remembered by the database.
const MAX_USED: usize = 10_000;
/// What the key of this use is made for.
const PURPOSE: &str = "mcp-confirmation";

/// The answers that were used. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Confirmations {
    used: Arc<Mutex<HashSet<String>>>,
}

/// Whether the user has agreed to a call, and whether the client can ask.
pub(super) struct Consent<'c> {
    confirmations: &'c Confirmations,
    can_ask: bool,
    state: Option<String>,
    answer: Option<Value>,
    tool: String,
}

/// What the user is asked about.
pub(super) struct Subject<'s> {
    /// What deletes, as a sentence begins with it: `dropThing of things`.
    pub(super) name: String,
    /// The connector and the command to which an answer is bound, beside the arguments.
    pub(super) bound: [&'s str; 2],
    /// The arguments to which an answer is bound.
    pub(super) arguments: &'s Map<String, Value>,
    /// The arguments as the question shows them, without secrets.
    pub(super) shown: Value,
}

/// What is decided about a call.
pub(super) enum Decision {
    /// It is made.
    Go,
    /// The user has agreed; `once` is the key under which it is made, so that it is made once.
    Agreed {
        /// The key.
        once: String,
    },
    /// It is not made, for this reason.
    Refused(String),
    /// The user is asked.
    Ask(Question),
}

/// A question to the user.
pub(super) struct Question {
    message: String,
    state: String,
}

impl Confirmations {
    /// Reads what a request says of consent.
    pub(super) fn consent(&self, request: &CallToolRequestParams, context: &RequestContext<RoleServer>) -> Consent<'_> {
        let is_new = context
            .protocol_version()
            .is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str());
        let elicits = context.client_capabilities().and_then(|capabilities| capabilities.elicitation);
        Consent {
            confirmations: self,
            // A client that names no mode knows forms.
            can_ask: is_new && elicits.is_some_and(|elicits| elicits.form.is_some() || elicits.url.is_none()),
            state: request.request_state.clone(),
            answer: request.input_responses.as_ref().and_then(|answers| answers.get(QUESTION).cloned()),
            tool: request.name.to_string(),
        }
    }

    /// Remembers that an answer was used; false if it was before.
    fn take(&self, once: &str) -> bool {
        let mut used = self.used.lock();
        if used.len() >= MAX_USED {
            used.clear();
        }
        used.insert(once.to_owned())
    }
}

impl Consent<'_> {
    /// Decides about a call that destroys something.
    ///
    /// # Errors
    /// Internal if nothing can be sealed; what is wrong with an answer is a refusal.
    pub(super) fn decide(
        &self,
        ctx: &OpContext,
        services: &Services,
        confirm: Confirm,
        subject: &Subject<'_>,
    ) -> Result<Decision, Error> {
        match confirm {
            Confirm::Off => return Ok(Decision::Go),
            Confirm::Ask if !self.can_ask => return Ok(Decision::Go),
            Confirm::Require if !self.can_ask => {
                return Ok(Decision::Refused(format!(
                    "{} deletes, and this server wants the user to be asked first (--mcp-confirm require); this client cannot ask \
                     (it needs MCP 2026-07-28 with elicitation), so nothing was called",
                    subject.name
                )));
            }
            Confirm::Ask | Confirm::Require => {}
        }
        let bound = self.bound(ctx, subject);
        // Every process with the same master key reads what another one has sealed.
        let key = services.vault.derived_key(PURPOSE);
        let codec = RequestStateCodec::try_new(key.to_vec()).map_err(Error::internal)?;
        let Some(state) = &self.state else { return Ok(Decision::Ask(question(&codec, subject, &bound))) };
        let opened = codec.open_with(state, &bound).ok();
        let Some(once) = opened.and_then(|bytes| String::from_utf8(bytes).ok()) else {
            return Ok(Decision::Refused(
                "This answer is not one to this call: it is older than five minutes, or other arguments or another token were asked about. \
                 Nothing was called; call the tool again without it"
                    .to_owned(),
            ));
        };
        if !agrees(self.answer.as_ref()) {
            return Ok(Decision::Refused("The user declined; nothing was called".to_owned()));
        }
        if !self.confirmations.take(&once) {
            return Ok(Decision::Refused("This answer was used already; nothing was called again".to_owned()));
        }
        Ok(Decision::Agreed { once: format!("mcp-confirmed-{once}") })
    }

    /// Returns what an answer is bound to.
    fn bound(&self, ctx: &OpContext, subject: &Subject<'_>) -> Vec<u8> {
        let mut canonical = Value::Object(subject.arguments.clone());
        canonical.sort_all_objects();
        let digest = Sha256::digest(canonical.to_string().as_bytes());
        let token = ctx.token_id().unwrap_or_default();
        let digest = const_hex::encode(digest);
        let [connector, command] = subject.bound;
        let parts = [&self.tool, connector, command, &digest];
        parts.iter().fold(token.to_string(), |text, part| format!("{text}|{part}")).into_bytes()
    }
}

/// Writes the question before a call.
fn question(codec: &RequestStateCodec, subject: &Subject<'_>, bound: &[u8]) -> Question {
    let mut shown = subject.shown.clone();
    mask_named(&mut shown);
    let shown = plain(&shown.to_string(), MAX_SHOWN);
    let options = SealOptions::new().associated_data(bound).ttl(ASKED_FOR);
    Question {
        message: format!("Call {}, which deletes, with {shown}?", subject.name),
        state: codec.seal_with(new_id().to_string().as_bytes(), &options),
    }
}

/// Returns whether the user has agreed.
fn agrees(answer: Option<&Value>) -> bool {
    let Some(answer) = answer else { return false };
    answer.get("action").and_then(Value::as_str) == Some("accept")
        && answer.pointer("/content/confirm").and_then(Value::as_bool) == Some(true)
}

impl Question {
    /// Writes the question as the answer to the call.
    ///
    /// # Errors
    /// Never; the request is a literal.
    pub(super) fn response(self) -> Result<CallToolResponse, rmcp::ErrorData> {
        let asked = json!({
            "method": "elicitation/create",
            "params": {
                "mode": "form",
                "message": self.message,
                "requestedSchema": {
                    "type": "object",
                    "properties": { "confirm": { "type": "boolean", "title": "Yes, call it" } },
                    "required": ["confirm"]
                }
            }
        });
        let asked: ElicitRequest =
            serde_json::from_value(asked).map_err(|error| rmcp::ErrorData::internal_error(error.to_string(), None))?;
        let mut requests = InputRequests::new();
        requests.insert(QUESTION.to_owned(), InputRequest::Elicitation(asked));
        Ok(InputRequiredResult::new(Some(requests), Some(self.state)).into())
    }
}
