//! What a person sees instead of a page.

use axum::http::StatusCode;
use axum::response::Response;
use floh_client::answers;
use maud::html;

use crate::ui::door::Frame;
use crate::ui::part::frame::head;
use crate::ui::part::icon::icon;

/// Shows a problem as a page.
pub(in crate::ui) fn show(frame: &Frame, problem: &answers::Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (mark, title) = match status.as_u16() {
        403 => ("lock", "You may not see this"),
        404 | 405 => ("search", "There is nothing here"),
        408 | 413 => ("alert", "The form could not be read"),
        409 | 412 => ("alert", "It has changed meanwhile"),
        421 => ("globe", "Not this server"),
        422 | 400 => ("alert", "That did not fit"),
        503 => ("clock", "The server cannot do this now"),
        _ => ("alert", "The server failed"),
    };
    let home = frame.home();
    let content = html! {
        (head(&[], &html! { h1 { (title) } }, "", &html! {}))
        section.card {
            div.empty {
                (icon(mark))
                p { (problem.detail) }
                @if !problem.errors.is_empty() && problem.errors.len() < 20 {
                    ul { @for mistake in &problem.errors { li { @if !mistake.pointer.is_empty() { code { (mistake.pointer) } ": " } (mistake.message) } } }
                }
                @if status == StatusCode::FORBIDDEN && let Some(ctx) = &frame.ctx {
                    p { "You are signed in with the token “" (ctx.actor_name()) "”. Another token may have the right." }
                }
                @if status.is_server_error() { p { "The log of the server has more under the request " code { (frame.request_id) } "." } }
                div.row { a.btn href=(home) { "Go to " (home.trim_start_matches("/settings/").trim_start_matches('/')) } }
            }
        }
    };
    if frame.ctx.is_some() {
        frame.page_with(status, title, &content)
    } else {
        super::login::problem(frame, status, title, &problem.detail)
    }
}
