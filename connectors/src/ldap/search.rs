//! Searches: page by page, to a limit, and never further than this directory.

use connector_runtime::prelude::*;
use ldap3::controls::{Control, ControlType, PagedResults};
use ldap3::{ResultEntry, SearchOptions};

use super::ber::Answers;
use super::entry::RawEntry;
use super::failure::{rc, refused, unanswered};
use super::session::Session;

/// The most bytes of values that one search returns.
pub(super) const MAX_FOUND_BYTES: usize = 32 * 1024 * 1024;
/// The most references to other directories that one search may bring.
const MAX_REFERENCES: usize = 1_000;

/// How far below the base a search looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Select)]
pub enum Scope {
    /// The base alone.
    Base,
    /// The entries right below the base.
    One,
    /// The base and all below it.
    Sub,
}

/// What is looked for.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) base: String,
    pub(super) scope: Scope,
    pub(super) filter: String,
    /// Empty: all that users have.
    pub(super) attributes: Vec<String>,
    pub(super) limit: usize,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) entries: Vec<RawEntry>,
    /// How many entries came.
    count: usize,
    /// How many bytes they have, about.
    bytes: usize,
    /// Why there may be more; `None` if that is all.
    pub(super) cut: Option<Cut>,
    pub(super) references: Vec<String>,
}

/// Why a search returns a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Select)]
pub enum Cut {
    /// The limit of the call.
    Limit,
    /// What one call may return, in bytes.
    Size,
    /// The directory's limit of entries.
    ServerSize,
    /// The directory's limit of time.
    ServerTime,
}

impl Query {
    /// Asks for one entry by its DN.
    pub(super) fn entry(dn: &str, attributes: &[&str]) -> Self {
        Self {
            base: dn.to_owned(),
            scope: Scope::Base,
            filter: "(objectClass=*)".to_owned(),
            attributes: attributes.iter().map(|&name| name.to_owned()).collect(),
            limit: 1,
        }
    }
}

impl Session<'_> {
    /// Searches. A base that does not exist is a failure with the code notFound.
    pub(super) async fn search(&mut self, query: &Query, page_size: u32) -> Result<Found, Fail> {
        let mut entries = Vec::new();
        let mut found = self.search_each(query, page_size, &mut |entry| entries.push(entry)).await?;
        found.entries = entries;
        Ok(found)
    }

    /// Searches, and passes each entry on as it comes; the answer has none.
    pub(super) async fn search_each(
        &mut self,
        query: &Query,
        page_size: u32,
        take: &mut (dyn FnMut(RawEntry) + Send),
    ) -> Result<Found, Fail> {
        let mut found = Found::default();
        let mut cookie = Vec::new();
        loop {
            let missing = query.limit.saturating_sub(found.count).saturating_add(1);
            let size = i32::try_from(missing).unwrap_or(i32::MAX).min(i32::try_from(page_size).unwrap_or(i32::MAX));
            let next = self.page(query, size, cookie, &mut found, take).await?;
            match next {
                // A directory that pages without end and brings nothing is stopped by the time of the call.
                Some(next) if found.cut.is_none() => cookie = next,
                _ => return Ok(found),
            }
        }
    }

    /// Returns one entry, or `None` if there is none of this DN.
    pub(super) async fn read(&mut self, dn: &str, attributes: &[&str]) -> Result<Option<RawEntry>, Fail> {
        match self.search(&Query::entry(dn, attributes), 1).await {
            Ok(found) => Ok(found.entries.into_iter().next()),
            Err(fail) if fail.diagnostics.get("systemCode") == Some(&rc::NO_SUCH_OBJECT.into()) => Ok(None),
            Err(fail) => Err(fail),
        }
    }

    /// Reads a page, and returns the cookie of the next one.
    async fn page(
        &mut self,
        query: &Query,
        size: i32,
        cookie: Vec<u8>,
        found: &mut Found,
        take: &mut (dyn FnMut(RawEntry) + Send),
    ) -> Result<Option<Vec<u8>>, Fail> {
        let what = "search";
        let time = self.operation_time();
        self.carrier().expect(Answers::SEARCH);
        let (ldap, carrier) = self.parts();
        ldap.with_timeout(time);
        ldap.with_search_options(
            SearchOptions::new().timelimit(i32::try_from(time.as_secs().max(1)).unwrap_or(i32::MAX)),
        );
        if query.scope != Scope::Base {
            ldap.with_controls(PagedResults { size, cookie });
        }
        let scope = match query.scope {
            Scope::Base => ldap3::Scope::Base,
            Scope::One => ldap3::Scope::OneLevel,
            Scope::Sub => ldap3::Scope::Subtree,
        };
        let attributes: Vec<&str> = query.attributes.iter().map(String::as_str).collect();
        let started = ldap.streaming_search(&query.base, scope, &query.filter, attributes).await;
        let mut stream = started.map_err(|error| unanswered(what, &error, carrier.broken(), false))?;
        loop {
            let next = stream.next().await.map_err(|error| unanswered(what, &error, carrier.broken(), false))?;
            let Some(next) = next else { break };
            if next.is_ref() {
                found.note_references(next);
                if found.references.len() > MAX_REFERENCES {
                    let why = format!(
                        "The directory sends more than {MAX_REFERENCES} references to others; search below another base"
                    );
                    return Err(Fail::coded(Code::TooLarge, why));
                }
                continue;
            }
            carrier.took_entry();
            if found.count == query.limit {
                found.cut = Some(Cut::Limit);
                return Ok(None);
            }
            let broken = || Fail::coded(Code::Unavailable, "The directory sent an entry that cannot be read");
            let entry = RawEntry::read(next).ok_or_else(broken)?;
            found.bytes += entry.bytes();
            if found.bytes > MAX_FOUND_BYTES {
                found.cut = Some(Cut::Size);
                return Ok(None);
            }
            found.count += 1;
            take(entry);
        }
        let result = stream.finish().await;
        match result.rc {
            rc::SUCCESS => Ok(next_cookie(&result.ctrls)),
            rc::SIZE_LIMIT | rc::ADMIN_LIMIT => {
                found.cut = Some(Cut::ServerSize);
                Ok(None)
            }
            rc::TIME_LIMIT => {
                found.cut = Some(Cut::ServerTime);
                Ok(None)
            }
            _ => Err(refused(what, &result)),
        }
    }
}

impl Found {
    fn note_references(&mut self, reference: ResultEntry) {
        let ldap3::asn1::StructureTag { payload: ldap3::asn1::PL::C(uris), .. } = reference.0 else { return };
        for uri in uris {
            if let ldap3::asn1::PL::P(bytes) = uri.payload {
                self.references.push(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
    }
}

fn next_cookie(controls: &[Control]) -> Option<Vec<u8>> {
    let paged = controls.iter().find(|Control(kind, _)| matches!(kind, Some(ControlType::PagedResults)))?;
    // Its shape was checked before the library got it.
    let PagedResults { cookie, .. } = paged.1.parse();
    (!cookie.is_empty()).then_some(cookie)
}
