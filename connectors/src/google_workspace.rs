//! Users, groups and organizational units of a Google Workspace domain, over the Directory API.
//!
//! A service account signs in with its key and acts for an administrator. Google answers late and in its own ways: what was
//! created is not seen at once, a deleted user is a 412, a change that was made may be a 409, and a quota that is used up is a
//! 403. The modules below deal with each of them once.

mod api;
mod call;
mod check;
mod commands;
mod compare;
mod failure;
mod groups;
mod key;
mod methods;
mod mocks;
mod org_units;
#[cfg(test)]
mod tests;
mod types;
mod users;

use connector_runtime::prelude::*;

pub use self::commands::*;
pub use self::types::{
    Called, Checked, CreatedGroup, CreatedOrgUnit, CreatedUser, Deleted, Groups, IsMember, Member, Members, OneGroup,
    OneUser, OrgUnits, Projection, Role, UpdatedGroup, UpdatedUser, UserOrder, Users,
};

/// Manage users, groups and organizational units of Google Workspace.
#[connector(
    name = "google-workspace",
    version = "1.0.0",
    category = "identity",
    tags("google", "directory", "users", "groups"),
    egress = [base_url, token_url],
    errors = failure::explain
)]
#[derive(Debug)]
pub struct GoogleWorkspace {
    /// Key of a service account with domain-wide delegation: the JSON document as Google gave it out.
    credentials: Secret,
    /// Address of the administrator that the service account acts for.
    #[config(example = "admin@example.com", min_length = 3, max_length = 320)]
    subject: String,
    /// Id of the customer; my_customer is the one of the subject.
    #[config(default = "my_customer", min_length = 1, max_length = 100)]
    customer: String,
    /// Scopes of the tokens. The delegation has to have all of them. Signing users out needs
    /// `https://www.googleapis.com/auth/admin.directory.user.security` as well.
    #[config(default = [
        "https://www.googleapis.com/auth/admin.directory.user",
        "https://www.googleapis.com/auth/admin.directory.group",
        "https://www.googleapis.com/auth/admin.directory.orgunit",
    ])]
    scopes: Vec<String>,
    /// Where the API is.
    #[config(default = "https://admin.googleapis.com", label = "Base URL")]
    base_url: Url,
    /// Where tokens are fetched. The token_uri in the key is not followed.
    #[config(default = "https://oauth2.googleapis.com/token", label = "Token URL")]
    token_url: Url,
}
