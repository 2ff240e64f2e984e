//! Runs the commands: takes a connection, runs statements on it, and gives it back clean.

use std::time::Duration;

use connector_runtime::prelude::*;
use tokio::time::Instant;

use super::pool::Lease;
use super::rows::{MAX_WEIGHT, Rows, Taken};
use super::session::{Fetch, MAX_PARAMETERS, Session};
use super::sql::{Sql, invalid};
use super::trouble::{Cause, Trouble};
use super::types::{Kind, Types};
use super::{
    Affected, Column, Executed, Isolation, Met, Postgresql, Queried, SslMode, Statement, Transacted, bind, placeholders,
};

/// The time of a call that is kept for telling what became of it.
const TOLD_WITHIN: Duration = Duration::from_millis(300);
/// The most time that the server ends a statement before we do.
const SERVER_FIRST: Duration = Duration::from_millis(250);
/// The most statements of a transaction.
const MAX_STATEMENTS: usize = 1_000;

/// What a statement brought.
#[derive(Debug)]
pub(super) struct Ran {
    tag: String,
    pub(super) taken: Taken,
}

impl Ran {
    /// Returns how many rows were changed, where the server says so: of rows that are only read it does not.
    pub(super) fn affected(&self) -> Option<u64> {
        let (command, count) = self.tag.split_once(' ')?;
        if !matches!(command, "INSERT" | "UPDATE" | "DELETE" | "MERGE") {
            return None;
        }
        count.rsplit(' ').next()?.parse().ok()
    }

    /// Returns what the server did, such as `UPDATE` or `CREATE TABLE`.
    pub(super) fn command(&self) -> String {
        self.tag.trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ').to_owned()
    }

    pub(super) fn into_executed(self) -> Executed {
        let (command, affected) = (self.command(), self.affected());
        let Taken { rows, columns, count, truncated, truncated_by, .. } = self.taken;
        Executed { command, affected, rows, columns, count, truncated, truncated_by }
    }
}

impl Postgresql {
    /// Returns when the call must be over: what it says, else what the connection says, and before it would be cut.
    pub(super) fn until(&self, cx: &Context, timeout_ms: Option<u32>) -> Instant {
        let own =
            timeout_ms.map_or(Duration::from_secs(self.timeout_secs.into()), |ms| Duration::from_millis(ms.into()));
        let left = cx.time_left();
        Instant::now() + own.min(left.saturating_sub(TOLD_WITHIN.min(left / 4)))
    }

    /// Returns the statements that make every connection show values alike, and end statements in time.
    pub(super) fn settings(&self, until: Instant) -> String {
        let left = until.saturating_duration_since(Instant::now());
        let statement = left.saturating_sub(SERVER_FIRST.min(left / 4)).as_millis().max(1);
        format!(
            "SET statement_timeout = {statement}; SET client_min_messages = 'error'; SET datestyle = 'ISO'; SET \
             intervalstyle = 'iso_8601'; SET extra_float_digits = 3; SET bytea_output = 'hex'; SET \
             standard_conforming_strings = 'on'; SET timezone = '{}'",
            self.time_zone
        )
    }

    pub(super) async fn meet(&self, cx: &Context) -> Result<Met, Trouble> {
        let mut lease = Lease::fresh(self, cx, self.until(cx, None)).await?;
        let session = lease.session()?;
        let sql = "SELECT current_database()::text AS database, current_user::text AS user, \
                   (pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on')::text AS read_only";
        let ran = statement(session, &Sql::new(sql), 1, Fetch::All, None)
            .await
            .map_err(|trouble| trouble.at("permission"))?;
        let text = |name: &str| ran.taken.rows.first().and_then(|row| row.get(name)?.as_str()).unwrap_or_default();
        let met = Met {
            version: session.version().to_owned(),
            database: text("database").to_owned(),
            user: text("user").to_owned(),
            encrypted: self.ssl_mode == SslMode::VerifyFull,
            read_only: text("read_only") == "true",
        };
        lease.close().await;
        Ok(met)
    }

    pub(super) async fn read(
        &self,
        cx: &Context,
        sql: &str,
        values: Option<&Value>,
        limit: u32,
        timeout_ms: Option<u32>,
    ) -> Result<Queried, Trouble> {
        let until = self.until(cx, timeout_ms);
        let sql = placeholders::fill(sql, values, "values")?;
        let mut repeats = 0;
        loop {
            let mut lease = Lease::take(self, cx, until).await?;
            match read_only(lease.session()?, &sql, limit).await {
                // Nothing was changed, so it may be sent again.
                Err(trouble) if trouble.is_lost() && repeats == 0 => repeats += 1,
                read => {
                    lease.give_back().await;
                    let Taken { rows, columns, count, truncated, truncated_by, .. } = read?.taken;
                    return Ok(Queried { rows, columns, count, truncated, truncated_by });
                }
            }
        }
    }

    pub(super) async fn run_alone(
        &self,
        cx: &Context,
        sql: &str,
        values: Option<&Value>,
        limit: u32,
        timeout_ms: Option<u32>,
    ) -> Result<Executed, Trouble> {
        let sql = placeholders::fill(sql, values, "values")?;
        let mut lease = Lease::take(self, cx, self.until(cx, timeout_ms)).await?;
        let ran = statement(lease.session()?, &sql, limit, Fetch::All, Some(cx)).await;
        lease.give_back().await;
        Ok(ran?.into_executed())
    }

    pub(super) async fn transact(
        &self,
        cx: &Context,
        statements: &[Statement],
        isolation: Isolation,
        timeout_ms: Option<u32>,
    ) -> Result<Transacted, Trouble> {
        if statements.is_empty() || statements.len() > MAX_STATEMENTS {
            return Err(invalid(format!(
                "A transaction has 1 to {MAX_STATEMENTS} statements, not {}",
                statements.len()
            )));
        }
        let filled = statements.iter().enumerate().map(|(at, statement)| {
            let word = placeholders::first_word(&statement.sql);
            if matches!(word.as_str(), "BEGIN" | "START" | "COMMIT" | "END" | "ROLLBACK" | "ABORT" | "PREPARE") {
                return Err(invalid(format!("statements[{at}] is {word}: the call begins and ends the transaction")));
            }
            placeholders::fill(&statement.sql, statement.values.as_ref(), &format!("statements[{at}].values"))
        });
        let filled: Vec<Sql<'_>> = filled.collect::<Result<_, _>>()?;
        let mut lease = Lease::take(self, cx, self.until(cx, timeout_ms)).await?;
        let session = lease.session()?;
        let level = match isolation {
            Isolation::ReadCommitted => "READ COMMITTED",
            Isolation::RepeatableRead => "REPEATABLE READ",
            Isolation::Serializable => "SERIALIZABLE",
        };
        let all = async {
            session.simple(&format!("START TRANSACTION ISOLATION LEVEL {level}")).await?;
            let mut results = Vec::with_capacity(filled.len());
            let mut size = 0;
            for (at, (sql, asked)) in filled.iter().zip(statements).enumerate() {
                let result = one_of_many(session, sql, asked, &mut size).await;
                results.push(result.map_err(|trouble| trouble.of_statement(at))?);
            }
            commit(session, cx).await?;
            Ok(Transacted { results })
        };
        let all = all.await;
        lease.give_back().await;
        all
    }
}

async fn one_of_many(
    session: &mut Session,
    sql: &Sql<'_>,
    asked: &Statement,
    size: &mut usize,
) -> Result<Affected, Trouble> {
    let ran = statement(session, sql, asked.limit, Fetch::All, None).await?;
    if !session.is_in_transaction() {
        return Err(invalid("It ended the transaction; what came before it is no longer one with what comes after"));
    }
    *size += ran.taken.weight;
    if *size > MAX_WEIGHT {
        let text = "The rows of all statements take more than 16 MiB; return fewer with limit";
        return Err(Trouble::here(Fail::coded(Code::TooLarge, text)));
    }
    let (command, affected) = (ran.command(), ran.affected());
    if let Some(expected) = asked.expect_affected
        && affected != Some(expected)
    {
        let text =
            format!("It changed {} rows, and {expected} were expected; nothing was changed", affected.unwrap_or(0));
        return Err(Trouble::here(Fail::coded(Code::Conflict, text).diagnostic("affected", affected)));
    }
    let Taken { rows, count, truncated, .. } = ran.taken;
    Ok(Affected { command, affected, rows, count, truncated })
}

/// Runs a statement in a transaction that the server holds to reading.
async fn read_only(session: &mut Session, sql: &Sql<'_>, limit: u32) -> Result<Ran, Trouble> {
    // After a first query the server does not let the transaction become one that writes.
    session.simple("START TRANSACTION READ ONLY; SELECT 1").await?;
    statement(session, sql, limit, Fetch::UpToLimit, None).await
}

/// Runs a statement. With a context it may take effect on its own, and the call says so if it is cut.
pub(super) async fn statement(
    session: &mut Session,
    sql: &Sql<'_>,
    limit: u32,
    fetch: Fetch,
    takes_effect: Option<&Context>,
) -> Result<Ran, Trouble> {
    if sql.values.len() > MAX_PARAMETERS {
        return Err(invalid(format!("A statement takes at most {MAX_PARAMETERS} values, not {}", sql.values.len())));
    }
    let prepared = session.prepare("floh", &sql.text).await?;
    let types = Types::of(session, &prepared).await?;
    let texts = bind::texts(&sql.values, &prepared, &types)?;
    let columns: Vec<(Column, Kind)> = types.columns(&prepared);
    let mut rows = Rows::of(columns, limit)?;
    let effect = takes_effect.map(Context::begin_effect);
    let is_alone = effect.is_some();
    let ran = session.run(&prepared, &texts, &mut rows, fetch).await;
    let ran = ran.map_err(|trouble| if is_alone { trouble.after_effect() } else { trouble });
    if let Some(effect) = effect
        && !matches!(&ran, Err(Trouble { is_unknown: true, .. }))
    {
        effect.settle();
    }
    let tag = ran?;
    if let Some(broken) = rows.take_broken() {
        if !is_alone {
            return Err(Trouble::here(broken));
        }
        let text = format!("{}. The statement itself was done: {tag}", broken.error);
        return Err(Trouble::here(Fail { error: text, ..broken }.diagnostic("outcome", "done")));
    }
    Ok(Ran { tag, taken: rows.finish() })
}

/// Commits. Until this is sent, a lost connection leaves nothing behind.
pub(super) async fn commit(session: &mut Session, cx: &Context) -> Result<(), Trouble> {
    let effect = cx.begin_effect();
    let tag = session.simple("COMMIT").await.map_err(Trouble::after_effect);
    if !matches!(&tag, Err(Trouble { is_unknown: true, .. })) {
        effect.settle();
    }
    // A transaction that failed is rolled back by COMMIT, without an error.
    if tag? == "COMMIT" {
        Ok(())
    } else {
        Err(Trouble::here(Fail::coded(Code::Conflict, "The transaction was rolled back")))
    }
}

impl Trouble {
    /// Says which statement of a transaction it came up in.
    fn of_statement(self, at: usize) -> Self {
        let (is_lost, is_late) = (self.is_lost(), matches!(self.cause, Cause::Late));
        let mut fail = self.into_fail().diagnostic("statement", at);
        if !is_lost && !is_late {
            fail.error = format!("statements[{at}]: {}", fail.error);
        }
        Self::here(fail)
    }
}
