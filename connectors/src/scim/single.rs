//! One resource: read, found, created, deleted.

use connector_runtime::prelude::*;

use super::changes::Changes;
use super::failure::{Problem, Result};
use super::filter::Filter;
use super::kind::Kind;
use super::pages::ListQuery;
use super::resource::{id, member, texts, version, without_password};
use super::session::Session;
use crate::shared::OnExistsOrUpdate;

/// A resource as it was read.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) resource: Value,
    pub(super) version: String,
}

/// A resource that a call asked to create.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) found: Found,
    pub(super) created: bool,
    pub(super) changed: bool,
}

/// What a call asks to create.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) kind: Kind,
    pub(super) body: Map<String, Value>,
    /// The attribute by which an existing one is found, and its value.
    pub(super) key: Option<(&'static str, String)>,
    /// What is set if it exists.
    pub(super) changes: Changes,
    pub(super) on_exists: OnExistsOrUpdate,
}

/// How one resource is named by a call.
#[derive(Debug)]
pub(super) enum Name {
    Id(String),
    Attribute(&'static str, String),
}

impl Name {
    /// Reads the params, of which one is given.
    pub(super) fn of(given: impl IntoIterator<Item = (&'static str, Option<String>)>) -> Result<Self> {
        let given: Vec<_> = given.into_iter().collect();
        let names: Vec<&str> = given.iter().map(|(name, _)| *name).collect();
        let mut filled = given.into_iter().filter_map(|(name, value)| Some((name, value?)));
        match (filled.next(), filled.next()) {
            (Some(("id", value)), None) => Ok(Self::Id(value)),
            (Some((name, value)), None) => Ok(Self::Attribute(name, value)),
            _ => Err(Problem::new(Code::Invalid, format!("Give one of {}, and no second one", names.join(", ")))),
        }
    }
}

impl Session<'_> {
    /// Reads a resource by its id.
    pub(super) async fn read(&self, kind: &Kind, id: &str, query: &[(&str, String)]) -> Result<Found> {
        let response = self.get(&kind.at(id), query).await?;
        let response = self.accepted(response, &format!("read the {}", kind.one))?;
        self.found(&response).await
    }

    /// Makes a resource of an answer.
    pub(super) async fn found(&self, response: &Response) -> Result<Found> {
        let resource: Value = response.json()?;
        let has_own = member(&resource, "meta").is_some_and(|meta| texts(meta, "version").is_some());
        let header = response.header("etag").filter(|_| !has_own).map(str::to_owned);
        let version = match header {
            // The tag of a web server is not the version of a resource.
            Some(tag) if self.capabilities().await?.etag => tag,
            _ => version(&resource),
        };
        Ok(Found { resource: without_password(resource), version })
    }

    /// Finds a resource by its id or by an attribute that is its own.
    pub(super) async fn find(&self, kind: &Kind, name: &Name, query: &[(&str, String)]) -> Result<Found> {
        let (attribute, value) = match name {
            Name::Id(id) => return self.read(kind, id, query).await,
            Name::Attribute(attribute, value) => (*attribute, value.as_str()),
        };
        let excluded = |name: &str| query.iter().find(|(own, _)| *own == name).map(|(_, value)| value.clone());
        let query = ListQuery {
            path: kind.path.clone(),
            filter: Filter::Text(Filter::equal(attribute, value)),
            // What is looked for has to come, so that it can be compared.
            attributes: excluded("attributes").map(|names| format!("{names},{attribute}")),
            excluded: excluded("excludedAttributes"),
            sort_by: None,
            descending: false,
            limit: 10,
            what: kind.many.clone(),
        };
        if !self.capabilities().await?.filter {
            let why =
                format!("The service announces that it has no filters, so no {} is found by {attribute}", kind.one);
            return Err(Problem::new(Code::Unsupported, why));
        }
        let mut matches = self.list(&query).await?.resources;
        let all = matches.len();
        // A service that passes a filter over answers anybody.
        matches.retain(|one| texts(one, attribute).is_some_and(|own| own.to_lowercase() == value.to_lowercase()));
        if matches.is_empty() && all > 0 {
            let why =
                format!("The service answered {} whose {attribute} is another one: it passes filters over", kind.many);
            return Err(Problem::new(Code::Unsupported, why));
        }
        let first = matches.first().cloned();
        match first {
            None => Err(Problem::new(
                Code::NotFound,
                format!("There is no {} whose {attribute} is the given one", kind.one),
            )),
            Some(_) if matches.len() > 1 => {
                let ids: Vec<String> = matches.iter().filter_map(id).collect();
                let why = format!("There are several {} whose {attribute} is the given one; give an id", kind.many);
                Err(Problem::new(Code::Conflict, why).with("ids", ids))
            }
            Some(resource) => {
                let version = version(&resource);
                Ok(Found { resource, version })
            }
        }
    }

    /// Creates a resource, unless it exists and the call asks for what there is.
    pub(super) async fn create(&self, wanted: &Wanted) -> Result<Made> {
        let Wanted { kind, body, key, on_exists, .. } = wanted;
        let key = key.as_ref().filter(|_| *on_exists != OnExistsOrUpdate::Fail);
        // Names of groups need not be unique (RFC 7643, section 4.2), so a service would create a second one.
        if let Some((attribute, value)) = key.filter(|_| !kind.is_user) {
            match self.find(kind, &Name::Attribute(attribute, value.clone()), &[]).await {
                Ok(found) => return self.existing(wanted, found).await,
                Err(problem) if problem.is(Code::NotFound) => {}
                Err(problem) => return Err(problem),
            }
        }
        let mut body = body.clone();
        kind.with_schemas(&mut body);
        let response = self.send_body("POST", &kind.path, &Value::Object(body), None).await?;
        let refused = match self.accepted(response, &format!("create the {}", kind.one)) {
            Ok(response) => {
                let found = self.created(kind, &response).await?;
                return Ok(Made { found, created: true, changed: true });
            }
            Err(refused) if refused.status() == Some(409) => refused.coded(Code::Exists),
            Err(refused) => refused,
        };
        let Some((attribute, value)) = key.filter(|_| refused.is(Code::Exists)) else { return Err(refused) };
        match self.find(kind, &Name::Attribute(attribute, value.clone()), &[]).await {
            Ok(found) => self.existing(wanted, found).await,
            // What it has in common with another one is not its name.
            Err(problem) if problem.is(Code::NotFound) => Err(refused),
            Err(problem) => Err(problem),
        }
    }

    async fn existing(&self, wanted: &Wanted, found: Found) -> Result<Made> {
        let unchanged = |found| Made { found, created: false, changed: false };
        if wanted.on_exists != OnExistsOrUpdate::Update {
            return Ok(unchanged(found));
        }
        let Some(id) = id(&found.resource) else { return Ok(unchanged(found)) };
        let updated = self.update(&wanted.kind, &id, &wanted.changes, None).await?;
        let changed = updated.changed;
        Ok(Made { found: updated.found.unwrap_or(found), created: false, changed })
    }

    /// Reads what was created: from the answer, else from where the answer says it is.
    async fn created(&self, kind: &Kind, response: &Response) -> Result<Found> {
        let is_whole = response.json::<Value>().is_ok_and(|body| id(&body).is_some());
        if is_whole {
            return self.found(response).await;
        }
        // The last segment of the location is the id; the address itself is not called.
        let location =
            response.header("location").map(|location| location.split(['?', '#']).next().unwrap_or_default());
        let id = location.and_then(|location| location.trim_end_matches('/').rsplit('/').next());
        match id.filter(|id| !id.is_empty() && !id.contains('%')) {
            Some(id) => self.read(kind, id, &[]).await,
            None => {
                let why = format!("The service created the {} and did not answer with its id", kind.one);
                Err(Problem::new(Code::OutcomeUnknown, why)
                    .with("outcome", "unknown")
                    .with("statusCode", response.status()))
            }
        }
    }

    /// Deletes a resource; false if there is none.
    pub(super) async fn remove(&self, kind: &Kind, id: &str) -> Result<bool> {
        let response = self.delete(&kind.at(id)).await?;
        if matches!(response.status(), 404 | 410) {
            return Ok(false);
        }
        self.accepted(response, &format!("delete the {}", kind.one)).map(|_| true)
    }
}
