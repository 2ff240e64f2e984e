//! What a scheme was called by an earlier import. A scheme is the same one if its kind is, and the place and the name on
//! the wire of its key: then connectors keep its secret, whatever its document calls it now.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::{Scheme, Security};
use crate::openapi::notes::Notes;

/// What makes a scheme the same one: its kind, and the place and the name of its key.
type Identity = (std::mem::Discriminant<Scheme>, String, String);

fn identity(scheme: &Scheme) -> Identity {
    let (place, name) = match scheme {
        Scheme::ApiKey { location, name, .. } if location == "header" => (location.as_str(), name.to_ascii_lowercase()),
        Scheme::ApiKey { location, name, .. } => (location.as_str(), name.clone()),
        _ => ("", String::new()),
    };
    (std::mem::discriminant(scheme), place.to_owned(), name)
}

/// Returns the schemes of a map by what makes them the same, without those that are there twice.
fn by_identity(schemes: &IndexMap<String, Scheme>) -> HashMap<Identity, Option<&String>> {
    let mut found = HashMap::new();
    for (id, scheme) in schemes {
        found.entry(identity(scheme)).and_modify(|known| *known = None).or_insert(Some(id));
    }
    found
}

impl Security {
    /// Gives schemes that are called otherwise now the names and the fields that an earlier import gave them.
    pub(in crate::openapi) fn keep(&mut self, earlier: &IndexMap<String, Scheme>, notes: &mut Notes) {
        let now = by_identity(&self.schemes);
        let mut renamed = Vec::new();
        for (identity, was) in by_identity(earlier) {
            if let (Some(was), Some(Some(is))) = (was, now.get(&identity))
                && was != *is
                && !self.schemes.contains_key(was)
            {
                renamed.push(((*is).clone(), was.clone()));
            }
        }
        drop(now);
        renamed.sort_unstable();
        for (is, was) in renamed {
            let field = |scheme: Option<&Scheme>| match scheme {
                Some(Scheme::ApiKey { field, .. }) => Some(field.clone()),
                _ => None,
            };
            let fields = (field(self.schemes.get(&is)), field(earlier.get(&was)));
            if let (Some(now), Some(then)) = &fields
                && now != then
            {
                if self.fields.fields.contains_key(then) {
                    continue;
                }
                rename(&mut self.fields.fields, now, then);
                if let Some(Scheme::ApiKey { field, .. }) = self.schemes.get_mut(&is) {
                    field.clone_from(then);
                }
            }
            rename(&mut self.schemes, &is, &was);
            let of_parameters = self.parameters.values_mut().map(|(scheme, _)| scheme);
            for name in self.names.values_mut().flatten().chain(of_parameters).filter(|name| **name == is) {
                name.clone_from(&was);
            }
            let message = format!(
                "the security scheme {was} is called {is} now; its field keeps its name, and connectors their secret"
            );
            notes.warn("scheme_renamed", "/components/securitySchemes", message);
        }
    }
}

/// Renames a key in its place.
fn rename<V>(map: &mut IndexMap<String, V>, from: &str, to: &str) {
    if let Some((index, _, value)) = map.shift_remove_full(from) {
        map.shift_insert(index, to.to_owned(), value);
    }
}
