//! One run of an operation: a request, or the pages of a list.

use std::sync::Arc;

use connector_runtime::context::Context;
use connector_runtime::egress::{EgressError, Response, Retry};
use connector_runtime::outcome::{Fail, Reply};
use connector_runtime::result::PayloadText;
use connector_runtime::schema::{ConfigSchema, Effect, FieldValues};
use serde_json::{Map, Value};

use super::address::{self, Base};
use super::answer::{self, Content};
use super::aws;
use super::given::Given;
use super::login::{Credentials, Login};
use super::paging;
use super::request::{self, Parts};
use super::table::OperationTable;
use crate::openapi::{Entry, Need, OutputHeader};
use crate::script::{EgressCalls, HttpFault, Unsettled};

/// How often a request that only reads is sent again while the service says that it is busy.
const MAX_REPEATS: u32 = 3;

/// What an operation needs, whichever way it was called.
#[derive(Debug, Clone, Copy)]
pub(super) struct Connection<'c> {
    pub(super) table: &'c OperationTable,
    pub(super) schema: &'c ConfigSchema,
    pub(super) context: &'c Context,
    /// Sends requests, and knows the access tokens.
    pub(super) host: &'c EgressCalls,
}

/// What came of an operation: its result, and the answer that it was made of.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) reply: Reply,
    pub(super) status: Option<u16>,
    pub(super) headers: Map<String, Value>,
}

impl From<Box<Fail>> for Ended {
    fn from(fail: Box<Fail>) -> Self {
        Self { reply: (*fail).into(), status: None, headers: Map::new() }
    }
}

/// Makes a failure of a text.
pub(super) fn failed(why: impl Into<String>) -> Box<Fail> {
    Box::new(Fail::new(why))
}

/// An operation that is being run.
#[derive(Debug)]
pub(super) struct Run<'r> {
    pub(super) entry: &'r Entry,
    pub(super) given: Given<'r>,
    /// Where it is served.
    pub(super) base: Base,
    host: &'r EgressCalls,
    context: &'r Context,
    credentials: Credentials<'r>,
    needs: &'r [Need],
    only_reads: bool,
}

impl Connection<'_> {
    /// Runs an operation with these values.
    pub(super) async fn run(&self, name: &str, values: &Map<String, Value>) -> Ended {
        let entry = match self.table.entry(name) {
            Ok(entry) => entry,
            Err(why) => return failed(why).into(),
        };
        match self.prepare(name, &entry, values) {
            Ok(run) => run.run().await.unwrap_or_else(Ended::from),
            Err(fail) => fail.into(),
        }
    }

    fn prepare<'r>(
        &'r self,
        name: &str,
        entry: &'r Arc<Entry>,
        values: &'r Map<String, Value>,
    ) -> Result<Run<'r>, Box<Fail>> {
        if !entry.refused.is_empty() {
            let error = format!("this operation cannot be called: {}", entry.refused.join("; "));
            return Err(Box::new(Fail::new(error).diagnostic("reasons", &entry.refused)));
        }
        let Self { table, schema, context, host } = *self;
        let command = schema.commands.get(name);
        let config = FieldValues::new(&schema.connection, context.connector_config());
        let credentials = Credentials { table, config };
        let own = Base::of_connection(&config, table.variables());
        let base = own.of_operation(entry).into_owned();
        // Credentials go to the API alone.
        let is_foreign = entry.server.is_some() && !base.has_origin_of(&own);
        let needs = if is_foreign { &[][..] } else { credentials.needs(entry).map_err(failed)? };
        let reads = matches!(entry.method.as_str(), "GET" | "HEAD" | "OPTIONS" | "QUERY");
        Ok(Run {
            entry,
            given: Given::new(values, command.map(|command| &command.params)),
            base,
            host,
            context,
            credentials,
            needs,
            // A GET that deletes by its name promises nothing.
            only_reads: command.map_or(reads, |command| command.effect == Some(Effect::Read)),
        })
    }
}

impl Run<'_> {
    async fn run(&self) -> Result<Ended, Box<Fail>> {
        if let Some(pages) =
            self.entry.pages.as_ref().filter(|_| self.given.get("allPages", false) == Some(&Value::Bool(true)))
        {
            return paging::all(self, pages).await;
        }
        let mut response = self.send(None, None).await?;
        let content = self.content(&response)?;
        response.drop_body();
        let payload = content.payload().map_err(|error| failed(error.to_string()))?;
        Ok(self.ended(&response, payload))
    }

    /// Returns the result of an answer: its payload, and the headers that the document declares as variables. If there is
    /// no payload, what the service answers is in these headers.
    pub(super) fn ended(&self, response: &Response, payload: Option<PayloadText>) -> Ended {
        let headers = answer::headers(response);
        let found =
            |header: &OutputHeader| Some((header.key.clone(), headers.get(&header.name.to_ascii_lowercase())?.clone()));
        let variables: Map<String, Value> = self.entry.headers.iter().filter_map(found).collect();
        let variables = Some(variables).filter(|variables| !variables.is_empty());
        let payload = payload.or_else(|| PayloadText::of(variables.as_ref()?).ok());
        let reply = Reply { success: true, payload, variables: variables.map(Box::new), ..Reply::default() };
        Ended { reply, status: Some(response.status()), headers }
    }

    /// Reads a successful answer.
    pub(super) fn content(&self, response: &Response) -> Result<Content, Box<Fail>> {
        if !response.is_success() {
            let mut fail = answer::refusal(self.entry, response);
            if let Some(advice) = self.credentials.advice(self.needs, response) {
                fail.error = format!("{}; {advice}", fail.error);
            }
            return Err(Box::new(fail));
        }
        answer::read(response, self.entry.answers).map_err(|why| Box::new(answer::unusable(self.entry, response, &why)))
    }

    /// Returns how many bytes the items of all pages may have: as many as one answer.
    pub(super) fn most_bytes(&self) -> usize {
        self.host.client().most_bytes()
    }

    /// Sends a request, once more if its access token was rejected. `url` is that of a next page.
    pub(super) async fn send(
        &self,
        turned: Option<(&str, Option<&Value>)>,
        url: Option<&str>,
    ) -> Result<Response, Box<Fail>> {
        let parts = request::parts(self.entry, &self.given, turned).map_err(failed)?;
        let target = match url {
            Some(url) => url.to_owned(),
            None => address::path(self.entry, &self.given).map_err(failed)?,
        };
        let response = self.attempt(&parts, &target, url.is_some(), false).await?;
        if response.status() == 401 && self.credentials.is_renewable(self.needs) {
            return self.attempt(&parts, &target, url.is_some(), true).await;
        }
        Ok(response)
    }

    async fn attempt(&self, parts: &Parts, target: &str, is_link: bool, renew: bool) -> Result<Response, Box<Fail>> {
        let Parts { query, headers, cookies, content } = parts;
        let login = self.credentials.login(self.host, self.needs, &self.base, renew).await.map_err(faulty)?;
        let Login { headers: own_headers, query: own_query, cookies: own_cookies, signer } = login;
        let url = if is_link {
            // A link to the next page has its query already, but seldom the key.
            let lacking = own_query.into_iter().filter(|pair| !has_name(target, pair));
            lacking.fold(target.to_owned(), |url, pair| {
                format!("{url}{}{pair}", if url.contains('?') { '&' } else { '?' })
            })
        } else {
            let all: Vec<String> = query.iter().cloned().chain(own_query).collect();
            self.base.url(target, &all)
        };
        let url = if signer.is_some() { aws::strict(&url) } else { url };
        // It ends before the call does, so that what became of it is told.
        let mut request = self.host.client().request(&self.entry.method, url).timeout(self.context.time_left());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some(content) = content {
            request = request.body(content.bytes.clone()).header("content-type", &content.media);
        }
        for (name, value) in &own_headers {
            request = request.secret_header(name, value);
        }
        let cookies: Vec<&str> = cookies.iter().chain(&own_cookies).map(String::as_str).collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        if let Some(signer) = signer {
            request = request.signed_by(signer);
        }
        if self.only_reads {
            request = request.retry(Retry::times(MAX_REPEATS).only_if_busy());
        }
        // A run that ends meanwhile leaves it unsettled.
        let write = (!self.only_reads).then(|| self.host.begin_write());
        if let Some(write) = &write {
            request = request.noting_status(write.status());
        }
        let sent = request.send().await;
        if !sent.as_ref().is_err_and(EgressError::may_have_arrived) {
            write.into_iter().for_each(Unsettled::settle);
        }
        sent.map_err(|error| Box::new(answer::unanswered(&error, self.only_reads)))
    }
}

fn faulty(fault: HttpFault) -> Box<Fail> {
    Box::new(Fail::new(fault.message).diagnostic("code", fault.code))
}

/// Returns whether the query of a URL has a pair of the same name.
fn has_name(url: &str, pair: &str) -> bool {
    let name = |pair: &str| pair.split('=').next().unwrap_or_default().to_owned();
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query.split('&').any(|own| name(own) == name(pair))
}
