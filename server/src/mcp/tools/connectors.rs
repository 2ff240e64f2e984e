//! Creating connectors, and changing their scripts.

use connector_runtime::schema::pointer;
use floh_client::answers::ConnectorView;
use floh_client::bodies::NewConnector;
use serde_json::{Map, Value, json};

use super::{Arguments, Outcome, ToolCall, as_body};
use crate::catalog;
use crate::drafts;
use crate::error::{Error, Mistake};
use crate::input;
use crate::mcp::tool_name::tool_name;
use crate::mcp_settings::Secrets;

/// The maximum number of tool names that the answer to a new connector has.
const MAX_TOOLS: usize = 50;

/// Creates a connector: from a draft, from a body, or from a draft with what replaces a part of it.
pub(super) async fn create(mut call: ToolCall<'_>) -> Result<Outcome, Error> {
    let mut arguments = std::mem::take(&mut call.arguments);
    let draft = match arguments.shift_remove("draft") {
        None | Some(Value::Null) => None,
        Some(Value::String(draft)) => Some(draft),
        Some(_) => return Err(Error::invalid_at("/draft", "expected the text that parse_openapi_spec has answered")),
    };
    let view = match draft {
        Some(draft) => {
            let kept = drafts::read_kept(call.ctx, call.app.services(), &draft, arguments).await?;
            refuse_secrets(&call, &kept.new).await?;
            drafts::create_from_kept(call.ctx, call.app.services(), kept).await?
        }
        None => {
            let new = input::new_connector(&as_body(&arguments))?;
            refuse_secrets(&call, &new).await?;
            catalog::create(call.ctx, call.app.services(), new).await?
        }
    };
    answer(&call, view).await
}

/// Refuses secrets in a body: they would have passed through a model.
async fn refuse_secrets(call: &ToolCall<'_>, new: &NewConnector) -> Result<(), Error> {
    if call.settings.secrets == Secrets::Accept {
        return Ok(());
    }
    let mut mistakes = Vec::new();
    let mut refuse = |at: String| {
        let message = format!(
            "secrets are not taken from a model; leave it out, create the connector, and let the user enter it at {}",
            set_at(call, &new.name)
        );
        mistakes.push(Mistake::new(at, message));
    };
    if new.signing_secret.is_some() {
        refuse("/signingSecret".to_owned());
    }
    for name in catalog::secrets_in(call.ctx, call.app.services(), new).await? {
        refuse(format!("/config/{}", pointer::escape(&name)));
    }
    if mistakes.is_empty() { Ok(()) } else { Err(Error::invalid(mistakes)) }
}

/// Shows a new connector: what is missing, and where it is entered.
async fn answer(call: &ToolCall<'_>, view: ConnectorView) -> Result<Outcome, Error> {
    let names = call.commands.names_of(call.ctx, call.app.services(), &view.name).await?;
    let tools: Vec<String> =
        names.iter().take(MAX_TOOLS).map(|command| tool_name(&view.name, command, call.settings.name_length)).collect();
    let mut shown = serde_json::to_value(&view).map_err(Error::internal)?;
    shown["tools"] = json!(tools);
    shown["setAt"] = Value::from(set_at(call, &view.name));
    Ok(shown.into())
}

/// Returns the page where a user enters what a connector needs.
fn set_at(call: &ToolCall<'_>, connector: &str) -> String {
    let origin = match (call.app.public_url(), call.app.address()) {
        (Some(url), _) => url.origin().to_owned(),
        (None, Some(address)) if address.ip().is_unspecified() => format!("http://localhost:{}", address.port()),
        (None, Some(address)) => format!("http://{address}"),
        (None, None) => String::new(),
    };
    format!("{origin}/connectors/{connector}/connection")
}

/// Changes the script of a connector's type.
pub(super) async fn update_script(mut call: ToolCall<'_>) -> Result<Outcome, Error> {
    let mut arguments = std::mem::take(&mut call.arguments);
    let mut own =
        Arguments::new(Map::from_iter(arguments.shift_remove("connector").map(|name| ("connector".to_owned(), name))));
    let connector = own.required("connector");
    own.finish("connector")?;
    let known = ["scriptSource", "configSchema", "version", "autoBump"];
    let mut mistakes: Vec<Mistake> = arguments
        .keys()
        .filter(|name| !known.contains(&name.as_str()))
        .take(crate::error::MAX_MISTAKES)
        .map(|name| {
            Mistake::new(
                format!("/{}", pointer::escape(name)),
                "unknown argument; known are connector, scriptSource, configSchema, version, autoBump",
            )
        })
        .collect();
    if !arguments.get("scriptSource").is_some_and(Value::is_string) {
        mistakes.push(Mistake::new("/scriptSource", "required: the whole new script"));
    }
    if !mistakes.is_empty() {
        return Err(Error::invalid(mistakes));
    }
    // A version that is given is meant.
    let bumps = !arguments.contains_key("version");
    arguments.entry("autoBump").or_insert(Value::Bool(bumps));
    let services = call.app.services();
    let type_name = catalog::script_type_of(call.ctx, services, &connector).await?;
    let change = input::type_change(&as_body(&arguments))?;
    let changed = catalog::update_type(call.ctx, services, &type_name, change, None).await?;
    Ok(json!({
        "type": changed.view.name,
        "version": changed.view.version,
        "change": changed.change,
    })
    .into())
}
