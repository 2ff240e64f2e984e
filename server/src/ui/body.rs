//! The body of a form.

use axum::extract::{FromRef, FromRequest, Request};
use axum::http::{StatusCode, header};

use super::form::Typed;
use crate::api::{BODY_LIMIT, Problem, RawBody};
use crate::auth::OpContext;
use crate::error::Error;
use crate::services::Services;

/// The bytes of a form of at most [`BODY_LIMIT`] bytes, and the memory that is reserved for them.
#[derive(Debug)]
pub(super) struct FormBody(RawBody);

impl<S: Send + Sync> FromRequest<S> for FormBody
where
    Services: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_form = content_type.is_none_or(|text| {
            let media_type = text.split(';').next().unwrap_or_default().trim();
            media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        });
        if !is_form {
            let detail = "the pages take forms: application/x-www-form-urlencoded";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
        }
        Ok(Self(RawBody::read(request, BODY_LIMIT, &Services::from_ref(state).work).await?))
    }
}

impl FormBody {
    /// Reads the inputs. The context that is returned holds their memory until the work is done.
    pub(super) fn parse(self, ctx: OpContext) -> Result<(OpContext, Typed), Problem> {
        let typed = Typed::parse(self.0.bytes()).map_err(too_many)?;
        Ok((ctx.with_work(self.0.into_work()), typed))
    }

    /// Reads the inputs of a form that needs no identity.
    pub(super) fn parse_public(self) -> Result<Typed, Problem> {
        Ok(Typed::parse(self.0.bytes()).map_err(too_many)?)
    }
}

fn too_many(detail: String) -> Error {
    Error::invalid_at("", detail)
}
