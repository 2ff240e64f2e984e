//! What differs between the services that speak SCIM, as data: the code asks for a quirk and never for a service.

use connector_runtime::prelude::*;

/// Which service it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Select)]
pub enum ProfileName {
    /// What the standard says, and what the service announces.
    Standard,
    /// Slack, SCIM 2.0.
    Slack,
    /// GitHub, of an organization or an enterprise.
    #[select(label = "GitHub")]
    Github,
    /// AWS IAM Identity Center.
    #[select(label = "AWS")]
    Aws,
}

/// How a service shows who is in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MembersShown {
    /// In the group.
    InGroup,
    /// In no group; a filter on id and member answers for one user.
    ByFilter,
}

/// The quirks of a service.
#[derive(Debug, Clone, Copy)]
pub(super) struct Profile {
    /// Whether it has a ServiceProviderConfig. Without one, what is assumed here counts.
    pub(super) announces: bool,
    /// What is assumed where nothing is announced.
    pub(super) patch: bool,
    pub(super) cursor: bool,
    /// The largest page that it gives.
    pub(super) max_page: u32,
    pub(super) members_shown: MembersShown,
    /// Whether deleting a user leaves it, deactivated.
    pub(super) delete_deactivates: bool,
    /// Whether a 403 may mean that it is busy.
    pub(super) busy_by_403: bool,
    /// Whether all members of a group can be replaced in one request.
    pub(super) replaces_members: bool,
    /// Whether a group can be replaced as a whole.
    pub(super) puts_groups: bool,
}

const STANDARD: Profile = Profile {
    announces: true,
    patch: true,
    cursor: false,
    max_page: 1000,
    members_shown: MembersShown::InGroup,
    delete_deactivates: false,
    busy_by_403: false,
    replaces_members: true,
    puts_groups: true,
};

impl ProfileName {
    pub(super) const fn profile(self) -> Profile {
        match self {
            Self::Standard => STANDARD,
            // https://docs.slack.dev/reference/scim-api
            Self::Slack => Profile { delete_deactivates: true, ..STANDARD },
            // https://docs.github.com/rest/scim: no ServiceProviderConfig; a secondary rate limit is a 403.
            Self::Github => Profile { announces: false, max_page: 100, busy_by_403: true, ..STANDARD },
            // https://docs.aws.amazon.com/singlesignon/latest/developerguide/limitations.html
            Self::Aws => Profile {
                cursor: true,
                max_page: 100,
                members_shown: MembersShown::ByFilter,
                replaces_members: false,
                puts_groups: false,
                ..STANDARD
            },
        }
    }
}
