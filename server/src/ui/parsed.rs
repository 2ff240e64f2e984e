//! Documents that were read, kept in memory for the next step of their import. What is gone is read again.

use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use super::draft::Draft;
use super::page::reimport::Comparison;
use crate::auth::OpContext;
use crate::catalog::{self, Choice, ReadDocument};
use crate::error::Error;
use crate::services::Services;

/// The maximum number of bytes of memory that documents are kept in, about.
const MAX_KEPT_BYTES: usize = 96 << 20;
/// The maximum number of documents that are kept.
const MAX_KEPT: usize = 12;

/// What was read of a document, which has an id of its own at each upload.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    document: Uuid,
    of: Of,
}

/// What was made of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Of {
    /// A part of it.
    Choice(Choice),
    /// What it means for a type at a revision.
    Type(Uuid, i64),
}

/// What is kept.
#[derive(Debug, Clone)]
enum Kept {
    Read(Arc<ReadDocument>),
    Compared(Arc<Comparison>),
}

impl Kept {
    fn weight(&self) -> usize {
        match self {
            Self::Read(read) => read.weight,
            Self::Compared(compared) => compared.weight,
        }
    }
}

/// The documents, the one that was used last at the end. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Parsed(Arc<Mutex<Vec<(Key, Kept)>>>);

impl Parsed {
    /// Returns a part of the document of a draft, and reads it if it is not kept.
    pub(super) async fn read(
        &self,
        ctx: &OpContext,
        services: &Services,
        draft: &Draft,
        choice: Choice,
    ) -> Result<Arc<ReadDocument>, Error> {
        let key = Key { document: id_of(draft), of: Of::Choice(choice.clone()) };
        if let Some(Kept::Read(found)) = self.find(&key) {
            return Ok(found);
        }
        let read = catalog::read_document(ctx, services, Arc::clone(&draft.document), choice).await?;
        let read = Arc::new(read);
        self.keep(key, Kept::Read(Arc::clone(&read)));
        Ok(read)
    }

    /// Keeps the whole document of a draft.
    pub(super) fn keep_whole(&self, draft: &Draft, read: ReadDocument) {
        let key = Key { document: id_of(draft), of: Of::Choice(Choice::default()) };
        self.keep(key, Kept::Read(Arc::new(read)));
    }

    /// Returns what the document of a draft means for a type at a revision, if that is kept.
    pub(super) fn compared(&self, draft: &Draft, type_id: Uuid, revision: i64) -> Option<Arc<Comparison>> {
        match self.find(&Key { document: id_of(draft), of: Of::Type(type_id, revision) })? {
            Kept::Compared(compared) => Some(compared),
            Kept::Read(_) => None,
        }
    }

    /// Keeps what the document of a draft means for a type.
    pub(super) fn keep_compared(&self, draft: &Draft, type_id: Uuid, compared: &Arc<Comparison>) {
        let key = Key { document: id_of(draft), of: Of::Type(type_id, compared.revision) };
        self.keep(key, Kept::Compared(Arc::clone(compared)));
    }

    fn keep(&self, key: Key, value: Kept) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| *known != key);
        if value.weight() <= MAX_KEPT_BYTES {
            kept.push((key, value));
        }
        let mut bytes: usize = kept.iter().map(|(_, value)| value.weight()).sum();
        while kept.len() > MAX_KEPT || bytes > MAX_KEPT_BYTES {
            bytes -= kept.remove(0).1.weight();
        }
    }

    fn find(&self, key: &Key) -> Option<Kept> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(known, _)| known == key)?;
        let found = kept.remove(at);
        let value = found.1.clone();
        kept.push(found);
        Some(value)
    }
}

/// The input of a draft with the id of its document.
pub(super) const DOCUMENT: &str = "document";

fn id_of(draft: &Draft) -> Uuid {
    Uuid::try_parse(draft.typed.text(DOCUMENT)).unwrap_or(draft.id)
}

#[cfg(test)]
mod tests {
    use floh_client::answers::ConnectorDraft;
    use floh_client::words::ExecutionModel;
    use serde_json::Map;

    use super::*;

    fn read(weight: usize) -> Kept {
        let draft = ConnectorDraft {
            name: String::new(),
            type_name: String::new(),
            execution_model: ExecutionModel::OasDerived,
            version: String::new(),
            description: None,
            config_schema: connector_runtime::schema::ConfigSchema::default(),
            script_source: String::new(),
            config: Map::new(),
            operations: Vec::new(),
            warnings: Vec::new(),
        };
        Kept::Read(Arc::new(ReadDocument { title: String::new(), draft, weight }))
    }

    fn key(number: u128) -> Key {
        Key { document: Uuid::from_u128(number), of: Of::Choice(Choice::default()) }
    }

    #[test]
    fn what_was_used_least_is_dropped_first_and_what_is_too_large_is_not_kept() {
        let parsed = Parsed::default();
        parsed.keep(key(1), read(MAX_KEPT_BYTES / 2));
        parsed.keep(key(2), read(MAX_KEPT_BYTES / 2));
        assert!(parsed.find(&key(1)).is_some());
        parsed.keep(key(3), read(1));
        assert!(parsed.find(&key(2)).is_none() && parsed.find(&key(1)).is_some() && parsed.find(&key(3)).is_some());
        parsed.keep(key(4), read(MAX_KEPT_BYTES + 1));
        assert!(parsed.find(&key(4)).is_none() && parsed.find(&key(3)).is_some());
        for number in 10..10 + MAX_KEPT as u128 {
            parsed.keep(key(number), read(1));
        }
        assert!(parsed.find(&key(3)).is_none() && parsed.find(&key(10)).is_some());
        parsed.keep(key(10), read(2));
        assert_eq!(parsed.0.lock().unwrap().len(), MAX_KEPT, "one document is kept once");
    }
}
