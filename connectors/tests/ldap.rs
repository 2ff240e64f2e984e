//! The connector `ldap` against a real OpenLDAP.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "ldap/accounts.rs"]
mod accounts;
#[path = "ldap/active_directory.rs"]
mod active_directory;
#[path = "ldap/connecting.rs"]
mod connecting;
#[path = "ldap/entries.rs"]
mod entries;
#[path = "ldap/groups.rs"]
mod groups;
#[path = "ldap/searching.rs"]
mod searching;
#[path = "ldap/support.rs"]
mod support;
