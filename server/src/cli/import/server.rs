//! The server that an import goes to. It is told over REST, not in its database: a server that runs keeps the
//! types that it has loaded, and would go on with the old ones.

use std::fs;
use std::time::Duration;

use clap::Args;
use connector_runtime::Secret;
use connector_runtime::egress::{Client, Policy};
use serde_json::{Map, Value, json};
use url::{Host, Url};

use crate::cli::CliError;
use crate::config::variable;

/// How long an answer may take: a large script is checked meanwhile.
const ANSWERING: Duration = Duration::from_secs(300);
/// The largest answer that is read: a type is shown with its script and schema.
const MAX_ANSWER: usize = 256 << 20;

/// Which server, and with which right.
#[derive(Debug, Args)]
pub(super) struct ServerArgs {
    /// The server that gets the connector.
    #[arg(long, env = "FLOH_SERVER", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    server: Url,
    /// File with the token; the variable FLOH_TOKEN where absent. It needs types:read, types:write and
    /// connectors:write.
    #[arg(long, value_name = "FILE")]
    token_file: Option<String>,
}

/// A server and the right to call it.
#[derive(Debug)]
pub(super) struct Server {
    client: Client,
    base: String,
    token: Secret,
}

/// Why a server did not do what it was asked.
#[derive(Debug)]
pub(super) struct Refusal {
    /// A stable word for programs.
    pub(super) code: String,
    /// What happened and how to mend it.
    pub(super) message: String,
    /// JSON pointer into the request.
    pub(super) pointer: Option<String>,
    /// What would change, where a version is missing.
    pub(super) change: Option<Value>,
}

impl Server {
    /// Readies the way to the server.
    pub(super) async fn find(args: &ServerArgs) -> Result<Self, CliError> {
        let token = match &args.token_file {
            Some(path) => fs::read_to_string(path)
                .map(|text| text.trim().to_owned())
                .map_err(|error| CliError::Usage(format!("cannot read the token in {path}: {error}")))?,
            None => variable("FLOH_TOKEN").ok_or_else(|| {
                CliError::Usage(
                    "no token: set FLOH_TOKEN or give --token-file; one is made with `floh token create --name import --scope types:read,types:write,connectors:write`. Only --dry-run needs no server"
                        .to_owned(),
                )
            })?,
        };
        let policy = opened(&args.server).await?;
        let base = args.server.as_str().trim_end_matches('/').to_owned();
        Ok(Self { client: Client::new(policy).with_timeout(ANSWERING), base, token: Secret::from(token) })
    }

    /// Returns a connector type, if there is one of this name.
    pub(super) async fn find_type(&self, name: &str) -> Result<Option<Value>, Refusal> {
        match self.call("GET", &format!("/api/connector-types/{name}"), None).await? {
            (404, _) => Ok(None),
            (200, found) => Ok(Some(found)),
            (status, problem) => Err(refusal(status, &problem)),
        }
    }

    /// Makes a connector of a draft.
    pub(super) async fn create(&self, draft: &Value) -> Result<Value, Refusal> {
        match self.call("POST", "/api/connectors", Some(draft)).await? {
            (201, made) => Ok(made),
            (status, problem) => Err(refusal(status, &problem)),
        }
    }

    /// Imports a document into a type that is there.
    pub(super) async fn change(
        &self,
        name: &str,
        spec: &Value,
        include: Option<&[String]>,
        bump: bool,
    ) -> Result<Value, Refusal> {
        let mut body = Map::from_iter([("spec".to_owned(), spec.clone())]);
        body.extend(include.map(|include| ("include".to_owned(), json!(include))));
        body.extend(bump.then(|| ("autoBump".to_owned(), Value::Bool(true))));
        let path = format!("/api/connector-types/{name}");
        match self.call("PUT", &path, Some(&Value::Object(body))).await? {
            (200, changed) => Ok(changed),
            (status, problem) => Err(refusal(status, &problem)),
        }
    }

    async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<(u16, Value), Refusal> {
        let url = format!("{}{path}", self.base);
        let request = self.client.request(method, url.as_str()).bearer(&self.token);
        let request = request.no_redirects().most_bytes(MAX_ANSWER);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.send().await.map_err(|error| {
            let message = format!("{error}; start the server with `floh serve`, or name another one with --server");
            Refusal::new("unreachable", message)
        })?;
        let status = answer.status();
        match answer.json() {
            Ok(value) => Ok((status, value)),
            Err(_) => {
                let message = format!("{} answered {status} and no JSON: is it a Floh server?", self.base);
                Err(Refusal::new("unreachable", message))
            }
        }
    }
}

impl Refusal {
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), pointer: None, change: None }
    }
}

/// Reads a problem (RFC 9457).
fn refusal(status: u16, problem: &Value) -> Refusal {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let detail = text(&problem["detail"]).unwrap_or_else(|| format!("the server answered {status}"));
    let errors = problem["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let message = match errors {
        [] | [_] => detail,
        several => {
            let told = several
                .iter()
                .take(5)
                .filter_map(|error| Some(format!("{}: {}", error["pointer"].as_str()?, error["message"].as_str()?)));
            told.collect::<Vec<_>>().join("; ")
        }
    };
    Refusal {
        code: text(&problem["code"]).unwrap_or_else(|| "refused".to_owned()),
        message,
        pointer: errors.first().and_then(|error| text(&error["pointer"])),
        change: problem.get("change").cloned(),
    }
}

/// Opens the one server that the user named, wherever it is: on this machine, too.
async fn opened(server: &Url) -> Result<Policy, CliError> {
    let wrong = || CliError::Usage(format!("--server {server}: write http://HOST:PORT or https://HOST"));
    let (host, port) = server.host().zip(server.port_or_known_default()).ok_or_else(wrong)?;
    let allowed: Vec<String> = match host {
        Host::Ipv4(address) => vec![format!("{address}:{port}")],
        Host::Ipv6(address) => vec![format!("[{address}]:{port}")],
        Host::Domain(name) => {
            let found = tokio::net::lookup_host((name, port))
                .await
                .map_err(|error| CliError::Failed(format!("cannot look up {name}: {error}; check --server")))?;
            found.map(|address| address.to_string()).chain([format!("{name}:{port}")]).collect()
        }
    };
    Policy::parse(&allowed, &[]).map_err(CliError::usage)
}
