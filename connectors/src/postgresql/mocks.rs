//! What commands answer without a database.

use connector_runtime::prelude::*;

use super::{Affected, Changed, Column, Executed, Inserted, Met, Queried, Transacted};

fn person() -> Value {
    json!({ "id": "7", "email": "ada@example.com", "team": "sales" })
}

fn columns() -> Vec<Column> {
    vec![Column::new("id", "int8"), Column::new("email", "text"), Column::new("team", "text")]
}

fn refused<T>(code: Code, state: &str, message: &str) -> Outcome<T> {
    let fail = Fail::coded(code, format!("The database refused it: {message}"));
    Err(fail.diagnostic("systemCode", state).diagnostic("systemMessage", message).into())
}

pub(super) fn met() -> Outcome<Met> {
    succeed(Met {
        version: "15.5".to_owned(),
        database: "hr".to_owned(),
        user: "floh".to_owned(),
        encrypted: true,
        read_only: false,
    })
}

pub(super) fn sign_in_refused() -> Outcome<Met> {
    let refused: Outcome<Met> =
        refused(Code::Unauthenticated, "28P01", "password authentication failed for user \"floh\"");
    refused.diagnostic("step", "signIn")
}

pub(super) fn queried() -> Outcome<Queried> {
    succeed(Queried { rows: vec![person()], columns: columns(), count: 1, truncated: false, truncated_by: None })
}

pub(super) fn queried_nothing() -> Outcome<Queried> {
    succeed(Queried { rows: Vec::new(), columns: columns(), count: 0, truncated: false, truncated_by: None })
}

pub(super) fn no_table() -> Outcome<Queried> {
    refused(Code::NotFound, "42P01", "relation \"people\" does not exist")
}

pub(super) fn executed() -> Outcome<Executed> {
    succeed(Executed {
        command: "UPDATE".to_owned(),
        affected: Some(1),
        rows: vec![person()],
        columns: columns(),
        count: 1,
        truncated: false,
        truncated_by: None,
    })
}

fn duplicate_key<T>() -> Outcome<T> {
    let refused: Outcome<T> =
        refused(Code::Exists, "23505", "duplicate key value violates unique constraint \"people_email_key\"");
    refused.diagnostic("constraint", "people_email_key").diagnostic("table", "people")
}

pub(super) fn duplicate() -> Outcome<Executed> {
    duplicate_key()
}

pub(super) fn duplicate_row() -> Outcome<Inserted> {
    duplicate_key()
}

fn no_permission<T>() -> Outcome<T> {
    refused(Code::Denied, "42501", "permission denied for table people")
}

pub(super) fn denied() -> Outcome<Executed> {
    no_permission()
}

pub(super) fn insert_denied() -> Outcome<Inserted> {
    no_permission()
}

pub(super) fn change_denied() -> Outcome<Changed> {
    no_permission()
}

pub(super) fn transaction_denied() -> Outcome<Transacted> {
    no_permission().diagnostic("statement", 0)
}

pub(super) fn inserted() -> Outcome<Inserted> {
    succeed(Inserted { affected: 1, ignored: 0, rows: vec![person()], count: 1, truncated: false })
}

pub(super) fn changed() -> Outcome<Changed> {
    succeed(Changed { affected: 1, changed: true, rows: vec![person()], count: 1, truncated: false })
}

pub(super) fn unchanged() -> Outcome<Changed> {
    succeed(Changed { affected: 0, changed: false, rows: Vec::new(), count: 0, truncated: false })
}

pub(super) fn referenced() -> Outcome<Changed> {
    let message = "update or delete on table \"people\" violates foreign key constraint \"orders_person_fkey\"";
    refused(Code::Conflict, "23503", message)
}

pub(super) fn transacted() -> Outcome<Transacted> {
    let result =
        Affected { command: "UPDATE".to_owned(), affected: Some(1), rows: Vec::new(), count: 0, truncated: false };
    succeed(Transacted { results: vec![result] })
}

pub(super) fn serialization() -> Outcome<Transacted> {
    let refused: Outcome<Transacted> =
        refused(Code::Conflict, "40001", "could not serialize access due to concurrent update");
    refused.diagnostic("statement", 0)
}

pub(super) fn no_routine() -> Outcome<Executed> {
    fail::<Executed>("There is no function or procedure \"close_month\" on the search path")
        .diagnostic("code", Code::NotFound)
}
