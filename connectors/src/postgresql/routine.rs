//! Calls functions and procedures.

use connector_runtime::prelude::*;

use super::pool::Lease;
use super::run::statement;
use super::session::{Fetch, Session};
use super::sql::{Sql, invalid};
use super::trouble::Trouble;
use super::{Executed, Postgresql, RoutineKind};

/// Finds what has a name: functions, procedures or both.
const KINDS: &str = "SELECT DISTINCT (p.prokind = 'p')::text AS is_procedure \
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
    WHERE p.proname = $1 AND CASE WHEN $2::text IS NULL THEN pg_catalog.pg_function_is_visible(p.oid) \
      ELSE n.nspname = $2::text END";

/// What is called, with its arguments.
#[derive(Debug, Clone, Copy)]
pub(super) struct Routine<'a> {
    pub(super) schema: Option<&'a str>,
    pub(super) name: &'a str,
    pub(super) kind: RoutineKind,
    pub(super) args: &'a [Value],
    pub(super) named: &'a Map<String, Value>,
}

impl Postgresql {
    pub(super) async fn call_routine(
        &self,
        cx: &Context,
        routine: Routine<'_>,
        limit: u32,
        timeout_ms: Option<u32>,
    ) -> Result<Executed, Trouble> {
        let mut lease = Lease::take(self, cx, self.until(cx, timeout_ms)).await?;
        let session = lease.session()?;
        let called = async {
            let is_procedure = match routine.kind {
                RoutineKind::Auto => routine.is_procedure(session).await?,
                kind => kind == RoutineKind::Procedure,
            };
            statement(session, &routine.sql(is_procedure)?, limit, Fetch::All, Some(cx)).await
        };
        let called = called.await;
        lease.give_back().await;
        Ok(called?.into_executed())
    }
}

impl<'a> Routine<'a> {
    async fn is_procedure(&self, session: &mut Session) -> Result<bool, Trouble> {
        let (name, schema) = (Value::from(self.name), Value::from(self.schema));
        let values = vec![("name".to_owned(), &name), ("schema".to_owned(), &schema)];
        let found = statement(session, &Sql { text: KINDS.to_owned(), values }, 2, Fetch::All, None).await?;
        match found.taken.rows.as_slice() {
            [one] => Ok(one["is_procedure"] == "true"),
            [] => Err(Trouble::here(Fail::coded(
                Code::NotFound,
                format!(
                    "There is no function or procedure {:?} {}; names are taken as they are, also in case",
                    self.name,
                    self.schema.map_or("on the search path".to_owned(), |schema| format!("in the schema {schema:?}"))
                ),
            ))),
            _ => Err(invalid(format!("{:?} is a function and a procedure; say which with kind", self.name))),
        }
    }

    fn sql(&self, is_procedure: bool) -> Result<Sql<'a>, Trouble> {
        let mut sql = Sql::new(if is_procedure { "CALL " } else { "SELECT * FROM " });
        sql.name_in(self.schema, self.name)?;
        sql.push("(");
        for (at, value) in self.args.iter().enumerate() {
            sql.push(if at == 0 { "" } else { ", " });
            sql.value(format!("args[{at}]"), value);
        }
        for (at, (name, value)) in self.named.iter().enumerate() {
            sql.push(if at == 0 && self.args.is_empty() { "" } else { ", " });
            sql.name(name)?;
            sql.push(" => ");
            sql.value(format!("namedArgs.{name}"), value);
        }
        sql.push(")");
        Ok(sql)
    }
}
