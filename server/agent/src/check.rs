//! `floh agent check`: checks whether the server answers, accepts the token, and each destination can be called.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use connector_runtime::egress::Client;
use connector_runtime::registry::Registry;
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use super::config::Kind;
use super::connect::{self, ConnectError};
use super::journal;
use super::run::{Settings, registration};
use super::served::Served;
use connector_runtime::external;

/// How long a destination may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckResult {
    /// It works.
    Ok,
    /// It works, but needs attention.
    Warning,
    /// It does not work.
    Failed,
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was checked: `server`, `token`, or a connector's name with the checked part.
    pub check: String,
    /// What it was checked against.
    pub target: String,
    /// The result.
    pub verdict: CheckResult,
    /// What was observed, and how to fix it.
    pub detail: String,
}

impl Finding {
    pub(super) fn new(
        check: impl Into<String>,
        target: &(impl ToString + ?Sized),
        verdict: CheckResult,
        detail: impl Into<String>,
    ) -> Self {
        Self { check: check.into(), target: target.to_string(), verdict, detail: detail.into() }
    }
}

/// Checks everything that an agent needs. It registers for a moment and serves nothing; this is skipped if an agent is
/// running with the same folder, because the registration would replace that agent's.
pub async fn check(settings: &Settings, registry: Arc<Registry>) -> Vec<Finding> {
    let served = Served::new(&settings.config, registry);
    // The server compares these schemas with its types.
    served.ask_services().await;
    let mut findings = server(settings, &served).await;
    for warning in settings.config.policy.warnings() {
        findings.push(Finding::new("allow", "agent.toml", CheckResult::Warning, warning));
    }
    let client = Client::new(settings.config.policy.clone());
    for (name, connector) in &settings.config.connectors {
        match &connector.kind {
            Kind::Floh(endpoint) => {
                if destination(&client, name, &endpoint.url, &mut findings).await {
                    let health = external::health(&client, &endpoint.url).await;
                    let (verdict, detail) = match health {
                        Ok(_) => (CheckResult::Ok, "it is well".to_owned()),
                        // The route is optional.
                        Err(error) if error.is_no_route() => (CheckResult::Ok, "it has no /health".to_owned()),
                        Err(error) => (CheckResult::Failed, error.to_string()),
                    };
                    findings.push(Finding::new(format!("{name}: health"), &endpoint.url, verdict, detail));
                }
            }
            Kind::Plain(endpoint) => {
                destination(&client, name, &endpoint.url, &mut findings).await;
            }
            Kind::BuiltIn(type_name) => {
                findings.push(Finding::new(
                    format!("{name}: type"),
                    type_name,
                    CheckResult::Ok,
                    "it is served in this process",
                ));
                let config = connector.config.iter().flat_map(|config| config.0.values());
                let urls = config.filter_map(|value| Url::parse(value.as_str()?).ok());
                for url in urls.filter(|url| matches!(url.scheme(), "http" | "https")) {
                    destination(&client, name, &url, &mut findings).await;
                }
            }
        }
    }
    findings
}

async fn server(settings: &Settings, served: &Served) -> Vec<Finding> {
    let Settings { route, token, config, data_dir, .. } = settings;
    let server = &route.server;
    if journal::is_in_use(data_dir).await {
        let detail = "an agent is running here, so the registration was not tried; its log says how it stands";
        return vec![Finding::new("server", server, CheckResult::Warning, detail)];
    }
    match connect::register(route, token, registration(config, served), served).await {
        Ok(registered) => {
            let refused = registered.refused.clone();
            connect::leave(registered).await;
            let mut findings = vec![
                Finding::new("server", server, CheckResult::Ok, "it answers"),
                Finding::new("token", &config.id, CheckResult::Ok, "the agent was registered"),
            ];
            findings.extend(refused.into_iter().map(|(name, why)| {
                Finding::new("connector", &name, CheckResult::Failed, format!("the server does not take it: {why}"))
            }));
            findings
        }
        Err(error) => match &error {
            ConnectError::Token(_) | ConnectError::Forbidden(_) | ConnectError::Refused { .. } => vec![
                Finding::new("server", server, CheckResult::Ok, "it answers"),
                Finding::new("token", &config.id, CheckResult::Failed, error.to_string()),
            ],
            _ => vec![Finding::new("server", server, CheckResult::Failed, error.to_string())],
        },
    }
}

/// Checks one destination against the list and by opening a connection; returns whether both succeeded.
async fn destination(client: &Client, name: &str, url: &Url, findings: &mut Vec<Finding>) -> bool {
    let shown = format!("{}{}", url.origin().ascii_serialization(), url.path());
    let verdict = client.policy().check(url.as_str(), false).await;
    let rule = verdict.rule.map(|rule| format!("{} [{rule}]", rule.what())).unwrap_or_default();
    if !verdict.allowed {
        let authority = format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(0));
        let detail = format!(
            "it is {rule}; add \"{authority}\" to allow in agent.toml, or its address where it is this machine"
        );
        findings.push(Finding::new(format!("{name}: allowed"), &shown, CheckResult::Failed, detail));
        return false;
    }
    findings.push(Finding::new(
        format!("{name}: allowed"),
        &shown,
        CheckResult::Ok,
        "it is on the allow list of agent.toml",
    ));
    let port = url.port_or_known_default().unwrap_or(0);
    let mut why = "the name has no address".to_owned();
    for address in verdict.addresses {
        let address = SocketAddr::new(address, port);
        match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(_)) => {
                let detail = format!("{address} takes connections");
                findings.push(Finding::new(format!("{name}: reachable"), &shown, CheckResult::Ok, detail));
                return true;
            }
            Ok(Err(error)) => why = format!("{address}: {error}"),
            Err(_) => why = format!("{address} did not answer within {} s", CONNECT_TIMEOUT.as_secs()),
        }
    }
    findings.push(Finding::new(format!("{name}: reachable"), &shown, CheckResult::Failed, why));
    false
}
