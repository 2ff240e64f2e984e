//! Seeding: writes the compiled connector types into `connector_type` in one transaction.
//!
//! The store does not compare versions. The caller reads [`ConnectorTypes::seeded`], decides per type by the
//! rules of docs/contract.md#seeding, and hands the decisions to [`ConnectorTypes::seed`].

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use uuid::Uuid;

use super::audit::Detail;
use super::audit::detail::State;
use super::change::ChangeTransaction;
use super::rework::{self, Rework, StoredConfig};
use super::sql::{Reader, Statement, json, new_id, now};
use super::stored_schema::StoredSchema;
use super::types::{self, ConnectorTypes};
use super::{Actor, ExecutionModel, StoreError, TypeSource, VersionSource};
use crate::changes::{Action, Subject};

/// Rows in one statement: 64 x 16 values. More would be slower, because SQLite looks up each `$N` in a list of all.
const BATCH: usize = 64;

/// What is stored under a type's name before seeding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeededType {
    /// Its unique name.
    pub name: String,
    /// How its commands are served.
    pub execution_model: ExecutionModel,
    /// Whether it was seeded, or is a user's type that has taken the name.
    pub source: TypeSource,
    /// Its current version, including an operator's changes.
    pub version: String,
    /// The version that seeding last wrote.
    pub seeded_version: Option<String>,
    /// The config schema that seeding last wrote.
    pub seeded_schema: Option<StoredSchema>,
    /// Its current config schema, including an operator's changes.
    pub config_schema: StoredSchema,
    /// Its current description, including an operator's changes.
    pub description: String,
    /// Its current category, including an operator's changes.
    pub category: Option<String>,
    /// Its current tags, including an operator's changes.
    pub tags: Vec<String>,
    /// Whether it was compiled in at the last start.
    pub available: bool,
}

/// What seeding does with one compiled type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeedDecision {
    /// No row has the name: insert one.
    Insert,
    /// The compiled type replaces the row's contents.
    Replace,
    /// The compiled description, category and tags replace the row's; everything else stays.
    Describe,
    /// The row stays as it is; it is only marked as available.
    Leave,
}

/// What becomes of seeded types that are not compiled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Others {
    /// They are marked as not available.
    Withdraw,
    /// They stay: another release has them.
    Leave,
}

/// One compiled type, and what to do with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedTypeRow {
    /// Its unique name.
    pub name: String,
    /// Its compiled version.
    pub version: String,
    /// How its commands are served.
    pub execution_model: ExecutionModel,
    /// What it connects to.
    pub description: String,
    /// Its category, if any.
    pub category: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its config schema.
    pub config_schema: StoredSchema,
    /// The compiled schema that later starts compare with; equal to `config_schema` if the row shows it in full.
    pub seeded_schema: StoredSchema,
    /// The JavaScript, for a seeded script type.
    pub script_source: Option<String>,
    /// What changed since the last seeded version, as JSON text, for the history.
    pub changes: String,
    /// What to do.
    pub decision: SeedDecision,
}

/// What seeding did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeedReport {
    /// Types that are new.
    pub inserted: usize,
    /// Types whose row was replaced, as a whole or its texts.
    pub replaced: usize,
    /// Types whose row stayed.
    pub left: usize,
    /// Seeded types that are no longer compiled in and were not yet marked so, by name.
    pub withdrawn: Vec<String>,
    /// Seeded types that are compiled in again, by name.
    pub returned: Vec<String>,
}

/// Decides what the connection of a connector of a replaced type becomes; `None` leaves it unchanged.
pub type SeedReworking<'r, E> = dyn FnMut(&str, StoredConfig) -> Result<Option<Rework>, E> + Send + 'r;

/// Leaves the connections of connectors as they are.
///
/// # Errors
/// None.
pub fn leave_config(_: &str, _: StoredConfig) -> Result<Option<Rework>, StoreError> {
    Ok(None)
}

impl ConnectorTypes<'_> {
    /// Reads what seeding compares with: every type's name, and what was seeded under it.
    ///
    /// # Errors
    /// Database errors.
    pub async fn seeded(&self) -> Result<Vec<SeededType>, StoreError> {
        let rows = sqlx::query(
            // Nearly every row shows what was seeded: that text is read once.
            "SELECT name, execution_model, source, version, seeded_version, config_schema, description, category, tags, available, \
             CAST(CASE WHEN seeded_schema = config_schema THEN 1 ELSE 0 END AS BIGINT) AS shows_seeded, \
             NULLIF(seeded_schema, config_schema) AS seeded_schema FROM connector_type ORDER BY name",
        )
        .fetch_all(&self.store.read)
        .await?;
        rows.iter()
            .map(|row| {
                let row = Reader::new(row, "connector_type");
                let config_schema = StoredSchema::from_text(row.text("config_schema")?);
                let seeded_schema = match row.flag("shows_seeded")? {
                    true => Some(config_schema.clone()),
                    false => row.value::<Option<String>>("seeded_schema")?.map(StoredSchema::from_text),
                };
                Ok(SeededType {
                    name: row.text("name")?,
                    execution_model: row.word("execution_model")?,
                    source: row.word("source")?,
                    version: row.text("version")?,
                    seeded_version: row.value("seeded_version")?,
                    seeded_schema,
                    config_schema,
                    description: row.text("description")?,
                    category: row.value("category")?,
                    tags: row.json("tags")?,
                    available: row.flag("available")?,
                })
            })
            .collect()
    }

    /// Carries out the decisions for all compiled types in one transaction, and marks seeded types that are not among
    /// them as not available. Running it twice changes nothing.
    ///
    /// A user's type that has taken a name is never overwritten. `reworking` gets the stored config of each connector of
    /// a type that is replaced, with the type's name.
    ///
    /// # Errors
    /// Database errors and errors of `reworking`; then nothing is written.
    pub async fn seed<E: From<StoreError>>(
        &self,
        rows: &[SeedTypeRow],
        reworking: &mut SeedReworking<'_, E>,
    ) -> Result<SeedReport, E> {
        self.seed_with(rows, reworking, Others::Withdraw).await
    }

    /// Like [`ConnectorTypes::seed`], beside a later release: seeded types that are not among the rows may be of that one.
    ///
    /// # Errors
    /// Those of [`ConnectorTypes::seed`].
    pub async fn seed_beside_later<E: From<StoreError>>(
        &self,
        rows: &[SeedTypeRow],
        reworking: &mut SeedReworking<'_, E>,
    ) -> Result<SeedReport, E> {
        self.seed_with(rows, reworking, Others::Leave).await
    }

    async fn seed_with<E: From<StoreError>>(
        &self,
        rows: &[SeedTypeRow],
        reworking: &mut SeedReworking<'_, E>,
        others: Others,
    ) -> Result<SeedReport, E> {
        let mut transaction = self.store.begin_change().await?;
        let at = now();
        let report = write(&mut transaction, rows, at, others).await?;
        for row in rows.iter().filter(|row| row.decision == SeedDecision::Replace) {
            let id = types::fetch(&mut transaction, &row.name).await?.id;
            let mut reworking = |stored| reworking(&row.name, stored);
            rework::all(&mut transaction, id, at, Some(&mut reworking)).await?;
        }
        for row in rows.iter().filter(|row| row.decision == SeedDecision::Describe) {
            describe(&mut transaction, row, at).await?;
        }
        transaction.commit().await?;
        Ok(report)
    }
}

/// Writes the rows of types; those of connectors follow.
async fn write(
    transaction: &mut ChangeTransaction,
    rows: &[SeedTypeRow],
    at: Timestamp,
    others: Others,
) -> Result<SeedReport, StoreError> {
    let now = at.as_millisecond();
    let mut report = SeedReport::default();

    let compiled: HashSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    let stored = sqlx::query("SELECT id, name, version, available FROM connector_type WHERE source = $1 ORDER BY name")
        .bind(TypeSource::Code.as_str())
        .fetch_all(&mut **transaction)
        .await?;
    let mut versions: HashMap<String, String> = HashMap::new();
    let mut withdrawn: Vec<(Uuid, String)> = Vec::new();
    let mut returned: Vec<(Uuid, String)> = Vec::new();
    for row in &stored {
        let row = Reader::new(row, "connector_type");
        let name = row.text("name")?;
        versions.insert(name.clone(), row.text("version")?);
        match (row.flag("available")?, compiled.contains(name.as_str())) {
            (true, false) if others == Others::Leave => {}
            (true, false) => {
                withdrawn.push((row.id("id")?, name.clone()));
                report.withdrawn.push(name);
            }
            (false, true) => {
                returned.push((row.id("id")?, name.clone()));
                report.returned.push(name);
            }
            _ => {}
        }
    }
    for (types, available) in [(withdrawn, 0_i64), (returned, 1)] {
        for types in types.chunks(BATCH) {
            let mut statement = Statement::new("UPDATE connector_type SET available = ");
            statement.bind(available).push(", updated_at = ").bind(now).push(", revision = revision + 1 WHERE id IN (");
            statement.list(types.iter().map(|(id, _)| id.to_string())).push(")");
            statement.query().execute(&mut **transaction).await?;
        }
        for (id, name) in types {
            let state = |available| State::of_seeded(&versions[&name], available);
            let detail = Detail::changed(state(available == 0), state(available == 1));
            transaction.note(Subject::ConnectorType { id, name }, Action::Changed, detail);
        }
    }

    let written: Vec<&SeedTypeRow> =
        rows.iter().filter(|row| matches!(row.decision, SeedDecision::Insert | SeedDecision::Replace)).collect();
    for rows in written.chunks(BATCH) {
        upsert(rows, now).query().persistent(false).execute(&mut **transaction).await?;
        remember(transaction, rows, &versions, now).await?;
    }
    for row in rows {
        match row.decision {
            SeedDecision::Insert => report.inserted += 1,
            SeedDecision::Replace | SeedDecision::Describe => report.replaced += 1,
            SeedDecision::Leave => report.left += 1,
        }
    }
    Ok(report)
}

/// Writes description, category and tags of a type. They are no part of a version, so the history has none of them.
async fn describe(transaction: &mut ChangeTransaction, row: &SeedTypeRow, at: Timestamp) -> Result<(), StoreError> {
    let before = types::fetch(transaction, &row.name).await?;
    sqlx::query(
        "UPDATE connector_type SET description = $1, category = $2, tags = $3, updated_at = $4, revision = revision + 1 \
         WHERE id = $5 AND source = $6",
    )
    .bind(row.description.as_str())
    .bind(row.category.as_deref())
    .bind(json(&row.tags))
    .bind(at.as_millisecond())
    .bind(before.id.to_string())
    .bind(TypeSource::Code.as_str())
    .execute(&mut **transaction)
    .await?;
    let after = types::fetch(transaction, &row.name).await?;
    let detail = Detail::changed(State::of_type(&before.fields), State::of_type(&after.fields));
    transaction.note(after.subject(), Action::Changed, detail);
    Ok(())
}

/// Writes history rows for the types that were just written.
async fn remember(
    transaction: &mut ChangeTransaction,
    rows: &[&SeedTypeRow],
    versions: &HashMap<String, String>,
    now: i64,
) -> Result<(), StoreError> {
    let mut statement = Statement::new("SELECT id, name FROM connector_type WHERE source = 'code' AND name IN (");
    statement.list(rows.iter().map(|row| row.name.as_str())).push(")");
    let stored = statement.query().persistent(false).fetch_all(&mut **transaction).await?;
    let mut ids: HashMap<String, Uuid> = HashMap::new();
    for row in &stored {
        let row = Reader::new(row, "connector_type");
        ids.insert(row.text("name")?, row.id("id")?);
    }
    // A user's type that has the name is not seeded, and has a history of its own.
    let rows: Vec<(&SeedTypeRow, Uuid)> = rows.iter().filter_map(|row| Some((*row, *ids.get(&row.name)?))).collect();
    if rows.is_empty() {
        return Ok(());
    }
    for (row, id) in &rows {
        let after = State::of_seeded(&row.version, true);
        let (action, detail) = match versions.get(&row.name) {
            Some(before) => (Action::Changed, Detail::changed(State::of_seeded(before, true), after)),
            None => (Action::Created, Detail::created(after)),
        };
        transaction.note(Subject::ConnectorType { id: *id, name: row.name.clone() }, action, detail);
    }
    let mut statement = Statement::new(
        "INSERT INTO connector_type_version (id, type_id, version, config_schema, script_source, source, changes, \
         created_at, actor_name) VALUES ",
    );
    let seeder = Actor::system();
    statement.rows(rows, |columns, (row, type_id)| {
        columns
            .bind(new_id().to_string())
            .bind(type_id.to_string())
            .bind(row.version.as_str())
            .bind(row.config_schema.as_text())
            .bind(row.script_source.as_deref())
            .bind(VersionSource::Seed.as_str())
            .bind(row.changes.as_str())
            .bind(now)
            .bind(seeder.name.as_str());
    });
    statement.query().persistent(false).execute(&mut **transaction).await?;
    Ok(())
}

fn upsert(rows: &[&SeedTypeRow], now: i64) -> Statement {
    let mut statement = Statement::new(
        "INSERT INTO connector_type (id, name, version, execution_model, description, category, tags, config_schema, script_source, \
         source, available, seeded_version, seeded_schema, created_at, updated_at, revision) VALUES ",
    );
    statement.rows(rows, |columns, row| {
        columns
            .bind(new_id().to_string())
            .bind(row.name.as_str())
            .bind(row.version.as_str())
            .bind(row.execution_model.as_str())
            .bind(row.description.as_str())
            .bind(row.category.as_deref())
            .bind(json(&row.tags))
            .bind(row.config_schema.as_text())
            .bind(row.script_source.as_deref())
            .bind(TypeSource::Code.as_str())
            .bind(1_i64)
            .bind(row.version.as_str())
            .bind(row.seeded_schema.as_text())
            .bind(now)
            .bind(now)
            .bind(1_i64);
    });
    statement.push(
        " ON CONFLICT (name) DO UPDATE SET version = excluded.version, execution_model = excluded.execution_model, \
         description = excluded.description, category = excluded.category, tags = excluded.tags, \
         config_schema = excluded.config_schema, script_source = excluded.script_source, available = 1, \
         seeded_version = excluded.seeded_version, seeded_schema = excluded.seeded_schema, updated_at = excluded.updated_at, \
         revision = connector_type.revision + 1 WHERE connector_type.source = 'code'",
    );
    statement
}
