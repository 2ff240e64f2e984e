//! Connector types without their schemas and scripts: for lists, the search, and the head of pages. A line is written in
//! the transaction that writes its type.

use std::collections::HashMap;

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::connection::DatabaseConnection;
use super::connectors::contains;
use super::error::Entity;
use super::sql::{Key, Reader, Statement, json};
use super::stored_schema::StoredSchema;
use super::types::{self, ConnectorTypes};
use super::{ConnectorType, ExecutionModel, Page, PageRequest, StoreError, TypeSource, page};

const TABLE: &str = "type_line";
/// Tells cursors of this list from those of others.
const LIST: char = 'l';
const SELECT: &str = "SELECT l.type_id, l.revision, l.name, l.version, l.execution_model, l.description, l.category, l.tags, \
     l.source, l.available, l.endpoint_url, l.updated_at, l.commands, \
     (SELECT COUNT(*) FROM connector c WHERE c.type_id = l.type_id) AS instances FROM type_line l";
/// How many lines are written in one transaction when the server starts.
const BATCH: i64 = 64;
/// The maximum number of characters that are kept of the description of a command.
const MAX_DESCRIPTION: usize = 300;

/// A connector type as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeLine {
    /// Its id.
    pub id: Uuid,
    /// Its unique name.
    pub name: String,
    /// Its semantic version.
    pub version: String,
    /// How its commands are served.
    pub execution_model: ExecutionModel,
    /// What it connects to; may be empty.
    pub description: String,
    /// Its category, if any.
    pub category: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Compiled in, or created by a user.
    pub source: TypeSource,
    /// False if an earlier release seeded it and this release does not have it compiled in.
    pub available: bool,
    /// Where an external type is served.
    pub endpoint_url: Option<String>,
    /// The number of connectors of this type.
    pub instances: u64,
    /// The number of commands in its row's schema; `None` if it takes any.
    pub commands: Option<u64>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Increases with every change.
    pub revision: i64,
}

/// What the connection of a type's connectors has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeConnection {
    /// The name of the type.
    pub name: String,
    /// How its commands are served.
    pub execution_model: ExecutionModel,
    /// False if an earlier release seeded it and this release does not have it compiled in.
    pub available: bool,
    /// The fields, as JSON text: the `connectionConfig` of its schema.
    pub fields: String,
}

/// Which types a list has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TypeFilter {
    /// Text in name, description, category or tags.
    pub q: Option<String>,
    /// How its commands are served.
    pub execution_model: Option<ExecutionModel>,
    /// Where it is from.
    pub source: Option<TypeSource>,
}

/// A command of a type, as the search shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// The name of its type.
    pub type_name: String,
    /// Its name.
    pub name: String,
    /// The beginning of its description.
    pub description: String,
}

impl ConnectorTypes<'_> {
    /// Finds a type by id or name, without its schema.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn line(&self, key: &str) -> Result<TypeLine, StoreError> {
        let mut statement = Statement::new(SELECT);
        match Key::parse(key) {
            Key::Id(id) => statement.push(" WHERE l.type_id = ").bind(id.to_string()),
            Key::Name(name) => statement.push(" WHERE l.name = ").bind(name),
        };
        let row = statement.query().fetch_optional(&self.store.read).await?;
        from_row(&row.ok_or_else(|| StoreError::NotFound { entity: Entity::ConnectorType, key: key.to_owned() })?)
    }

    /// Lists types by name, without their schemas.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`].
    pub async fn lines(&self, filter: &TypeFilter, page: &PageRequest) -> Result<Page<TypeLine>, StoreError> {
        let mut statement = Statement::new(SELECT);
        statement.push(" WHERE 1 = 1");
        if let Some(q) = &filter.q {
            statement.push(" AND l.search LIKE ").bind(contains(q)).push(" ESCAPE '\\'");
        }
        if let Some(model) = filter.execution_model {
            statement.push(" AND l.execution_model = ").bind(model.as_str());
        }
        if let Some(source) = filter.source {
            statement.push(" AND l.source = ").bind(source.as_str());
        }
        if let Some(name) = page.after(LIST)? {
            statement.push(" AND l.name > ").bind(name);
        }
        statement.push(" ORDER BY l.name LIMIT ").bind(i64::from(page.limit()) + 1);
        let rows = statement.query().fetch_all(&self.store.read).await?;
        let items = rows.iter().map(from_row).collect::<Result<_, _>>()?;
        Ok(page::cut(items, page, LIST, |last: &TypeLine| last.name.clone()))
    }

    /// Reads the connection fields of several types at once; ids without a type are left out.
    ///
    /// # Errors
    /// Database errors.
    pub async fn connections(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, TypeConnection>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut statement = Statement::new(
            "SELECT type_id, name, execution_model, available, connection FROM type_line WHERE type_id IN (",
        );
        statement.list(ids.iter().map(Uuid::to_string)).push(")");
        let rows = statement.query().persistent(false).fetch_all(&self.store.read).await?;
        let connection = |row: &AnyRow| {
            let row = Reader::new(row, TABLE);
            let found = TypeConnection {
                name: row.text("name")?,
                execution_model: row.word("execution_model")?,
                available: row.flag("available")?,
                fields: row.text("connection")?,
            };
            Ok((row.id("type_id")?, found))
        };
        rows.iter().map(connection).collect()
    }

    /// Finds types by a text in what they say of themselves; those whose name begins with it first.
    ///
    /// # Errors
    /// Database errors.
    pub async fn find_lines(&self, q: &str, limit: u32) -> Result<Vec<TypeLine>, StoreError> {
        let mut statement = Statement::new(SELECT);
        statement.push(" WHERE l.search LIKE ").bind(contains(q)).push(" ESCAPE '\\' ORDER BY CASE WHEN l.name LIKE ");
        statement.bind(contains(q).split_off(1)).push(" ESCAPE '\\' THEN 0 ELSE 1 END, l.name LIMIT ");
        statement.bind(i64::from(limit));
        let rows = statement.query().fetch_all(&self.store.read).await?;
        rows.iter().map(from_row).collect()
    }

    /// Finds commands of the types that are not built in by a text in their name or description, those whose name begins with it
    /// first. At most `searched` commands are looked at.
    ///
    /// # Errors
    /// Database errors.
    pub async fn find_commands(&self, q: &str, limit: u32, searched: u32) -> Result<Vec<CommandLine>, StoreError> {
        let mut statement = Statement::new(
            "SELECT l.name AS type_name, c.name, c.description FROM (SELECT type_id, name, description, search FROM type_command LIMIT ",
        );
        statement.bind(i64::from(searched)).push(") c JOIN type_line l ON l.type_id = c.type_id WHERE c.search LIKE ");
        statement.bind(contains(q)).push(" ESCAPE '\\' ORDER BY CASE WHEN c.search LIKE ");
        statement.bind(contains(q).split_off(1)).push(" ESCAPE '\\' THEN 0 ELSE 1 END, c.name, l.name LIMIT ");
        statement.bind(i64::from(limit));
        let rows = statement.query().fetch_all(&self.store.read).await?;
        let command = |row: &AnyRow| {
            let row = Reader::new(row, "type_command");
            Ok(CommandLine {
                type_name: row.text("type_name")?,
                name: row.text("name")?,
                description: row.text("description")?,
            })
        };
        rows.iter().map(command).collect()
    }

    /// Counts the types.
    ///
    /// # Errors
    /// Database errors.
    pub async fn count(&self) -> Result<u64, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) AS types FROM type_line").fetch_one(&self.store.read).await?;
        Ok(u64::try_from(Reader::new(&row, TABLE).value::<i64>("types")?).unwrap_or_default())
    }

    /// Counts the types, and the commands of those that are not built in.
    ///
    /// # Errors
    /// Database errors.
    pub async fn count_lines(&self) -> Result<(u64, u64), StoreError> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS types, CAST(COALESCE(SUM(CASE WHEN execution_model <> $1 THEN commands END), 0) AS BIGINT) AS commands \
             FROM type_line",
        )
        .bind(ExecutionModel::BuiltIn.as_str())
        .fetch_one(&self.store.read)
        .await?;
        let row = Reader::new(&row, TABLE);
        let number = |column| Ok::<_, StoreError>(u64::try_from(row.value::<i64>(column)?).unwrap_or_default());
        Ok((number("types")?, number("commands")?))
    }

    /// Writes the lines of the types that have none of their present revision. The server calls this when it starts.
    ///
    /// # Errors
    /// Database errors.
    pub async fn write_lines(&self) -> Result<u64, StoreError> {
        let mut written = 0;
        loop {
            let mut transaction = self.store.begin().await?;
            let rows = sqlx::query(
                "SELECT t.id FROM connector_type t WHERE NOT EXISTS (SELECT 1 FROM type_line l WHERE l.type_id = t.id AND l.revision = t.revision) \
                 LIMIT $1",
            )
            .bind(BATCH)
            .fetch_all(&mut *transaction)
            .await?;
            if rows.is_empty() {
                return Ok(written);
            }
            for row in &rows {
                let id = Reader::new(row, "connector_type").text("id")?;
                let stored = types::fetch(&mut transaction, &id).await?;
                write(&mut transaction, &stored).await?;
                written += 1;
            }
            transaction.commit().await?;
        }
    }
}

/// What a line needs of a schema.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Outline {
    #[serde(rename = "connectionConfig")]
    connection: Option<Box<RawValue>>,
    commands: IndexMap<String, CommandOutline>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CommandOutline {
    description: Option<String>,
}

/// Writes the line of a type, and those of its commands, in the caller's transaction. The commands of built-in types are those of
/// the code, whatever their rows show, so they have no lines.
pub(super) async fn write(connection: &mut DatabaseConnection, stored: &ConnectorType) -> Result<(), StoreError> {
    let fields = &stored.fields;
    let is_compiled = stored.source == TypeSource::Code && stored.execution_model == ExecutionModel::BuiltIn;
    // What `type_schema` reads of a type whose code is gone.
    let schema = stored.seeded_schema.as_ref().filter(|_| is_compiled).unwrap_or(&fields.config_schema);
    let outline: Option<Outline> = match schema {
        StoredSchema::Open => None,
        StoredSchema::Empty => Some(Outline::default()),
        // A text that cannot be read is told where the schema is used.
        StoredSchema::Text(text) => Some(serde_json::from_str(text).unwrap_or_default()),
    };
    let fields_text = outline.as_ref().and_then(|outline| outline.connection.as_ref()).map_or("{}", |raw| raw.get());
    let commands = outline.as_ref().map(|outline| i64::try_from(outline.commands.len()).unwrap_or(i64::MAX));
    sqlx::query(
        "INSERT INTO type_line (type_id, revision, name, version, execution_model, description, category, tags, source, available, \
         endpoint_url, updated_at, commands, search, connection) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
         ON CONFLICT (type_id) DO UPDATE SET revision = excluded.revision, name = excluded.name, version = excluded.version, \
         execution_model = excluded.execution_model, description = excluded.description, category = excluded.category, \
         tags = excluded.tags, source = excluded.source, available = excluded.available, endpoint_url = excluded.endpoint_url, \
         updated_at = excluded.updated_at, commands = excluded.commands, search = excluded.search, connection = excluded.connection",
    )
    .bind(stored.id.to_string())
    .bind(stored.revision)
    .bind(stored.name.as_str())
    .bind(fields.version.as_str())
    .bind(stored.execution_model.as_str())
    .bind(fields.description.as_str())
    .bind(fields.category.as_deref())
    .bind(json(&fields.tags))
    .bind(stored.source.as_str())
    .bind(i64::from(stored.available))
    .bind(fields.endpoint_url.as_deref())
    .bind(stored.updated_at.as_millisecond())
    .bind(commands)
    .bind(search_text(stored))
    .bind(fields_text)
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM type_command WHERE type_id = $1")
        .bind(stored.id.to_string())
        .execute(&mut *connection)
        .await?;
    if stored.execution_model == ExecutionModel::BuiltIn {
        return Ok(());
    }
    let commands: Vec<_> = outline.unwrap_or_default().commands.into_iter().collect();
    for commands in commands.chunks(usize::try_from(BATCH).unwrap_or(1)) {
        let mut statement = Statement::new("INSERT INTO type_command (type_id, name, description, search) VALUES ");
        statement.rows(commands, |columns, (name, command)| {
            let description = command.description.as_deref().unwrap_or_default();
            let description: String = description.chars().take(MAX_DESCRIPTION).collect();
            let search = format!("{name}\n{description}").to_lowercase();
            columns.bind(stored.id.to_string()).bind(name.clone()).bind(description).bind(search);
        });
        statement.push(" ON CONFLICT (type_id, name) DO NOTHING");
        statement.query().persistent(false).execute(&mut *connection).await?;
    }
    Ok(())
}

/// The text in lower case by Rust's rules, because the databases' rules differ beyond ASCII.
fn search_text(stored: &ConnectorType) -> String {
    let fields = &stored.fields;
    let mut text = format!("{}\n{}", stored.name, fields.description);
    for part in fields.category.iter().chain(&fields.tags) {
        text.push('\n');
        text.push_str(part);
    }
    text.to_lowercase()
}

fn from_row(row: &AnyRow) -> Result<TypeLine, StoreError> {
    let row = Reader::new(row, TABLE);
    let number = |count: i64| u64::try_from(count).unwrap_or_default();
    Ok(TypeLine {
        id: row.id("type_id")?,
        name: row.text("name")?,
        version: row.text("version")?,
        execution_model: row.word("execution_model")?,
        description: row.text("description")?,
        category: row.value("category")?,
        tags: row.json("tags")?,
        source: row.word("source")?,
        available: row.flag("available")?,
        endpoint_url: row.value("endpoint_url")?,
        instances: number(row.value("instances")?),
        commands: row.value::<Option<i64>>("commands")?.map(number),
        updated_at: row.time("updated_at")?,
        revision: row.value("revision")?,
    })
}
