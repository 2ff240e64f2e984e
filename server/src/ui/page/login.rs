//! Signing in and out, and the choice of colours.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use connector_runtime::Secret;
use maud::{Markup, html};

use crate::api::{Problem, Query, Site, no_session_cookie, session_cookie, session_of};
use crate::app::App;
use crate::auth::{OpenedSession, SignInError, Visitor};
use crate::error::Error;
use crate::sessions;
use crate::ui::body::FormBody;
use crate::ui::door::{DOOR, Frame};
use crate::ui::part::frame::Theme;
use crate::ui::part::icon::icon;

/// The most bytes of an address that a sign-in leads to.
const MAX_NEXT: usize = 2000;

/// Leads to the first page that the caller may see.
pub(in crate::ui) async fn home(frame: Frame) -> Redirect {
    Redirect::to(frame.home())
}

/// Shows the form for a token.
pub(in crate::ui) async fn form(frame: Frame, mut query: Query) -> Result<Response, Problem> {
    let next = query.text("next");
    Ok(sign_in_page(&frame, StatusCode::OK, next.as_deref(), None))
}

/// Signs in with a token.
pub(in crate::ui) async fn sign_in(
    frame: Frame,
    State(app): State<App>,
    headers: HeaderMap,
    body: FormBody,
) -> Result<Response, Problem> {
    let visitor = visitor(&frame, &headers);
    let mut typed = body.parse_public()?;
    let token = Secret::new(typed.take("token").unwrap_or_default());
    let next = typed.take("next");
    match sessions::sign_in(app.services(), &token, &visitor).await {
        Ok(opened) => Ok(opened_page(&app, &opened, next.as_deref())),
        Err(SignInError::Store(error)) => Err(error.into()),
        Err(error) => {
            let status = status(&error);
            Ok(sign_in_page(&frame, status, next.as_deref(), Some(&error.to_string())))
        }
    }
}

/// Shows the button of a link that signs in. The link itself does nothing, so that a preview does not use it up.
pub(in crate::ui) async fn code_form(frame: Frame, Path(code): Path<String>) -> Response {
    if !code.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        let wrong = SignInError::Code.to_string();
        return sign_in_page(&frame, StatusCode::UNAUTHORIZED, None, Some(&wrong));
    }
    let content = html! {
        main.sign #main {
            form.card method="post" action={ "/login/" (code) } {
                div.body.stack {
                    span.brand { (icon("flea")) "Floh" }
                    h1 { "Sign in" }
                    p.muted { "This link was printed by the first start of the server. It works once." }
                    button.btn.main autofocus { "Sign in" }
                }
            }
        }
    };
    frame.bare_page(StatusCode::OK, "Sign in", &content)
}

/// Signs in with the code of a link.
pub(in crate::ui) async fn redeem(
    frame: Frame,
    State(app): State<App>,
    Path(code): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let visitor = visitor(&frame, &headers);
    match sessions::redeem(app.services(), &Secret::new(code), &visitor).await {
        Ok(opened) => Ok(opened_page(&app, &opened, None)),
        Err(SignInError::Store(error)) => Err(error.into()),
        Err(error) => Ok(sign_in_page(&frame, status(&error), None, Some(&error.to_string()))),
    }
}

/// Signs out.
pub(in crate::ui) async fn sign_out(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let site = Site::of(&app);
    if let Some(secret) = session_of(site, &headers) {
        sessions::sign_out(app.services(), &secret).await?;
    }
    let mut response = Redirect::to("/login").into_response();
    response.headers_mut().append(header::SET_COOKIE, no_session_cookie(site));
    Ok(response)
}

/// Keeps the choice of colours in a cookie.
pub(in crate::ui) async fn theme(body: FormBody) -> Result<Response, Problem> {
    let mut typed = body.parse_public()?;
    let theme = Theme::parse(&typed.take("theme").unwrap_or_default()).map_or("", Theme::as_str);
    let next = own_path(typed.take("next").as_deref());
    let cookie = format!("theme={theme}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax");
    let mut response = Redirect::to(&next).into_response();
    let value = HeaderValue::from_str(&cookie).map_err(Error::internal)?;
    response.headers_mut().append(header::SET_COOKIE, value);
    Ok(response)
}

fn visitor(frame: &Frame, headers: &HeaderMap) -> Visitor {
    let user_agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Visitor { user_agent, peer: frame.peer, door: DOOR }
}

fn status(error: &SignInError) -> StatusCode {
    match error {
        SignInError::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        SignInError::Random(_) => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::UNAUTHORIZED,
    }
}

fn opened_page(app: &App, opened: &OpenedSession, next: Option<&str>) -> Response {
    let mut response = Redirect::to(&own_path(next)).into_response();
    response.headers_mut().append(header::SET_COOKIE, session_cookie(Site::of(app), &opened.secret));
    response
}

/// Returns where a sign-in leads: a path of this server, never another one.
fn own_path(next: Option<&str>) -> String {
    let is_own = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && path.len() <= MAX_NEXT
            && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    next.filter(is_own).unwrap_or("/").to_owned()
}

fn sign_in_page(frame: &Frame, status: StatusCode, next: Option<&str>, wrong: Option<&str>) -> Response {
    let content = html! {
        main.sign #main {
            form.card method="post" action="/login" novalidate {
                div.body.stack {
                    span.brand { (icon("flea")) "Floh" }
                    h1 { "Sign in" }
                    @if let Some(text) = wrong {
                        div.summary #problems role="alert" tabindex="-1" data-focus { h2 { "Not signed in" } p { (text) } }
                    }
                    @if let Some(next) = next {
                        input type="hidden" name="next" value=(next);
                        @if wrong.is_none() { p.notice { (icon("info")) span { "Your session has ended, or you have not signed in yet. After it you come back to the page." } } }
                    }
                    div.field data-bad[wrong.is_some()] {
                        label for="token" { "Token" }
                        p.help #token-help { "The one that the server printed at its first start, or one from Settings › Tokens." }
                        textarea.one.secret #token name="token" rows="1" required autocomplete="off" autocapitalize="off" spellcheck="false"
                            data-1p-ignore data-lpignore="true" aria-describedby="token-help" aria-invalid=[wrong.map(|_| "true")] {}
                    }
                    button.btn.main { "Sign in" }
                    p.help { "Lost it? On the machine that runs Floh: " code { "floh token create --name me --scope admin" } }
                }
            }
        }
    };
    let title = if wrong.is_some() { "Error: Sign in" } else { "Sign in" };
    frame.bare_page(status, title, &content)
}

/// Shows a problem to a person who is not signed in.
pub(in crate::ui) fn problem(frame: &Frame, status: StatusCode, title: &str, detail: &str) -> Response {
    let content: Markup = html! {
        main.sign #main {
            div.card { div.body.stack { span.brand { (icon("flea")) "Floh" } h1 { (title) } p { (detail) } a.btn href="/login" { "Sign in" } } }
        }
    };
    frame.bare_page(status, title, &content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_leads_to_this_server_alone() {
        for (next, expected) in [
            (Some("/connectors?q=a"), "/connectors?q=a"),
            (None, "/"),
            (Some(""), "/"),
            (Some("//evil.example"), "/"),
            (Some("/\\evil.example"), "/"),
            (Some("https://evil.example"), "/"),
            (Some("javascript:alert(1)"), "/"),
            (Some("/a\r\nset-cookie: x"), "/"),
            (Some("/ä"), "/"),
        ] {
            assert_eq!(own_path(next), expected, "{next:?}");
        }
        assert_eq!(own_path(Some(&format!("/{}", "a".repeat(MAX_NEXT)))), "/");
    }
}
