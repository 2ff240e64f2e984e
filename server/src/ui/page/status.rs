//! How the servers, the database, the queues and the recurring work are: what an operator looks at first when something is
//! wrong. It is asked anew with each load, and comes within seconds also while the database is silent.

use axum::extract::State;
use axum::response::Response;
use floh_client::answers::{
    DatabaseKind, DatabaseStatus, NatsStatus, QueuesStatus, RecurringTask, RetainedTable, RetentionStatus, ServerView,
    StatusPart, StatusView,
};
use maud::{Markup, html};

use crate::api::Problem;
use crate::app::App;
use crate::status::read_status;
use crate::ui::door::Frame;
use crate::ui::part::amount::{bytes, number};
use crate::ui::part::badge::{self, badge};
use crate::ui::part::frame::head;
use crate::ui::part::icon::icon;
use crate::ui::part::time;

/// Shows the status.
pub(in crate::ui) async fn show(frame: Frame, State(app): State<App>) -> Result<Response, Problem> {
    let view = read_status(frame.ctx()?, app.services(), app.own_state()).await?;
    let refresh = html! { a.btn href="/settings/status" { "Refresh" } };
    let content = html! {
        (head(&[], &html! { h1 { "Status" } }, "What the server that answers knows now, and what the database says of all servers.", &refresh))
        div.stack {
            (problems(&view))
            (servers(&view))
            div.split {
                section.card aria-labelledby="database-title" {
                    header { h2 #database-title { "Database" } }
                    div.body { (database(&view.database)) }
                }
                section.card aria-labelledby="queues-title" {
                    header { h2 #queues-title { "Queues" } span.end.muted { "of this server" } }
                    (queues(&view.queues))
                }
            }
            div.split {
                section.card aria-labelledby="agents-title" {
                    header { h2 #agents-title { "Agents" } }
                    div.body { (agents(&view)) }
                }
                section.card aria-labelledby="retention-title" {
                    header { h2 #retention-title { "Retention" } }
                    (retention(&view.retention))
                }
            }
            section.card aria-labelledby="tasks-title" {
                header { h2 #tasks-title { "Recurring work" } span.end.muted { "of this server" } }
                (tasks(&view.tasks))
            }
        }
    };
    Ok(frame.page("Status", &content))
}

fn problems(view: &StatusView) -> Markup {
    html! {
        section aria-label="Problems" {
            @if view.problems.is_empty() {
                p.notice.good { (icon("check")) span { "All is well." } }
            } @else {
                ul.stack.tight role="list" {
                    @for problem in &view.problems {
                        li.notice.bad { (icon("alert")) span { b { (part(problem.part)) ": " } (problem.reason) } }
                    }
                }
            }
        }
    }
}

fn part(part: StatusPart) -> &'static str {
    match part {
        StatusPart::Server => "This server",
        StatusPart::Servers => "Servers",
        StatusPart::Database => "Database",
        StatusPart::Recorder => "Recorder",
        StatusPart::Keys => "Idempotency keys",
        StatusPart::Tasks => "Recurring work",
        StatusPart::Nats => "NATS",
    }
}

fn servers(view: &StatusView) -> Markup {
    let is_mixed = view.releases.oldest != view.releases.newest;
    html! {
        section.card aria-labelledby="servers-title" {
            header { h2 #servers-title { "Servers" } span.end.muted { (view.servers.len()) } }
            @if is_mixed {
                p.notice.info { (icon("info")) span { "Releases " (view.releases.oldest) " to " (view.releases.newest) " share the database: an upgrade has not ended." } }
            }
            div.table {
                table {
                    caption.sr { "Servers, the one that started first comes first" }
                    thead {
                        tr {
                            th scope="col" { "Server" }
                            th.p2 scope="col" { "Release" }
                            th.p2 scope="col" { "Started" }
                            th.num scope="col" { "Lease" }
                            th.p3 scope="col" { "Sealing key" }
                        }
                    }
                    tbody { @for server in &view.servers { (server_row(server)) } }
                }
            }
        }
    }
}

fn server_row(server: &ServerView) -> Markup {
    html! {
        tr {
            th scope="row" {
                (server.address.as_deref().unwrap_or("not listening yet"))
                @if server.answers { " " (badge("info", "", "this one")) }
                span.sub { code { (server.id) } }
                span.sub.p2-not { "release " (server.release) }
            }
            td.p2 { (server.release) }
            td.p2 { (time::ago(server.started_at)) }
            td.num {
                @if server.lease_remaining_ms == 0 { (badge("bad", "alert", "Over")) }
                @else { (server.lease_remaining_ms / 1000) " s left" }
            }
            td.p3 { code { (server.sealing_key.as_deref().unwrap_or("")) } }
        }
    }
}

fn database(database: &DatabaseStatus) -> Markup {
    let kind = match database.kind {
        DatabaseKind::Sqlite => "SQLite",
        DatabaseKind::Postgresql => "PostgreSQL",
    };
    html! {
        dl.facts {
            dt { "Kind" } dd { (kind) }
            dt { "Size" }
            dd {
                (or_unread(database.bytes.map(bytes)))
                @if let Some(log) = database.log_bytes { ", with " (bytes(log)) " of write-ahead log" }
            }
            dt { "Migration" }
            dd {
                (or_unread(database.migration.map(|migration| migration.to_string())))
                @if database.migration.is_some_and(|migration| migration != database.known_migration) { ", this release knows " (database.known_migration) }
            }
            dt { "Connections" }
            dd { (database.connections.in_use) " at work, " (database.connections.open) " open, at most " (database.connections.max) }
        }
    }
}

fn or_unread(text: Option<String>) -> Markup {
    html! { @match text { Some(text) => (text), None => span.muted { "not read" } } }
}

fn queues(queues: &QueuesStatus) -> Markup {
    let QueuesStatus { recorder, postponed, calls, runs, memory } = queues;
    let rows = [
        ("Calls at work", number(calls.at_work), number(calls.max)),
        ("Rows to be recorded", number(recorder.waiting), number(recorder.max)),
        ("Ends of calls that wait for the database to be back", number(postponed.waiting), number(postponed.max)),
        ("Runs at work", number(runs.at_work), number(runs.workers)),
        ("Runs that have not ended, of all servers", number(runs.unfinished), number(runs.max)),
        ("Memory for work", bytes(memory.reserved_bytes), bytes(memory.max_bytes)),
    ];
    html! {
        div.table {
            table {
                caption.sr { "What waits and what is at work" }
                thead { tr { th scope="col" { "Queue" } th.num scope="col" { "Now" } th.num scope="col" { "At most" } } }
                tbody { @for (name, now, most) in &rows { tr { th scope="row" { (name) } td.num { (now) } td.num { (most) } } } }
            }
        }
    }
}

fn agents(view: &StatusView) -> Markup {
    html! {
        dl.facts {
            dt { "Connected here" } dd { (view.agents.here) }
            dt { "Connected in all" } dd { (or_unknown(view.agents.everywhere)) }
            dt { "NATS" }
            dd {
                @match &view.nats {
                    NatsStatus::NotConfigured => { "Not configured: a command finds an agent at its own server alone" },
                    NatsStatus::Connected { server, since } => { (badge("good", "check", "Connected")) " to " (server) ", " (time::ago(*since)) },
                    NatsStatus::Away { since, reason } => { (badge("bad", "cross", "Away")) " " (time::ago(*since)) ": " (reason) },
                }
            }
        }
    }
}

fn or_unknown(count: Option<u64>) -> Markup {
    html! { @match count { Some(count) => (count), None => span.muted { "not known here" } } }
}

fn retention(tables: &[RetentionStatus]) -> Markup {
    html! {
        div.table {
            table {
                caption.sr { "How much is kept, and what was removed last" }
                thead { tr { th scope="col" { "Of" } th scope="col" { "Kept at most" } th scope="col" { "There is" } th.p2 scope="col" { "Removed last" } } }
                tbody {
                    @for table in tables {
                        tr {
                            th scope="row" { (table_name(table.table)) }
                            td { (limits(table)) }
                            td {
                                @match &table.kept {
                                    Some(kept) => { (number(kept.rows)) " rows" @if kept.bytes > 0 { ", " (bytes(kept.bytes)) } @if !kept.is_within { " " (badge("warn", "clock", "More to remove")) } },
                                    None => span.muted { "not counted yet" },
                                }
                            }
                            td.p2 { @match &table.removed { Some(removed) => { (number(removed.rows)) " rows, " (time::ago(removed.at)) }, None => span.muted { "nothing" } } }
                        }
                    }
                }
            }
        }
    }
}

fn table_name(table: RetainedTable) -> &'static str {
    match table {
        RetainedTable::Executions => "Executions",
        RetainedTable::Keys => "Idempotency keys",
        RetainedTable::Audit => "Audit trail",
        RetainedTable::Runs => "Runs",
    }
}

fn limits(table: &RetentionStatus) -> String {
    let day = (table.table == RetainedTable::Keys).then_some(1);
    let days = table.days.or(day).map(|days| badge::count(usize::try_from(days).unwrap_or(usize::MAX), "day", "days"));
    let rows = table.max_rows.map(|rows| format!("{} rows", number(rows)));
    // In the unit of the setting.
    let size = table.max_bytes.map(|bytes| format!("{} MiB", number(bytes >> 20)));
    let limits: Vec<String> = [days, rows, size].into_iter().flatten().collect();
    if limits.is_empty() { "without a limit".to_owned() } else { limits.join(", ") }
}

/// The tasks, those that failed first.
fn tasks(tasks: &[RecurringTask]) -> Markup {
    let mut sorted: Vec<&RecurringTask> = tasks.iter().collect();
    sorted.sort_by_key(|task| task.failure().is_none());
    html! {
        div.table {
            table {
                caption.sr { "Recurring work, what failed comes first" }
                thead { tr { th scope="col" { "Work" } th.num.p2 scope="col" { "Every" } th.p2 scope="col" { "Last run" } th.num.p3 scope="col" { "Took" } th scope="col" { "Outcome" } } }
                tbody {
                    @for task in sorted {
                        tr {
                            th scope="row" { (task.name) }
                            td.num.p2 { (period(task.period_ms)) }
                            td.p2 { @match &task.last { Some(run) => (time::ago(run.at)), None => span.muted { "not yet" } } }
                            td.num.p3 { @if let Some(run) = &task.last { (took(run.took_ms)) } }
                            td {
                                @match (&task.last, task.failure()) {
                                    (_, Some(error)) => { (badge("bad", "cross", "Failed")) p.error { (error) } },
                                    (Some(_), None) => (badge("good", "check", "Succeeded")),
                                    (None, None) => span.muted { "not yet run" },
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn period(milliseconds: u64) -> String {
    const MINUTE: u64 = 60_000;
    if milliseconds >= MINUTE && milliseconds.is_multiple_of(MINUTE) {
        return format!("{} min", milliseconds / MINUTE);
    }
    took(milliseconds)
}

fn took(milliseconds: u64) -> String {
    time::took(i64::try_from(milliseconds).unwrap_or(i64::MAX))
}
