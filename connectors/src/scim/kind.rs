//! Which resources a command is about.

use connector_runtime::prelude::*;

use super::failure::{Problem, Result};
use super::session::Session;

const USER_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// A kind of resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kind {
    /// The segments of its path below the base URL.
    pub(super) path: Vec<String>,
    /// One of it, in texts.
    pub(super) one: String,
    /// All of it, in texts.
    pub(super) many: String,
    pub(super) schema: Option<String>,
    pub(super) is_group: bool,
    pub(super) is_user: bool,
}

impl Kind {
    pub(super) fn users() -> Self {
        Self {
            path: vec!["Users".to_owned()],
            one: "user".to_owned(),
            many: "users".to_owned(),
            schema: Some(USER_SCHEMA.to_owned()),
            is_group: false,
            is_user: true,
        }
    }

    pub(super) fn groups() -> Self {
        Self {
            path: vec!["Groups".to_owned()],
            one: "group".to_owned(),
            many: "groups".to_owned(),
            schema: Some(GROUP_SCHEMA.to_owned()),
            is_group: true,
            is_user: false,
        }
    }

    /// Returns the path of one of it.
    pub(super) fn at(&self, id: &str) -> Vec<String> {
        self.path.iter().cloned().chain([id.to_owned()]).collect()
    }

    /// Adds the schemas that a resource has to name to those that it names.
    pub(super) fn with_schemas(&self, resource: &mut Map<String, Value>) {
        let extensions =
            resource.keys().filter(|name| name.get(..4).is_some_and(|urn| urn.eq_ignore_ascii_case("urn:")));
        let mut schemas: Vec<String> = self.schema.iter().cloned().chain(extensions.cloned()).collect();
        match resource.get("schemas") {
            Some(Value::Array(given)) if !given.is_empty() => {
                let mut all = given.clone();
                schemas.retain(|schema| !given.iter().any(|own| own == schema));
                // The kind's own is not added to those of a caller, who knows better.
                schemas.retain(|schema| Some(schema) != self.schema.as_ref());
                all.extend(schemas.into_iter().map(Value::from));
                resource.insert("schemas".to_owned(), all.into());
            }
            _ if schemas.is_empty() => {}
            _ => {
                resource.insert("schemas".to_owned(), json!(schemas));
            }
        }
    }
}

impl Session<'_> {
    /// Finds a resource type by its name, its endpoint or its schema. A service that names none is asked by what was given.
    pub(super) async fn kind(&self, wanted: &str) -> Result<Kind> {
        let name = wanted.trim().trim_matches('/');
        for known in [Kind::users(), Kind::groups()] {
            let is_meant = [&known.one, &known.many].iter().any(|own| own.eq_ignore_ascii_case(name));
            if is_meant || known.schema.as_deref() == Some(name) {
                return Ok(known);
            }
        }
        let types = self.resource_types().await?;
        let found = types.iter().find(|kind| {
            kind.name.eq_ignore_ascii_case(name)
                || kind.path.join("/").eq_ignore_ascii_case(name)
                || kind.schema.as_deref().is_some_and(|schema| schema.eq_ignore_ascii_case(name))
        });
        let other = |path: Vec<String>, one: &str, schema| Kind {
            path,
            one: one.to_owned(),
            many: format!("resources of type {one}"),
            schema,
            is_group: false,
            is_user: false,
        };
        if let Some(found) = found {
            return Ok(other(found.path.clone(), &found.name, found.schema.clone()));
        }
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        if !types.is_empty() || !is_name {
            let names: Vec<&str> = types.iter().map(|kind| kind.name.as_str()).collect();
            let has = if names.is_empty() { "names none".to_owned() } else { format!("has {}", names.join(", ")) };
            return Err(Problem::new(
                Code::Invalid,
                format!("There is no resource type `{wanted}`: the service {has}"),
            ));
        }
        Ok(other(vec![name.to_owned()], name, None))
    }
}
