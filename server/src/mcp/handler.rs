//! What the protocol asks for, as `rmcp` hands it over. Each request brings the context of its caller.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::http::request::Parts;
use futures_util::FutureExt as _;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CompleteRequestParams, CompleteResult, GetPromptRequestParams,
    GetPromptResponse, Implementation, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
    ListToolsResult, PaginatedRequestParams, ProgressNotificationParam, ReadResourceRequestParams,
    ReadResourceResponse, ServerCapabilities, ServerConfig, SubscriptionFilter, Tool,
};
use rmcp::service::{RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use tokio_util::sync::CancellationToken;

use super::base_tools::BaseTool;
use super::command_tools::CommandTools;
use super::confirmation::Confirmations;
use super::cursor::ListKey;
use super::limits::Limits;
use super::tools::{Outcome, ToolCall, call_base, call_command};
use super::{answer, completion, listen, prompts, resources};
use crate::app::App;
use crate::auth::OpContext;
use crate::error::{Error, ErrorKind};
use crate::mcp_settings::{Settings, Tools};
use crate::plain_text::plain;

/// How many tools a page of the list has.
const PAGE: usize = 200;
/// How long a client may keep a list, in milliseconds.
pub(super) const TTL_MS: u64 = 60_000;
/// How often a client that asked for it hears that its call is running.
const PROGRESS: Duration = Duration::from_secs(5);
/// The key of an idempotency key in the metadata of a call.
const KEY: &str = "floh/idempotencyKey";
/// The maximum number of connectors to which a client may narrow its list.
const MAX_NARROWED: usize = 100;
/// The maximum number of characters of a client's name in the log.
const MAX_CLIENT: usize = 80;

const INSTRUCTIONS: &str = "Floh calls systems through connectors. Find a command with search_connector_commands, then call its own tool or \
     execute_connector_command. To connect a new API: parse_openapi_spec (or generate_connector_script), create_connector with the draft, let the \
     user enter secrets at setAt, test_connector. A failed call says what to change; diagnostics.outcome \"unknown\" means it may have happened: \
     look before you repeat, or repeat with the same idempotencyKey. Several calls whose data need not pass through you: start_run.";

/// Answers the requests of all clients. Clones share everything.
#[derive(Clone)]
pub(super) struct Handler(Arc<Inner>);

struct Inner {
    app: App,
    settings: Settings,
    commands: CommandTools,
    limits: Limits,
    confirmations: Confirmations,
}

impl Handler {
    /// Creates the handler of a server.
    pub(super) fn new(app: App, settings: Settings) -> Self {
        let confirmations = Confirmations::default();
        let limits = Limits::new(&settings);
        Self(Arc::new(Inner { app, settings, commands: CommandTools::default(), limits, confirmations }))
    }

    async fn list(&self, ctx: &OpContext, view: &View, cursor: Option<&str>) -> Result<ListToolsResult, ErrorData> {
        let Inner { app, settings, commands, .. } = &*self.0;
        let narrowed = view.narrow.join(",");
        let mode = view.tools.unwrap_or(settings.tools);
        let key = ListKey::new(ctx.token_id(), &["tools", &narrowed, &format!("{mode:?}")]);
        let after = key.place(cursor)?;
        let mut tools: Vec<Tool> = Vec::new();
        if after.is_none() {
            tools
                .extend(BaseTool::ALL.into_iter().filter(|tool| tool.missing_scope(ctx).is_none()).map(BaseTool::tool));
        }
        let mut result = ListToolsResult::with_all_items(Vec::new());
        let names = match commands.names(ctx, app.services(), settings).await {
            Ok(names) => Some(names),
            // A token that may call nothing has no command tools.
            Err(error) if matches!(error.kind(), ErrorKind::Denied(_)) => None,
            Err(error) => return Err(failed(&error)),
        };
        if let Some(names) = &names {
            let callable = names.callable(ctx, &view.narrow);
            let is_shown = match mode {
                Tools::All => true,
                Tools::Search => false,
                // Of the connectors that the address names, if it names some.
                Tools::Auto => callable.clone().nth(settings.max_tools).is_none(),
            };
            let mut rest = callable.filter(|tool| is_shown && after.as_deref().is_none_or(|after| tool.name > after));
            let mut last = None;
            for tool in rest.by_ref().take(PAGE - tools.len()) {
                tools.extend(commands.tool(ctx, app.services(), tool).await.map_err(|error| failed(&error))?);
                last = Some(tool.name);
            }
            if let Some(last) = last.filter(|_| rest.next().is_some()) {
                result.next_cursor = Some(key.cursor(last));
            }
        }
        result.tools = tools;
        Ok(result.with_ttl_ms(TTL_MS).with_cache_scope(CacheScope::Private))
    }

    async fn call(
        &self,
        ctx: &OpContext,
        request: CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<Outcome, ErrorData> {
        let Inner { app, settings, commands, limits, confirmations } = &*self.0;
        let base = BaseTool::named(&request.name);
        let command = match base {
            Some(_) => None,
            None => match commands.find(ctx, app.services(), settings, &request.name).await {
                Ok(Some(command)) => Some(command),
                Ok(None) => return Err(unknown_tool(&request.name)),
                Err(error) => return Ok(error.into()),
            },
        };
        if let Some(command) = command.as_ref().filter(|command| !ctx.allows(command.scope)) {
            return Ok(Outcome::Answer(answer::lacks(command.scope)));
        }
        let _running = match limits.begin(ctx.token_id().unwrap_or_default()) {
            Ok(running) => running,
            Err(many) => return Ok(Outcome::Answer(answer::later(&many.error, many.retry_after))),
        };
        let consent = confirmations.consent(&request, context);
        let key = idempotency_key(context);
        let arguments = request.arguments.unwrap_or_default();
        let call = ToolCall { ctx, app, settings, commands, arguments, key, consent };
        Ok(match (base, command) {
            (Some(tool), _) => call_base(tool, call).await,
            (None, Some(command)) => call_command(command, call).await,
            (None, None) => return Err(unknown_tool(&request.name)),
        })
    }
}

/// What a client asks for in the address of the door: `?connectors=a,b&tools=all`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct View {
    narrow: Vec<String>,
    tools: Option<Tools>,
}

impl View {
    fn of(parts: &Parts) -> Result<Self, ErrorData> {
        let mut view = Self::default();
        let wrong = |message: String| ErrorData::invalid_params(message, None);
        for (name, value) in url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            match &*name {
                "connectors" => {
                    view.narrow = value.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
                    if view.narrow.len() > MAX_NARROWED {
                        return Err(wrong(format!("?connectors names more than {MAX_NARROWED} connectors")));
                    }
                }
                "tools" => {
                    view.tools = Some(match &*value {
                        "auto" => Tools::Auto,
                        "all" => Tools::All,
                        "search" => Tools::Search,
                        _ => return Err(wrong("?tools is none of auto, all, search".to_owned())),
                    });
                }
                other => {
                    let other = plain(other, MAX_CLIENT);
                    return Err(wrong(format!("?{other} is not known; known are connectors and tools")));
                }
            }
        }
        Ok(view)
    }
}

fn parts(context: &RequestContext<RoleServer>) -> Result<&Parts, ErrorData> {
    context.extensions.get::<Parts>().ok_or_else(|| ErrorData::internal_error("a request came without its head", None))
}

/// Returns the context of a request's caller.
fn caller(context: &RequestContext<RoleServer>) -> Result<OpContext, ErrorData> {
    let ctx = parts(context)?.extensions.get::<OpContext>().cloned();
    ctx.ok_or_else(|| ErrorData::internal_error("a request came without its caller", None))
}

/// Returns the key of a call beside its arguments.
fn idempotency_key(context: &RequestContext<RoleServer>) -> Option<String> {
    let meta = context.meta.get(KEY).and_then(|key| key.as_str()).map(str::to_owned);
    meta.or_else(|| {
        let header = parts(context).ok()?.headers.get("idempotency-key")?;
        // What is no text is refused where keys are read.
        Some(header.to_str().unwrap_or_default().to_owned())
    })
}

/// The answer of a call that panicked, as over REST; the log says where.
fn panicked() -> ErrorData {
    failed(&Error::internal("a tool panicked"))
}

fn unknown_tool(name: &str) -> ErrorData {
    let name = plain(name, 100);
    let message = format!(
        "Unknown tool: {name}. tools/list says which there are, search_connector_commands finds commands that are not listed"
    );
    ErrorData::invalid_params(message, None)
}

/// Turns an error of a use case into one of the protocol, where there is no tool to answer for it.
pub(super) fn failed(error: &Error) -> ErrorData {
    match error.kind() {
        ErrorKind::Internal | ErrorKind::Unavailable(_) => ErrorData::internal_error(error.detail().to_owned(), None),
        ErrorKind::NotFound => ErrorData::resource_not_found(error.detail().to_owned(), None),
        _ => ErrorData::invalid_params(error.detail().to_owned(), None),
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_resources()
            .enable_prompts()
            .enable_completions()
            .build();
        let mut info = ServerConfig::new(capabilities);
        info.server_info = Implementation::new("floh", env!("CARGO_PKG_VERSION"));
        info.instructions = Some(INSTRUCTIONS.to_owned());
        info
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let (ctx, view) = (caller(&context)?, View::of(parts(&context)?)?);
        self.list(&ctx, &view, request.and_then(|request| request.cursor).as_deref()).await
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let cancel = CancellationToken::new();
        // Also when this is dropped: then nobody waits any more.
        let _gone = cancel.clone().drop_guard();
        let client =
            context.client_info().map(|client| plain(&format!("{} {}", client.name, client.version), MAX_CLIENT));
        let ctx = caller(&context)?.with_cancel(cancel.clone()).with_client(client);
        let progress = context.meta.get_progress_token();
        let call = AssertUnwindSafe(self.call(&ctx, request, &context)).catch_unwind();
        tokio::pin!(call);
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + PROGRESS, PROGRESS);
        let mut told = 0.0;
        let outcome = loop {
            tokio::select! {
                biased;
                // A request whose task panics would never be answered.
                outcome = &mut call => break outcome.unwrap_or_else(|_| Err(panicked()))?,
                () = context.ct.cancelled(), if !cancel.is_cancelled() => cancel.cancel(),
                _ = ticks.tick(), if progress.is_some() => {
                    let Some(token) = progress.clone() else { continue };
                    told += 1.0;
                    let seconds = told * PROGRESS.as_secs_f64();
                    let notice = ProgressNotificationParam::new(token, told).with_message(format!("running for {seconds} s"));
                    // A client that has gone is noticed elsewhere.
                    drop(context.peer.notify_progress(notice).await);
                }
            }
        };
        match outcome {
            Outcome::Answer(result) => Ok(result.into()),
            Outcome::Ask(question) => question.response(),
        }
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        resources::list(&caller(&context)?, &self.0.app, request.and_then(|request| request.cursor).as_deref()).await
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(resources::templates(&caller(&context)?))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        Ok(resources::read(&caller(&context)?, &self.0.app, &request.uri).await?.into())
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(prompts::list(&caller(&context)?))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        Ok(prompts::get(&caller(&context)?, &self.0.app, &request).await?.into())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        completion::complete(&caller(&context)?, &self.0.app, &request).await
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, subscription: SubscriptionContext) -> Result<(), ErrorData> {
        let ctx = caller(subscription.request_context())?;
        listen::listen(&self.0.app, &ctx, &self.0.limits, subscription).await
    }
}
