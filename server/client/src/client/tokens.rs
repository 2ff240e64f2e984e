//! `/api/tokens`.

use uuid::Uuid;

use super::error::ClientError;
use super::pages::Pages;
use super::transport::{Client, Outgoing};
use crate::answers::TokenView;
use crate::bodies::NewToken;
use crate::routes;

impl Client {
    /// Creates a token. Only this answer contains its text.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create_token(&self, new: &NewToken) -> Result<TokenView, ClientError> {
        self.send(routes::CREATE_TOKEN, &[], Outgoing::json(new)?).await?.json()
    }

    /// Lists tokens without their texts, newest first.
    pub fn list_tokens(&self) -> Pages<'_, TokenView> {
        Pages::new(self, routes::LIST_TOKENS, None)
    }

    /// Revokes a token, at once.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn revoke_token(&self, id: Uuid) -> Result<(), ClientError> {
        self.send(routes::REVOKE_TOKEN, &[&id.to_string()], Outgoing::default()).await?;
        Ok(())
    }
}
