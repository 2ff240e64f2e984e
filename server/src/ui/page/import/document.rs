//! The form that takes a document: pasted, as a file, or by its address. Importing a later document uses it as well.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{StatusCode, header};
use floh_client::answers::Warning;
use maud::{Markup, html};

use crate::api::{DOCUMENT_LIMIT, Problem, RawBody};
use crate::auth::OpContext;
use crate::catalog::{self, Choice, MAX_DOCUMENT_BYTES, ReadDocument};
use crate::error::{Error, ErrorKind};
use crate::services::Services;
use crate::store::new_id;
use crate::ui::door::Frame;
use crate::ui::draft::Draft;
use crate::ui::form::{self, Mistakes, Spec, Typed, capital, summary};
use crate::ui::multipart;
use crate::ui::parsed::DOCUMENT;
use crate::ui::part::icon::icon;

/// The maximum number of bytes of the form beside the document.
const MAX_AROUND_BYTES: usize = 64 << 10;
/// The maximum number of bytes of a pasted document that is shown again.
const MAX_SHOWN_BYTES: usize = 2 << 20;
/// The maximum number of characters of a line that is shown beside a mistake.
const MAX_LINE_CHARS: usize = 160;

/// The input that says where the document is.
const FROM: &str = "from";
/// The ways to give a document: the value, the word, and the place of the control.
const WAYS: [(&str, &str, &str); 3] = [("text", "Paste", "/text"), ("file", "Upload", "/file"), ("url", "URL", "/url")];
/// The input of a draft with the name of the file.
const FILE: &str = "/file";
/// The input of a draft with the warnings about the files of the document, as JSON.
pub(in crate::ui::page) const WARNINGS: &str = "warnings";

/// The form.
#[derive(Debug, Default)]
pub(in crate::ui::page) struct Form<'f> {
    pub(in crate::ui::page) address: &'f str,
    pub(in crate::ui::page) back: &'f str,
    pub(in crate::ui::page) typed: Typed,
    pub(in crate::ui::page) mistakes: Mistakes,
    /// The lines around the first mistake.
    pub(in crate::ui::page) excerpt: Option<Markup>,
    /// Whether there is a document already.
    pub(in crate::ui::page) is_known: bool,
}

/// A document that was given and read.
pub(in crate::ui::page) struct Given {
    pub(in crate::ui::page) ctx: OpContext,
    /// What a draft keeps of the form.
    pub(in crate::ui::page) typed: Typed,
    pub(in crate::ui::page) read: ReadDocument,
    /// The document, packed.
    pub(in crate::ui::page) document: Vec<u8>,
}

/// A document that cannot be imported, and the form as it was typed.
pub(in crate::ui::page) struct Refused {
    pub(in crate::ui::page) typed: Typed,
    pub(in crate::ui::page) mistakes: Mistakes,
    pub(in crate::ui::page) excerpt: Option<Markup>,
}

fn fields() -> [Spec; 3] {
    [Spec::text("text", "OpenAPI document"), Spec::text("file", "File"), Spec::text("url", "URL")]
}

impl Form<'_> {
    pub(in crate::ui::page) fn show(&self) -> Markup {
        let from = WAYS.iter().find(|(value, ..)| self.typed.text(FROM) == *value).map_or("text", |(value, ..)| value);
        let lines = self.mistakes.lines(&[("", &fields())], &self.typed);
        let file = self.typed.text(FILE);
        html! {
            form #import.stack.narrow method="post" enctype="multipart/form-data" action=(self.address) novalidate data-guard data-swap="import" {
                button.sr tabindex="-1" aria-hidden="true" {}
                (summary(&lines))
                section.card aria-labelledby="document-title" {
                    header { h2 #document-title { "Document" } span.end.muted { small { "OpenAPI 3.0 to 3.2, Swagger 2.0" } } }
                    div.body.stack.ways {
                        fieldset.field {
                            legend.sr { "Where the document is" }
                            div.segments {
                                @for (value, word, _) in WAYS {
                                    label { input type="radio" name=(FROM) value=(value) checked[from == value]; span { (word) } }
                                }
                            }
                        }
                        div.way data-way="text" {
                            (self.field("text", "OpenAPI document", "JSON or YAML, as text.", &|here, bad, told| html! {
                                textarea.mono id=(here) name="/text" rows="16" spellcheck="false" autocomplete="off" wrap="off" aria-invalid=[bad] aria-describedby=(told) { "\n" (self.typed.text("/text")) }
                            }))
                        }
                        div.way data-way="file" {
                            @if self.is_known && !file.is_empty() { p.muted { "The document came from the file " code { (file) } "." } }
                            (self.field("file", "File", "JSON or YAML, also packed with gzip, or a zip archive of its files; at most 64 MiB.", &|here, bad, told| html! {
                                input id=(here) name="/file" type="file" accept=".json,.yaml,.yml,.gz,.zip,application/json" data-most=(MAX_DOCUMENT_BYTES) data-large="The file is larger than 64 MiB; import a part of it" aria-invalid=[bad] aria-describedby=(told);
                            }))
                        }
                        div.way data-way="url" {
                            (self.field("url", "URL", "The server fetches it, as far as its egress rules allow.", &|here, bad, told| html! {
                                input id=(here) name="/url" type="text" inputmode="url" value=(self.typed.text("/url")) placeholder="for example https://api.example.com/openapi.json" spellcheck="false" autocomplete="off" aria-invalid=[bad] aria-describedby=(told);
                            }))
                        }
                        @if let Some(excerpt) = &self.excerpt { (excerpt) }
                        div.sending hidden data-sending { label for="sent" { "Sending the document" } progress #sent max="100" value="0" {} }
                    }
                    footer {
                        button.btn.main { "Parse Spec" }
                        a.btn.bare href=(self.back) { @if self.is_known { "Keep this document" } @else { "Cancel" } }
                    }
                }
            }
        }
    }

    /// A control with its label, help and mistake.
    fn field(
        &self,
        name: &str,
        label: &str,
        help: &str,
        control: &dyn Fn(&str, Option<&str>, &str) -> Markup,
    ) -> Markup {
        let place = format!("/{name}");
        let here = form::id(&place);
        let mistake = self.mistakes.at(&place);
        let (help_id, error_id) = (format!("{here}-help"), format!("{here}-error"));
        let told = if mistake.is_some() { format!("{help_id} {error_id}") } else { help_id.clone() };
        html! {
            div.field data-bad[mistake.is_some()] {
                label for=(here) { (label) }
                p.help id=(help_id) { (help) }
                @if let Some(text) = &mistake { p.error id=(error_id) { (icon("alert")) span { span.sr { "Error: " } (capital(text)) } } }
                (control(&here, mistake.as_ref().map(|_| "true"), &told))
            }
        }
    }
}

/// What was typed into the form of a draft, without the document if it is long.
pub(in crate::ui::page) async fn shown_again(services: &Services, draft: &Draft) -> Result<Typed, Error> {
    let mut typed = Typed::default();
    for place in [FROM, FILE, "/url"] {
        typed.adopt(&draft.typed, place);
    }
    if typed.text(FROM) == "text" && draft.document.len() < MAX_SHOWN_BYTES / 2 {
        let spec = catalog::spec_of(services, Arc::clone(&draft.document)).await?;
        if let Some(text) = spec.as_str().filter(|text| text.len() <= MAX_SHOWN_BYTES) {
            typed.set("/text", text);
        }
    }
    Ok(typed)
}

/// Takes the document that a form gives, and reads it.
pub(in crate::ui::page) async fn take(
    frame: &Frame,
    services: &Services,
    request: Request,
) -> Result<Result<Given, Refused>, Problem> {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    if !content_type.to_ascii_lowercase().starts_with("multipart/form-data") {
        let detail = "this page takes a form with a file: multipart/form-data";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
    }
    let body = match RawBody::read(request, DOCUMENT_LIMIT + MAX_AROUND_BYTES, &services.work).await {
        Ok(body) => body,
        Err(problem) if problem.status() == 413 => return Ok(Err(too_large())),
        Err(problem) => return Err(problem),
    };
    let parts = multipart::parts(&content_type, body.bytes()).map_err(|detail| Error::invalid_at("", detail))?;
    let (mut bytes, work) = body.into_parts();
    let ctx = frame.ctx()?.clone().with_work(work);
    let value = |name: &str| parts.iter().find(|part| part.name == name);
    let text = |name: &str| {
        value(name).map(|part| String::from_utf8_lossy(&bytes[part.value.clone()]).into_owned()).unwrap_or_default()
    };
    let (from, url) = (text(FROM), text("/url"));
    let (from, word, place) = WAYS.into_iter().find(|(value, ..)| *value == from).unwrap_or(WAYS[0]);
    let file = value("/file").and_then(|part| part.file.clone()).unwrap_or_default();
    let mut typed = Typed::default();
    typed.set(FROM, from);
    // What may be a password is not sent back.
    typed.set("/url", if url.contains('@') { "" } else { url.trim() });
    typed.set(FILE, file.clone());
    let pasted = value("/text").map(|part| part.value.clone()).unwrap_or_default();
    let kept = if pasted.len() <= MAX_SHOWN_BYTES { text("/text").replace("\r\n", "\n") } else { String::new() };
    let refused = |error: &Error, excerpt| {
        let mut typed = typed.clone();
        typed.set("/text", kept.clone());
        Refused { typed, mistakes: placed(error, place), excerpt }
    };
    let range = match from {
        "file" => value("/file").map(|part| part.value.clone()).unwrap_or_default(),
        _ => pasted,
    };
    let is_blank = match from {
        "url" => url.trim().is_empty(),
        "file" => file.is_empty() && range.is_empty(),
        _ => bytes[range.clone()].iter().all(u8::is_ascii_whitespace),
    };
    if is_blank {
        let what = match word {
            "Paste" => "paste a document",
            "Upload" => "choose a file",
            _ => "enter an address",
        };
        return Ok(Err(refused(&Error::invalid_at(place, what), None)));
    }
    let mut warnings = Vec::new();
    let document = if from == "url" {
        match catalog::fetch_document(&ctx, services, &url).await {
            Ok(fetched) => {
                warnings = fetched.warnings;
                Arc::new(fetched.document)
            }
            Err(error) if is_shown(&error) => return Ok(Err(refused(&error, None))),
            Err(error) => return Err(error.into()),
        }
    } else {
        bytes.truncate(range.end);
        bytes.drain(..range.start);
        Arc::new(bytes)
    };
    let read = match catalog::read_document(&ctx, services, Arc::clone(&document), Choice::default()).await {
        Ok(read) => read,
        Err(error) if is_shown(&error) => {
            let excerpt = if from == "url" { None } else { excerpt(&document, &error) };
            return Ok(Err(refused(&error, excerpt)));
        }
        Err(error) => return Err(error.into()),
    };
    typed.set(DOCUMENT, new_id().to_string());
    typed.set(WARNINGS, serde_json::to_string(&warnings).map_err(Error::internal)?);
    let document = catalog::pack_document(document).await?;
    Ok(Ok(Given { ctx, typed, read, document }))
}

fn is_shown(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Invalid | ErrorKind::TooLarge)
}

/// Moves what is wrong with a document to the control that gave it.
fn placed(error: &Error, place: &str) -> Mistakes {
    let mut mistakes = Mistakes::default();
    if error.mistakes().is_empty() {
        mistakes.add(place, error.detail());
    }
    for mistake in error.mistakes() {
        match mistake.pointer.strip_prefix("/spec").filter(|rest| !rest.is_empty()) {
            Some(rest) => mistakes.add(place, format!("{rest}: {}", mistake.message)),
            None => mistakes.add(place, &*mistake.message),
        }
    }
    mistakes
}

fn too_large() -> Refused {
    let mut typed = Typed::default();
    typed.set(FROM, "file");
    let mut mistakes = Mistakes::default();
    mistakes.add("/file", format!("the document is larger than {} MiB; import a part of it", MAX_DOCUMENT_BYTES >> 20));
    Refused { typed, mistakes, excerpt: None }
}

/// The lines around the place of a mistake.
fn excerpt(document: &[u8], error: &Error) -> Option<Markup> {
    let (line, column) = error.mistakes().iter().find_map(|one| Some((one.line?, one.column.unwrap_or(1))))?;
    let (line, column) = (usize::try_from(line).ok()?, usize::try_from(column).ok()?);
    let first = line.saturating_sub(3);
    let lines = document.split(|byte| *byte == b'\n').enumerate().skip(first).take(line + 1 - first);
    let shown: Vec<(usize, String)> = lines
        .map(|(number, bytes)| {
            let start = if number + 1 == line { column.saturating_sub(MAX_LINE_CHARS / 2) } else { 0 };
            let text = bytes.get(start..bytes.len().min(start + MAX_LINE_CHARS)).unwrap_or_default();
            (number + 1, String::from_utf8_lossy(text).trim_end().to_owned())
        })
        .collect();
    let is_packed = document.starts_with(&[0x1f, 0x8b]);
    (line > 0 && !is_packed && !shown.is_empty()).then(|| {
        html! {
            div role="group" aria-label="Where the mistake is" {
                pre.code tabindex="0" role="region" aria-label={ "Lines around line " (line) } {
                    @for (number, text) in &shown {
                        @if *number == line { mark { (format!("{number:>5}  {text}\n")) } } @else { (format!("{number:>5}  {text}\n")) }
                    }
                }
            }
        }
    })
}

/// The warnings about the files of a document that a draft keeps.
pub(in crate::ui::page) fn kept_warnings(typed: &Typed) -> Vec<Warning> {
    serde_json::from_str(typed.text(WARNINGS)).unwrap_or_default()
}
