//! Widget platform: the guide's example connector, with everything that an annotation can say.

use connector_runtime::prelude::*;

/// Widget platform connector.
#[connector(name = "widget", version = "1.1.0", category = "demo", tags("example"), errors = explain)]
#[derive(Debug)]
pub struct Widget {
    /// API base URL.
    #[config(example = "https://api.widget.dev")]
    base_url: Url,
    /// API key.
    api_key: Secret,
    /// Tenant to act in; the key's own tenant when left out.
    tenant: Option<String>,
    /// Seconds to wait for the API.
    #[config(default = 30, min = 1, max = 300)]
    timeout_secs: u32,
}

/// State of a widget.
#[derive(Debug, Clone, Copy, Select)]
pub enum WidgetState {
    /// In use.
    Active,
    /// Taken out of service.
    OnHold,
}

/// One page of widgets.
#[payload]
#[derive(Debug)]
pub struct WidgetPage {
    /// The widgets on this page.
    widgets: Vec<Value>,
    /// Widgets in all.
    total: u64,
}

#[connector]
impl Widget {
    /// Check that the API answers.
    #[command(effect = read)]
    async fn test(&self, cx: &Context) -> Outcome {
        self.get(cx, &["health"])?.send().await?.error_for_status()?;
        succeed(())
    }

    /// List widgets for the tenant.
    #[command(
        effect = read,
        since = "1.0.0",
        mock(default = one_widget, empty = no_widgets),
        variables(widget_count = u64)
    )]
    async fn list_widgets(
        &self,
        cx: &Context,
        /// Most widgets to return.
        #[param(default = 50, min = 1, max = 500)]
        limit: u32,
        /// Only widgets in this state.
        state: Option<WidgetState>,
    ) -> Outcome<WidgetPage> {
        let mut request = self.get(cx, &["widgets"])?.query(&[("limit", limit)]);
        if let Some(state) = &state {
            request = request.query(&[("state", state)]);
        }
        let response = request.send().await?;
        if !response.is_success() {
            return fail(format!("Widget API returned {}", response.status())).diagnostics(response);
        }
        let page: WidgetPage = response.json()?;
        let count = page.widgets.len();
        cx.log().info(format!("{count} of {} widgets", page.total));
        succeed(page).variable("widgetCount", count)
    }
}

impl Widget {
    /// Begins a request below the base URL, with what every request of this API carries.
    fn get(&self, cx: &Context, path: &[&str]) -> Result<Request, Failure> {
        let timeout = std::time::Duration::from_secs(self.timeout_secs.into());
        let request = cx.http().get(self.base_url.at(path)?).bearer(&self.api_key).timeout(timeout);
        Ok(match &self.tenant {
            Some(tenant) => request.header("x-tenant", tenant.as_str()),
            None => request,
        })
    }
}

fn one_widget() -> Outcome<WidgetPage> {
    succeed(WidgetPage { widgets: vec![json!({ "id": 1 })], total: 1 }).variable("widgetCount", 1)
}

fn no_widgets(params: &ListWidgetsParams) -> Outcome<WidgetPage> {
    // Asked for one state, it is the other one that there is a widget of.
    let total = u64::from(params.state.is_some());
    succeed(WidgetPage { widgets: Vec::new(), total }).variable("widgetCount", 0)
}

fn explain(error: &Thrown<'_>) -> Option<Fail> {
    let http = error.find::<HttpError>()?;
    Some(Fail::new(format!("Widget API error ({})", http.status())).diagnostic("statusCode", http.status()))
}

#[cfg(test)]
mod tests {
    use connector_runtime::testing::{self, Answer, Upstream};

    use super::*;

    #[tokio::test]
    async fn a_mock_needs_no_connection() {
        let result = testing::call::<Widget>("listWidgets").mock("default").run().await;
        assert!(result.success, "{result:?}");
        assert_eq!(result.payload, Some(json!({ "widgets": [{ "id": 1 }], "total": 1 })));
    }

    #[tokio::test]
    async fn a_page_is_asked_for_and_counted() {
        let upstream = Upstream::start().await;
        upstream.on("GET /widgets", Answer::json(json!({ "widgets": [{ "id": 7 }], "total": 30 })));
        let call = testing::call::<Widget>("listWidgets").upstream("baseUrl", &upstream).config("apiKey", "s3cret-key");
        let result = call.param("limit", 1).param("state", "on_hold").run().await;
        assert_eq!(result.variables, json!({ "widgetCount": 1 }).as_object().cloned(), "{result:?}");
        let seen = upstream.only();
        assert_eq!(seen.line(), "GET /widgets?limit=1&state=on_hold");
        assert_eq!(seen.header("authorization"), Some("Bearer s3cret-key"));
    }

    #[tokio::test]
    async fn what_is_missing_is_named_connection_first() {
        let result = testing::call::<Widget>("listWidgets").run().await;
        assert_eq!(result.error.as_deref(), Some("Missing required field(s): baseUrl, apiKey"));
    }
}
