//! `/api/audit`.

use super::pages::Pages;
use super::transport::Client;
use crate::answers::AuditEntry;
use crate::filters::AuditFilter;
use crate::routes;

impl Client {
    /// Lists entries of the audit trail, newest first.
    pub fn list_audit(&self, filter: &AuditFilter) -> Pages<'_, AuditEntry> {
        let AuditFilter { subject, connector, type_name, action, token, source, request_id, since, until } = filter;
        Pages::new(self, routes::LIST_AUDIT, None)
            .filter("subject", subject.as_ref())
            .filter("connector", connector.as_ref())
            .filter("type", type_name.as_ref())
            .filter("action", action.as_ref())
            .filter("token", token.as_ref())
            .filter("source", source.as_ref())
            .filter("requestId", request_id.as_ref())
            .filter("since", since.as_ref())
            .filter("until", until.as_ref())
    }
}
