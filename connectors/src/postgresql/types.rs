//! How values of a type are written and read. Types that every database has are known by their number; others are looked
//! up in the database, in one query for all of a statement.

use std::collections::HashMap;

use connector_runtime::prelude::*;
use tokio_postgres::types::{Kind as TypeKind, Type};

use super::Column;
use super::rows::Rows;
use super::session::{Fetch, Prepared, Session};
use super::trouble::Trouble;

/// How many types deep a type may be made of others.
const MAX_DEPTH: usize = 10;
/// The most types that a statement may have looked up.
const MAX_LOOKED_UP: u32 = 5_000;

/// Finds what types are made of: domains of their base, arrays of their elements.
const LOOK_UP: &str = "WITH RECURSIVE made_of(oid) AS ( \
      SELECT pg_catalog.unnest($1::pg_catalog.oid[]) \
      UNION \
      SELECT CASE WHEN t.typbasetype <> 0 THEN t.typbasetype ELSE t.typelem END \
      FROM made_of m JOIN pg_catalog.pg_type t ON t.oid = m.oid \
      WHERE t.typbasetype <> 0 OR (t.typcategory = 'A' AND t.typelem <> 0)) \
    SELECT t.oid::text AS oid, t.typname::text AS name, t.typbasetype::text AS base, \
      CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE 0 END::text AS element, \
      COALESCE(e.typdelim, ',')::text AS delimiter \
    FROM made_of m JOIN pg_catalog.pg_type t ON t.oid = m.oid LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem";

/// How the values of a type are written and read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// true and false.
    Bool,
    /// A JSON number; text where it is none, such as NaN.
    Number,
    /// JSON.
    Json,
    /// Bytes, as base64.
    Bytes,
    /// A date and a time, with an offset or without.
    Timestamp,
    /// A time with an offset.
    TimeTz,
    /// A list of values.
    Array(Box<Self>, char),
    /// The server's text.
    Text,
}

/// A type that was looked up.
#[derive(Debug, Clone)]
struct Found {
    name: String,
    base: u32,
    element: u32,
    delimiter: char,
}

/// The types that a statement has and not every database.
#[derive(Debug, Default)]
pub(super) struct Types(HashMap<u32, Found>);

impl Types {
    /// Looks up the types of a statement that not every database has.
    pub(super) async fn of(session: &mut Session, prepared: &Prepared) -> Result<Self, Trouble> {
        let all = prepared.columns.iter().map(|(_, oid)| oid).chain(&prepared.parameters);
        let mut unknown: Vec<u32> = all.copied().filter(|oid| *oid != 0 && Type::from_oid(*oid).is_none()).collect();
        unknown.sort_unstable();
        unknown.dedup();
        if unknown.is_empty() {
            return Ok(Self::default());
        }
        let wanted: Vec<String> = unknown.iter().map(u32::to_string).collect();
        let look_up = session.prepare("floh_types", LOOK_UP).await?;
        let columns = look_up.columns.iter().map(|(name, _)| (Column::new(name, "text"), Kind::Text)).collect();
        let mut rows = Rows::of(columns, MAX_LOOKED_UP)?;
        session.run(&look_up, &[Some(format!("{{{}}}", wanted.join(",")))], &mut rows, Fetch::All).await?;
        let found = rows.finish().rows.into_iter().filter_map(|row| {
            let text = |name: &str| row.get(name).and_then(Value::as_str);
            let number = |name: &str| text(name)?.parse().ok();
            let delimiter = text("delimiter")?.chars().next()?;
            let found =
                Found { name: text("name")?.to_owned(), base: number("base")?, element: number("element")?, delimiter };
            Some((number("oid")?, found))
        });
        Ok(Self(found.collect()))
    }

    /// Returns how values of a type are written and read.
    pub(super) fn kind(&self, oid: u32) -> Kind {
        self.kind_within(oid, MAX_DEPTH)
    }

    fn kind_within(&self, oid: u32, depth: usize) -> Kind {
        let Some(depth) = depth.checked_sub(1) else { return Kind::Text };
        if let Some(known) = Type::from_oid(oid) {
            return known_kind(&known);
        }
        match self.0.get(&oid) {
            Some(found) if found.base != 0 => self.kind_within(found.base, depth),
            Some(found) if found.element != 0 => {
                Kind::Array(Box::new(self.kind_within(found.element, depth)), found.delimiter)
            }
            _ => Kind::Text,
        }
    }

    /// Returns the name of a type; those of arrays end in `[]`.
    pub(super) fn name(&self, oid: u32) -> String {
        if let Some(known) = Type::from_oid(oid) {
            return match known.kind() {
                TypeKind::Array(element) if is_array(&known) => format!("{}[]", element.name()),
                _ => known.name().to_owned(),
            };
        }
        match self.0.get(&oid) {
            Some(found) if found.element != 0 => match self.0.get(&found.element) {
                Some(element) => format!("{}[]", element.name),
                None => found.name.clone(),
            },
            Some(found) => found.name.clone(),
            None => format!("oid {oid}"),
        }
    }

    /// Returns the columns of a statement, and how each is read.
    pub(super) fn columns(&self, prepared: &Prepared) -> Vec<(Column, Kind)> {
        let columns = prepared.columns.iter();
        columns.map(|(name, oid)| (Column::new(name, self.name(*oid)), self.kind(*oid))).collect()
    }
}

/// The vectors of the catalogues are arrays whose text is not that of arrays.
fn is_array(known: &Type) -> bool {
    *known != Type::INT2_VECTOR && *known != Type::OID_VECTOR
}

fn known_kind(known: &Type) -> Kind {
    match *known {
        Type::BOOL => return Kind::Bool,
        // bigint and numeric are text: most readers of JSON would round them.
        Type::INT2 | Type::INT4 | Type::OID | Type::FLOAT4 | Type::FLOAT8 => return Kind::Number,
        Type::JSON | Type::JSONB => return Kind::Json,
        Type::BYTEA => return Kind::Bytes,
        Type::TIMESTAMP | Type::TIMESTAMPTZ => return Kind::Timestamp,
        Type::TIMETZ => return Kind::TimeTz,
        _ => {}
    }
    match known.kind() {
        TypeKind::Array(element) if is_array(known) => {
            Kind::Array(Box::new(known_kind(element)), if *element == Type::BOX { ';' } else { ',' })
        }
        _ => Kind::Text,
    }
}
