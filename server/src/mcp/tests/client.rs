//! A client of MCP 2026-07-28, without a socket.

use axum::body::Body;
use axum::http::{Request, Response, header};
use serde_json::{Map, Value, json};
use tower::ServiceExt as _;

use crate::testing::TestServer;

const VERSION: &str = "2026-07-28";

/// A client with a token.
pub(in crate::mcp) struct Client<'s> {
    server: &'s TestServer,
    token: String,
    /// What it may be asked.
    capabilities: Value,
    /// The address of the door.
    path: String,
}

impl<'s> Client<'s> {
    pub(in crate::mcp) fn admin(server: &'s TestServer) -> Self {
        Self::with_token(server, server.admin.clone())
    }

    pub(in crate::mcp) fn with_token(server: &'s TestServer, token: String) -> Self {
        Self { server, token, capabilities: json!({}), path: "/mcp".to_owned() }
    }

    pub(in crate::mcp) async fn with_scopes(server: &'s TestServer, scopes: &[&str]) -> Self {
        Self::with_token(server, server.token(scopes).await)
    }

    /// A client that can put questions to its user.
    pub(in crate::mcp) fn asking(self) -> Self {
        Self { capabilities: json!({ "elicitation": { "form": {} } }), ..self }
    }

    pub(in crate::mcp) fn at(self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    /// Builds the request of a method.
    pub(in crate::mcp) fn request(&self, method: &str, params: Value) -> Request<Body> {
        let Value::Object(mut params) = params else { panic!("params are an object") };
        let name =
            ["name", "uri"].into_iter().find_map(|key| params.get(key).and_then(Value::as_str).map(str::to_owned));
        let mut meta = params.remove("_meta").and_then(|meta| meta.as_object().cloned()).unwrap_or_default();
        meta.insert("io.modelcontextprotocol/protocolVersion".to_owned(), json!(VERSION));
        meta.insert("io.modelcontextprotocol/clientInfo".to_owned(), json!({ "name": "test", "version": "1" }));
        meta.insert("io.modelcontextprotocol/clientCapabilities".to_owned(), self.capabilities.clone());
        params.insert("_meta".to_owned(), Value::Object(meta));
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let mut request = Request::post(&self.path)
            .header(header::HOST, "127.0.0.1:8080")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json, text/event-stream")
            .header("mcp-protocol-version", VERSION)
            .header("mcp-method", method);
        if let Some(name) = name.filter(|_| ["tools/call", "resources/read", "prompts/get"].contains(&method)) {
            request = request.header("mcp-name", name);
        }
        request.body(Body::from(body.to_string())).unwrap()
    }

    pub(in crate::mcp) async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.server.router.clone().oneshot(request).await.unwrap()
    }

    /// Calls a method; returns the message that answers it.
    pub(in crate::mcp) async fn message(&self, method: &str, params: Value) -> Value {
        let response = self.send(self.request(method, params)).await;
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&bytes)))
    }

    /// Calls a method; returns its result.
    pub(in crate::mcp) async fn result(&self, method: &str, params: Value) -> Value {
        let message = self.message(method, params).await;
        message.get("result").cloned().unwrap_or_else(|| panic!("{message}"))
    }

    /// Calls a tool; returns the whole result.
    pub(in crate::mcp) async fn call(&self, tool: &str, arguments: Value) -> Value {
        self.result("tools/call", json!({ "name": tool, "arguments": arguments })).await
    }

    /// Calls a tool that succeeds; returns its structured answer.
    pub(in crate::mcp) async fn tool(&self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments).await;
        assert_eq!(result["isError"], false, "{result}");
        assert_eq!(text(&result, 0), result["structuredContent"].to_string(), "the text is the same JSON");
        result["structuredContent"].clone()
    }

    /// Calls a tool that fails; returns the sentence.
    pub(in crate::mcp) async fn refused(&self, tool: &str, arguments: Value) -> String {
        let result = self.call(tool, arguments).await;
        assert_eq!(result["isError"], true, "{result}");
        assert_eq!(result["structuredContent"]["success"], false, "a failure has the form of a result: {result}");
        text(&result, 0)
    }

    /// Returns the names of all tools that are listed.
    pub(in crate::mcp) async fn names(&self) -> Vec<String> {
        self.tools().await.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Returns all tools that are listed, of all pages.
    pub(in crate::mcp) async fn tools(&self) -> Vec<Value> {
        let mut tools = Vec::new();
        let mut params = Map::new();
        loop {
            let page = self.result("tools/list", Value::Object(params.clone())).await;
            tools.extend(page["tools"].as_array().unwrap().clone());
            let Some(cursor) = page.get("nextCursor") else { return tools };
            params.insert("cursor".to_owned(), cursor.clone());
        }
    }
}

/// Returns a text of a result.
pub(in crate::mcp) fn text(result: &Value, number: usize) -> String {
    result["content"][number]["text"].as_str().unwrap_or_else(|| panic!("{result}")).to_owned()
}
