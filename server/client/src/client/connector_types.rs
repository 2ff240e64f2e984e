//! `/api/connector-types`.

use serde_json::Value;

use super::error::ClientError;
use super::pages::Pages;
use super::transport::{Client, Incoming, Outgoing};
use crate::answers::{ChangedType, TypeCapabilities, TypeDiff, TypeView, VersionDetail, VersionView};
use crate::bodies::{TypeChange, TypeRefresh};
use crate::revision::Revision;
use crate::routes;

impl Client {
    /// Lists connector types, by name.
    pub fn list_types(&self) -> Pages<'_, TypeView> {
        Pages::new(self, routes::LIST_TYPES, None)
    }

    /// Reads a connector type by id or name.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get_type(&self, key: &str) -> Result<TypeView, ClientError> {
        let answer = self.send(routes::GET_TYPE, &[key], Outgoing::default()).await?;
        let revision = answer.revision();
        Ok(TypeView { revision, ..answer.json()? })
    }

    /// Changes a connector type; absent keys stay unchanged. With `seen`, only if it has not changed since that
    /// revision.
    ///
    /// # Errors
    /// [`ClientError`]; status 412 if it has changed since, 422 with the `change` if the version is too low.
    pub async fn update_type(
        &self,
        key: &str,
        change: &TypeChange,
        seen: Option<Revision>,
    ) -> Result<ChangedType, ClientError> {
        changed(self.send(routes::UPDATE_TYPE, &[key], Outgoing::json(change)?.if_match(seen)?).await?)
    }

    /// Deletes a user's connector type that no connector uses.
    ///
    /// # Errors
    /// [`ClientError`]; status 409 if it is compiled in or in use.
    pub async fn delete_type(&self, key: &str) -> Result<(), ClientError> {
        self.send(routes::DELETE_TYPE, &[key], Outgoing::default()).await?;
        Ok(())
    }

    /// Returns what a change of a connector type would do. Nothing is written.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn diff_type(&self, key: &str, change: &TypeChange) -> Result<TypeDiff, ClientError> {
        self.send(routes::DIFF_TYPE, &[key], Outgoing::json(change)?).await?.json()
    }

    /// Fetches the schema of an external type's service again and applies it by the rules of a change.
    ///
    /// # Errors
    /// As [`Client::update_type`].
    pub async fn refresh_type(&self, key: &str, refresh: &TypeRefresh) -> Result<ChangedType, ClientError> {
        changed(self.send(routes::REFRESH_TYPE, &[key], Outgoing::json(refresh)?).await?)
    }

    /// Lists the versions of a connector type, newest first.
    pub fn list_versions(&self, key: &str) -> Pages<'_, VersionView> {
        Pages::new(self, routes::LIST_VERSIONS, Some(key))
    }

    /// Reads a version of a connector type.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get_version(&self, key: &str, version: &str) -> Result<VersionDetail, ClientError> {
        self.get(routes::GET_VERSION, &[key, version]).await
    }

    /// Reads what a connector type can do.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn capabilities(&self, key: &str) -> Result<TypeCapabilities, ClientError> {
        self.get(routes::CAPABILITIES, &[key]).await
    }

    /// Reads a connector type as JSON Schema 2020-12.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn json_schema(&self, key: &str) -> Result<Value, ClientError> {
        self.get(routes::JSON_SCHEMA, &[key]).await
    }

    /// Reads TypeScript declarations of what a script of this type sees.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn declarations(&self, key: &str) -> Result<String, ClientError> {
        self.send(routes::DECLARATIONS, &[key], Outgoing::default()).await?.text()
    }
}

fn changed(answer: Incoming) -> Result<ChangedType, ClientError> {
    let revision = answer.revision();
    let mut changed: ChangedType = answer.json()?;
    changed.view.revision = revision;
    Ok(changed)
}
