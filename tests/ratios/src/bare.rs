//! What calls are compared with: a hand-written handler that reads the same body and answers the same JSON, without checks of the
//! caller, limits or a record.

use std::process::ExitCode;

use axum::extract::Path;
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    command: String,
    params: Params,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Params {
    delay_ms: f64,
}

#[derive(Serialize)]
struct Answer {
    success: bool,
    payload: Delayed,
}

#[derive(Serialize)]
struct Delayed {
    delayed: f64,
}

/// Serves until the process is ended.
pub(crate) fn serve() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("listening on http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().route("/api/connectors/{id}/execute", post(answer));
        axum::serve(listener, router).await.expect("serves");
    });
    ExitCode::SUCCESS
}

async fn answer(Path(_): Path<String>, Json(body): Json<Body>) -> Json<Answer> {
    let Params { delay_ms: delayed } = body.params;
    Json(Answer { success: !body.command.is_empty(), payload: Delayed { delayed } })
}
