//! Api tokens that are bound to connectors.

use super::super::*;
use super::{agent, api};
use crate::store::tests::{TestDb, on_both};

on_both!(an_api_token_may_be_bound_to_connectors);

async fn an_api_token_may_be_bound_to_connectors(db: TestDb) {
    let auth = Authenticator::new(db.store.clone());
    let names = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    let bounded = |connector_names| NewToken { connector_names, ..api(&["admin"]) };
    let issued = auth.issue(bounded(names(&["erp", "crm", "erp"]))).await.unwrap();
    assert_eq!(issued.row.token.connector_names, ["crm", "erp"]);
    let identity = auth.authenticate(issued.text.expose()).await.unwrap();
    assert_eq!(identity.bound, ConnectorBound::only(["crm", "erp"]));
    assert!(identity.connector_names.is_empty(), "those of an agent");
    let free = auth.issue(bounded(None)).await.unwrap();
    assert!(auth.authenticate(free.text.expose()).await.unwrap().bound.is_all());
    let served = auth.issue(agent()).await.unwrap();
    let served = auth.authenticate(served.text.expose()).await.unwrap();
    assert_eq!(served.bound, ConnectorBound::only(["internal-ldap", "sap-hr"]));
    let numbered = |count: usize| Some((0..count).map(|number| format!("c-{number}")).collect::<Vec<_>>());
    auth.issue(bounded(numbered(MAX_BOUND_CONNECTORS))).await.unwrap();
    for (connector_names, pointer) in [
        (numbered(MAX_BOUND_CONNECTORS + 1), "/connectorNames"),
        (names(&[]), "/connectorNames"),
        (names(&["ok", "Not-Ok"]), "/connectorNames/1"),
        (names(&["agents"]), "/connectorNames/0"),
    ] {
        let Err(IssueError::Invalid(faults)) = auth.issue(bounded(connector_names)).await else { panic!("{pointer}") };
        assert_eq!(faults.iter().map(|fault| fault.pointer.as_str()).collect::<Vec<_>>(), [pointer]);
    }
}
