//! Organizational units.

use connector_runtime::context::Context;
use connector_runtime::prelude::*;

use super::GoogleWorkspace;
use super::api::{Answered, Api, Ask};
use super::failure::invalid;
use super::types::{CreatedOrgUnit, OrgUnits};
use crate::shared::OnExists;

/// A unit to create.
pub(super) struct NewOrgUnit {
    pub(super) name: String,
    pub(super) parent: String,
    pub(super) description: Option<String>,
    pub(super) on_exists: OnExists,
    pub(super) wait_until_visible: bool,
}

impl GoogleWorkspace {
    pub(super) async fn read_org_units(
        &self,
        cx: &Context,
        below: Option<&str>,
        children_only: bool,
        limit: u32,
    ) -> Result<OrgUnits, Fail> {
        let api = self.api(cx)?;
        let kind = if children_only { "children" } else { "all" };
        let path = ["customer", api.customer(), "orgunits"];
        let ask = Ask::get(&path, "list organizational units").maybe("orgUnitPath", below).query("type", kind);
        let mut body = api.ask(ask).await?;
        // Google has no pages here: all of them are in one answer.
        let mut units = match body.get_mut("organizationUnits").map(Value::take) {
            Some(Value::Array(units)) => units,
            None | Some(Value::Null) if body.is_object() => Vec::new(),
            _ => return Err(Fail::coded(Code::Unavailable, "Google's answer has no list of organizationUnits")),
        };
        let truncated = units.len() > limit as usize;
        units.truncate(limit as usize);
        let count = u32::try_from(units.len()).unwrap_or(u32::MAX);
        Ok(OrgUnits { org_units: units, count, truncated })
    }

    pub(super) async fn add_org_unit(&self, cx: &Context, new: NewOrgUnit) -> Result<CreatedOrgUnit, Fail> {
        let api = self.api(cx)?;
        if new.name.contains('/') {
            return Err(invalid("name", "it has a slash; give the unit above it in parentOrgUnitPath"));
        }
        let mut body =
            Map::from_iter([("name".to_owned(), json!(new.name)), ("parentOrgUnitPath".to_owned(), json!(new.parent))]);
        if let Some(description) = &new.description {
            body.insert("description".to_owned(), json!(description));
        }
        let path = ["customer", api.customer(), "orgunits"];
        let ask = Ask::new("POST", &path, "create the organizational unit").body(Value::Object(body));
        let answered = api.send(ask).await?;
        let own_path = format!("{}/{}", new.parent.trim_end_matches('/'), new.name);
        // Google says 400 of a name that is taken, as of any other fault in it.
        if matches!(answered.status, 400 | 409)
            && let Some(unit) = find(&api, &own_path, &answered).await?
        {
            if new.on_exists == OnExists::Fail {
                return Err(answered.refused().diagnostic("code", Code::Exists));
            }
            return Ok(CreatedOrgUnit { org_unit: unit, created: false, visible: None });
        }
        let org_unit = answered.ok()?;
        let visible = match new.wait_until_visible {
            true => Some(api.is_visible(&unit_path(&api, &own_path)).await?),
            false => None,
        };
        Ok(CreatedOrgUnit { org_unit, created: true, visible })
    }
}

/// Returns the path of a unit below the API. Its slashes stay.
fn unit_path<'p>(api: &'p Api<'_>, path: &'p str) -> Vec<&'p str> {
    let names = path.split('/').filter(|name| !name.is_empty());
    ["customer", api.customer(), "orgunits"].into_iter().chain(names).collect()
}

async fn find(api: &Api<'_>, path: &str, refused: &Answered) -> Result<Option<Value>, Fail> {
    let found = api.send(Ask::get(&unit_path(api, path), "read the organizational unit")).await?;
    match found.is_success() {
        true => found.ok().map(Some),
        false if refused.status == 409 => Err(refused.refused().diagnostic("code", Code::Exists)),
        false => Ok(None),
    }
}
