//! What a service announces that it can do (RFC 7643, section 5), and its resource types. A service is asked once, and
//! again after ten minutes.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use connector_runtime::prelude::*;

use super::Scim;
use super::failure::Result;
use super::profile::Profile;
use super::resource::{member, texts, truth};
use super::session::Session;

/// How long it counts.
const KEPT_FOR: Duration = Duration::from_secs(600);
/// The most connections of which it is kept.
const MAX_KEPT: usize = 256;
/// The most resource types that are read.
const MAX_TYPES: usize = 200;
/// The limits of bulk where a service names none.
const USUAL_OPERATIONS: u64 = 100;
const USUAL_PAYLOAD: u64 = 1_048_576;

/// What a service can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Capabilities {
    /// Whether the service said so; else the profile did.
    pub(super) announced: bool,
    pub(super) patch: bool,
    pub(super) filter: bool,
    pub(super) sort: bool,
    pub(super) etag: bool,
    pub(super) change_password: bool,
    /// Whether pages can be asked for by a cursor (RFC 9865).
    pub(super) cursor: bool,
    /// The most resources of an answer.
    pub(super) max_results: Option<u64>,
    pub(super) bulk: Option<BulkLimits>,
}

/// The limits of a bulk request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BulkLimits {
    pub(super) operations: u64,
    pub(super) payload: u64,
}

/// A type of resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ResourceType {
    pub(super) name: String,
    /// The segments of its path below the base URL.
    pub(super) path: Vec<String>,
    pub(super) schema: Option<String>,
}

impl Capabilities {
    fn assumed(profile: Profile) -> Self {
        Self {
            announced: false,
            patch: profile.patch,
            filter: true,
            sort: false,
            etag: false,
            change_password: false,
            cursor: profile.cursor,
            max_results: None,
            bulk: None,
        }
    }

    fn read(config: &Value, profile: Profile) -> Self {
        let supported = |name: &str, otherwise: bool| {
            member(config, name).and_then(|part| member(part, "supported")).and_then(truth).unwrap_or(otherwise)
        };
        let number = |name: &str, part: &str| {
            member(config, name).and_then(|of| member(of, part)).and_then(whole).filter(|number| *number > 0)
        };
        let cursor = member(config, "pagination").and_then(|pages| member(pages, "cursor")).and_then(truth);
        let bulk = supported("bulk", false).then(|| BulkLimits {
            operations: number("bulk", "maxOperations").unwrap_or(USUAL_OPERATIONS),
            payload: number("bulk", "maxPayloadSize").unwrap_or(USUAL_PAYLOAD),
        });
        Self {
            announced: true,
            // Many services have PATCH and say nothing of it.
            patch: supported("patch", profile.patch),
            filter: supported("filter", true),
            sort: supported("sort", false),
            etag: supported("etag", false),
            change_password: supported("changePassword", false),
            cursor: cursor.unwrap_or(profile.cursor),
            max_results: number("filter", "maxResults"),
            bulk,
        }
    }
}

/// Reads a count, which some services write as a text.
pub(super) fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[derive(Clone)]
struct Kept {
    until: Instant,
    capabilities: Capabilities,
    types: Option<Vec<ResourceType>>,
}

static KEPT: LazyLock<Mutex<HashMap<u64, Kept>>> = LazyLock::new(Mutex::default);
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// Names what a connection reaches, and as whom, without containing it.
fn key(connector: &Scim) -> u64 {
    HASHER.hash_one((connector.base_url.as_str(), connector.profile.as_str(), connector.credentials_text()))
}

fn kept(key: u64) -> Option<Kept> {
    let all = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    all.get(&key).filter(|kept| kept.until > Instant::now()).cloned()
}

fn keep(key: u64, kept: Kept) {
    let mut all = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if all.len() >= MAX_KEPT {
        let now = Instant::now();
        all.retain(|_, kept| kept.until > now);
    }
    if all.len() < MAX_KEPT {
        all.insert(key, kept);
    }
}

impl Session<'_> {
    /// Returns what the service can do.
    pub(super) async fn capabilities(&self) -> Result<Capabilities> {
        match kept(key(self.connector)) {
            Some(kept) => Ok(kept.capabilities),
            None => self.ask_capabilities().await,
        }
    }

    /// Asks the service what it can do, whatever is known.
    pub(super) async fn ask_capabilities(&self) -> Result<Capabilities> {
        let profile = self.profile;
        let capabilities = if profile.announces {
            let response = self.get(&["ServiceProviderConfig"], &[]).await?;
            match response.status() {
                // It has none, or does not show it: the standard's usual ways are tried.
                403 | 404 | 405 | 501 => Capabilities::assumed(profile),
                _ => {
                    let config = self.accepted(response, "read the ServiceProviderConfig")?.json::<Value>()?;
                    // Some answer a list of one.
                    let config = member(&config, "Resources").and_then(|list| list.get(0)).unwrap_or(&config);
                    Capabilities::read(config, profile)
                }
            }
        } else {
            Capabilities::assumed(profile)
        };
        let until = Instant::now() + KEPT_FOR;
        keep(key(self.connector), Kept { until, capabilities: capabilities.clone(), types: None });
        Ok(capabilities)
    }

    /// Returns the resource types that the service names; none if it names none.
    pub(super) async fn resource_types(&self) -> Result<Vec<ResourceType>> {
        let key = key(self.connector);
        if let Some(types) = kept(key).and_then(|kept| kept.types) {
            return Ok(types);
        }
        let types = if self.profile.announces {
            let response = self.get(&["ResourceTypes"], &[]).await?;
            match response.status() {
                403 | 404 | 405 | 501 => Vec::new(),
                _ => read_types(&self.accepted(response, "read the ResourceTypes")?.json()?),
            }
        } else {
            Vec::new()
        };
        if let Some(known) = kept(key) {
            keep(key, Kept { types: Some(types.clone()), ..known });
        }
        Ok(types)
    }
}

fn read_types(body: &Value) -> Vec<ResourceType> {
    // RFC 7644 asks for a list response; some answer the list alone.
    let list = member(body, "Resources").unwrap_or(body).as_array().map_or(&[][..], Vec::as_slice);
    let one = |value: &Value| {
        let name = texts(value, "name").or_else(|| texts(value, "id"))?;
        let endpoint = texts(value, "endpoint")?;
        // A path below the base URL, never an address: a service does not choose where it is called.
        let path: Vec<String> = endpoint.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let is_path = !endpoint.contains("//") && !path.is_empty() && path.iter().all(|part| !part.contains(':'));
        is_path.then(|| ResourceType { name, path, schema: texts(value, "schema") })
    };
    list.iter().take(MAX_TYPES).filter_map(one).collect()
}
