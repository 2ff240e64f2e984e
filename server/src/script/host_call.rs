//! What a script asks of the server, and the server's reply.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use super::frame::{Kind, Malformed, Reader};
use super::grants::Grants;
use super::message::Reply;
use super::sandbox::{HostCalls, HttpCall, OperationCall};
use super::tokens::TokenCall;
use super::usage::Usage;

/// What a script asks of the host.
pub(super) enum Asked {
    Http(HttpCall),
    Token(TokenCall),
    Operation(OperationCall),
    Sleep(Duration),
}

pub(super) fn asked(kind: Kind, body: &[u8]) -> Result<Asked, Malformed> {
    let mut reader = Reader(body);
    Ok(match kind {
        Kind::Token => Asked::Token(reader.json()?),
        Kind::Operation => Asked::Operation(reader.json()?),
        Kind::Sleep => Asked::Sleep(Duration::from_micros(reader.json()?)),
        _ => Asked::Http(reader.json()?),
    })
}

/// Waits for the result of a host call, until the run's deadline.
pub(super) async fn answered(
    host: &dyn HostCalls,
    asked: Asked,
    deadline: Instant,
    usage: &mut Usage<'_>,
    grants: &mut Grants,
) -> Reply {
    let calling = async {
        match asked {
            Asked::Sleep(time) => {
                tokio::time::sleep(time).await;
                Ok(Reply::Slept)
            }
            Asked::Token(call) => host.token(call).await.map(Reply::Token),
            Asked::Operation(call) => {
                let result = host.operation(call).await?;
                usage.body(result.len()).map(|()| Reply::Result { memory: grants.grant(&result, 0), json: result })
            }
            Asked::Http(call) => {
                let answer = host.http(call).await?;
                usage.body(answer.size()).map(|()| {
                    let raw = answer.bytes.as_ref().map_or(0, Bytes::len);
                    Reply::Answer { memory: grants.grant(&answer.text, raw), answer }
                })
            }
        }
    };
    match timeout_at(deadline, calling).await {
        Err(_) => Reply::Late,
        Ok(reply) => reply.unwrap_or_else(Reply::Fault),
    }
}
