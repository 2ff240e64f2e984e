//! Adds the answers that every route of a kind may give: the statuses of the guard, of bodies, of keys in paths and of
//! preconditions. Every error is a problem, and a status has its headers.

use floh_client::answers::Problem;
use utoipa::ToSchema;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::schema::{Object, Type};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response};

use super::Access;

/// The content type of errors (RFC 9457).
pub(super) const PROBLEM: &str = "application/problem+json";

/// The meaning of a status if the handler has no better text, and the headers that come with it.
const STATUSES: &[(u16, &str, &[&str])] = &[
    (200, "The answer.", &[]),
    (201, "It is made.", &[]),
    (204, "Done; there is nothing to answer.", &[]),
    (400, "The body ended before its announced length.", &[]),
    (401, "No token, or one that is not valid.", &["WWW-Authenticate"]),
    (403, "The token does not have the scope that this needs, or a session comes from another site.", &[]),
    (404, "What the path names is not there.", &[]),
    (408, "The body did not arrive in time.", &[]),
    (409, "It contradicts what is there already.", &[]),
    (412, "It has changed since it was read: `If-Match` names another revision.", &[]),
    (413, "The body is too large.", &[]),
    (415, "The body is not said to be JSON.", &[]),
    (421, "A session, and a `Host` that is no address of this server.", &[]),
    (422, "Values that cannot be used; `errors` names each with its place.", &[]),
    (426, "This is a WebSocket: ask for the upgrade.", &["Upgrade", "Sec-WebSocket-Version"]),
    (500, "The server failed; its log says why.", &[]),
    (503, "The server cannot do it now: it is stopping, it is full, or the database is away.", &["Retry-After"]),
];

/// The type and meaning of a header. A handler that sends one names it in `headers(...)` of the response.
const HEADERS: &[(&str, Type, &str)] = &[
    ("Deprecation", Type::String, "`true` where the command is deprecated."),
    ("ETag", Type::String, "The revision, for `If-Match`."),
    ("Idempotency-Replayed", Type::String, "`true` where the answer is that of an earlier call under the same key."),
    ("Location", Type::String, "The path of what was made."),
    ("Retry-After", Type::Integer, "When to try again, in seconds."),
    ("Sec-WebSocket-Version", Type::Integer, "The version that is spoken: 13."),
    ("Server-Timing", Type::String, "How long the command and the whole call took, in milliseconds."),
    ("Upgrade", Type::String, "Always `websocket`."),
    ("WWW-Authenticate", Type::String, "Always `Bearer realm=\"floh\"`."),
    ("X-Execution-Id", Type::String, "Id of the recorded execution, for `GET /api/executions/{id}`."),
];

/// Completes the responses of an operation.
pub(super) fn describe_responses(access: Access, path: &str, operation: &mut Operation) {
    let of_its_kind = statuses(access, path, operation);
    let responses = &mut operation.responses.responses;
    for status in of_its_kind {
        responses.entry(status.to_string()).or_insert_with(|| RefOr::T(Response::new("")));
    }
    for (status, response) in responses {
        let (Ok(status), RefOr::T(response)) = (status.parse::<u16>(), response) else { continue };
        complete(status, response);
    }
}

/// Returns the statuses that follow from the kind of the route.
fn statuses(access: Access, path: &str, operation: &Operation) -> Vec<u16> {
    let has = |place: ParameterIn, name: Option<&str>| {
        operation.parameters.iter().flatten().any(|parameter| match parameter {
            RefOr::T(Parameter { parameter_in, name: own, .. }) => {
                *parameter_in == place && name.is_none_or(|name| own.eq_ignore_ascii_case(name))
            }
            RefOr::Ref(_) => false,
        })
    };
    let rules: [(bool, &[u16]); 8] = [
        (true, &[500]),
        (access != Access::Public, &[401, 503]),
        (!matches!(access, Access::Public | Access::Authenticated), &[403]),
        (!matches!(access, Access::Public | Access::NeedsInBand(_)), &[421]),
        (path.contains('{'), &[404]),
        (has(ParameterIn::Header, Some("if-match")), &[412]),
        (has(ParameterIn::Query, None) || has(ParameterIn::Header, Some("idempotency-key")), &[422]),
        (operation.request_body.is_some(), &[400, 408, 413, 415, 422]),
    ];
    rules.iter().filter(|(holds, _)| *holds).flat_map(|(_, statuses)| statuses.iter().copied()).collect()
}

/// Adds the meaning and headers of a response and, if it is an error, its body.
fn complete(status: u16, response: &mut Response) {
    if status >= 400 {
        let problem = RefOr::Ref(Ref::from_schema_name(Problem::name()));
        let problem = ContentBuilder::new().schema(Some(problem)).build();
        response.content.clear();
        response.content.insert(PROBLEM.to_owned(), RefOr::T(problem));
    }
    if let Some((_, meaning, headers)) = STATUSES.iter().find(|(known, ..)| *known == status) {
        if response.description.is_empty() {
            (*meaning).clone_into(&mut response.description);
        }
        for name in *headers {
            response.headers.entry((*name).to_owned()).or_insert_with(|| RefOr::T(Header::default()));
        }
    }
    for (name, header) in &mut response.headers {
        if let Some((_, kind, meaning)) = HEADERS.iter().find(|(known, ..)| known == name) {
            let schema = Object::with_type(kind.clone());
            *header = RefOr::T(HeaderBuilder::new().schema(Some(schema)).description(Some(*meaning)).build());
        }
    }
}
