//! The params of commands, as what is asked of a service.

use connector_runtime::prelude::*;

use super::changes::{Change, Changes};
use super::failure::{Problem, Result};
use super::filter::{Filter, listed};
use super::kind::Kind;
use super::pages::ListQuery;
use super::single::Wanted;
use crate::shared::OnExistsOrUpdate;

/// What an operation of PATCH does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Select)]
pub enum PatchOp {
    /// Add a value.
    Add,
    /// Replace a value.
    Replace,
    /// Remove a value.
    Remove,
}

/// One operation of PATCH.
#[object]
#[derive(Debug)]
pub struct PatchOperation {
    /// What it does.
    pub op: PatchOp,
    /// What it is about; a removal needs it.
    #[param(min_length = 1, max_length = 2000)]
    pub path: Option<String>,
    /// The value that is added or set.
    pub value: Option<Value>,
}

impl PatchOperation {
    pub(super) fn write(&self) -> Result<Value> {
        let invalid = |why: &str| Problem::new(Code::Invalid, why);
        let names = self.value.as_ref().filter(|_| self.path.is_none()).and_then(Value::as_object);
        let is_password = |path: &str| path.rsplit(':').next().unwrap_or(path).eq_ignore_ascii_case("password");
        if self.path.as_deref().is_some_and(is_password)
            || names.is_some_and(|map| map.keys().any(|key| is_password(key)))
        {
            return Err(invalid("A password belongs into the param password of updateUser, which is kept secret"));
        }
        match (self.op, &self.path, &self.value) {
            (PatchOp::Remove, None, _) => return Err(invalid("An operation that removes has to say what, by path")),
            (PatchOp::Add | PatchOp::Replace, _, None) => {
                return Err(invalid("An operation that sets has to have a value"));
            }
            _ => {}
        }
        let mut operation = Map::new();
        operation.insert("op".to_owned(), self.op.as_str().into());
        operation.extend(self.path.clone().map(|path| ("path".to_owned(), path.into())));
        operation.extend(self.value.clone().map(|value| ("value".to_owned(), value)));
        Ok(operation.into())
    }
}

/// The params of a list.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) kind: Kind,
    conditions: Option<Map<String, Value>>,
    filter: Option<String>,
    values: Option<Map<String, Value>>,
    attributes: Vec<String>,
    excluded: Vec<String>,
    sort_by: Option<String>,
    descending: bool,
    limit: u32,
    /// Whether members are taken out of what comes.
    pub(super) hides_members: bool,
}

impl Listing {
    pub(super) fn of(
        kind: Kind,
        conditions: Option<Map<String, Value>>,
        filter: Option<String>,
        values: Option<Map<String, Value>>,
        (attributes, excluded, sort_by, descending): (Vec<String>, Vec<String>, Option<String>, bool),
        limit: u32,
    ) -> Self {
        let hides_members = false;
        Self { kind, conditions, filter, values, attributes, excluded, sort_by, descending, limit, hides_members }
    }

    /// Asks for members of groups, or not.
    pub(super) fn with_members(mut self, wanted: bool) -> Self {
        let asked = self.attributes.iter().any(|name| name.to_ascii_lowercase().starts_with("members"));
        self.hides_members = !wanted && !asked;
        if self.hides_members && self.attributes.is_empty() {
            self.excluded.push("members".to_owned());
        }
        self
    }

    pub(super) fn query(&self) -> Result<ListQuery> {
        if !self.attributes.is_empty() && !self.excluded.is_empty() {
            return Err(Problem::new(Code::Invalid, "Give attributes or excludedAttributes, not both"));
        }
        let sort_by: Vec<String> = self.sort_by.iter().cloned().collect();
        Ok(ListQuery {
            path: self.kind.path.clone(),
            filter: Filter::of(self.conditions.as_ref(), self.filter.as_deref(), self.values.as_ref())?,
            attributes: with_id(listed(&self.attributes, "attributes")?),
            excluded: listed(&self.excluded, "excludedAttributes")?,
            sort_by: listed(&sort_by, "sortBy")?,
            descending: self.descending,
            limit: usize::try_from(self.limit).unwrap_or(usize::MAX),
            what: format!("the {}", self.kind.many),
        })
    }
}

/// Asks for the id besides, which tells one resource from another.
fn with_id(attributes: Option<String>) -> Option<String> {
    let has_id = |names: &String| names.split(',').any(|name| name.eq_ignore_ascii_case("id"));
    attributes.map(|names| if has_id(&names) { names } else { format!("{names},id") })
}

/// The query of one resource.
#[derive(Debug)]
pub(super) struct OneQuery(pub(super) Vec<(&'static str, String)>);

impl OneQuery {
    pub(super) fn of(attributes: &[String], excluded: &[String]) -> Result<Self> {
        let attributes = listed(attributes, "attributes")?.map(|names| ("attributes", names));
        let excluded = listed(excluded, "excludedAttributes")?.map(|names| ("excludedAttributes", names));
        Ok(Self(attributes.into_iter().chain(excluded).collect()))
    }
}

/// A user to create.
#[derive(Debug)]
pub(super) struct NewUser {
    pub(super) user_name: String,
    pub(super) password: Option<Secret>,
    pub(super) name: (Option<String>, Option<String>, Option<String>),
    pub(super) email: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) active: bool,
    pub(super) attributes: Map<String, Value>,
}

/// A group to create.
#[derive(Debug)]
pub(super) struct NewGroup {
    pub(super) display_name: String,
    pub(super) external_id: Option<String>,
    pub(super) attributes: Map<String, Value>,
}

impl NewUser {
    pub(super) fn wanted(self, on_exists: OnExistsOrUpdate) -> Result<Wanted> {
        let (given_name, family_name, display_name) = self.name;
        let mut body = Map::new();
        body.insert("userName".to_owned(), self.user_name.as_str().into());
        let parts = [("givenName", given_name), ("familyName", family_name)];
        let parts: Map<String, Value> =
            parts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))).collect();
        if !parts.is_empty() {
            body.insert("name".to_owned(), parts.into());
        }
        body.extend(display_name.map(|name| ("displayName".to_owned(), name.into())));
        let email = |email: String| json!([{ "value": email, "type": "work", "primary": true }]);
        body.extend(self.email.map(|address| ("emails".to_owned(), email(address))));
        body.extend(self.external_id.map(|id| ("externalId".to_owned(), id.into())));
        body.insert("active".to_owned(), self.active.into());
        add(&mut body, self.attributes)?;
        let changes = flattened(&body, "userName").with_password(self.password.as_ref());
        body.extend(self.password.map(|password| ("password".to_owned(), password.expose().into())));
        let key = Some(("userName", self.user_name));
        Ok(Wanted { kind: Kind::users(), body, key, changes, on_exists })
    }
}

impl NewGroup {
    pub(super) fn wanted(self, on_exists: OnExistsOrUpdate) -> Result<Wanted> {
        let mut body = Map::new();
        body.insert("displayName".to_owned(), self.display_name.as_str().into());
        body.extend(self.external_id.map(|id| ("externalId".to_owned(), id.into())));
        add(&mut body, self.attributes)?;
        let changes = flattened(&body, "displayName");
        let key = Some(("displayName", self.display_name));
        Ok(Wanted { kind: Kind::groups(), body, key, changes, on_exists })
    }
}

/// Adds the attributes that have no param of their own.
fn add(body: &mut Map<String, Value>, attributes: Map<String, Value>) -> Result<()> {
    check_resource(&attributes)?;
    for (name, value) in attributes {
        let is = |own: &str| name.eq_ignore_ascii_case(own);
        if is("members") {
            return Err(Problem::new(Code::Invalid, "Members belong into the param userIds"));
        }
        if body.keys().any(|own| is(own)) && !is("name") {
            let why = format!("attributes has `{name}`, which is a param of its own, or is there twice");
            return Err(Problem::new(Code::Invalid, why));
        }
        // The parts of a name that have no param come beside those that have one.
        match (body.get_mut(&name).and_then(Value::as_object_mut), value) {
            (Some(parts), Value::Object(more)) => {
                for (part, value) in more {
                    parts.entry(part).or_insert(value);
                }
            }
            (_, value) => {
                body.insert(name, value);
            }
        }
    }
    Ok(())
}

/// Refuses what must not be in a resource that a caller gives.
pub(super) fn check_resource(resource: &Map<String, Value>) -> Result<()> {
    if resource.keys().any(|name| name.eq_ignore_ascii_case("password")) {
        let why = "A password belongs into the param password of createUser, which is kept secret";
        return Err(Problem::new(Code::Invalid, why));
    }
    Ok(())
}

/// Makes the changes that set what a new resource would have, but its name: sub-attributes one by one, so that an existing
/// resource keeps the others.
fn flattened(body: &Map<String, Value>, but: &str) -> Changes {
    let mut changes = Vec::new();
    for (name, value) in body.iter().filter(|(name, _)| *name != but && *name != "schemas") {
        let between = if name.get(..4).is_some_and(|urn| urn.eq_ignore_ascii_case("urn:")) { ':' } else { '.' };
        match value.as_object().filter(|parts| !parts.is_empty()) {
            Some(parts) => changes.extend(parts.iter().map(|(part, value)| Change {
                path: format!("{name}{between}{part}"),
                value: (!value.is_null()).then(|| value.clone()),
            })),
            None => changes.push(Change { path: name.clone(), value: (!value.is_null()).then(|| value.clone()) }),
        }
    }
    Changes(changes)
}
