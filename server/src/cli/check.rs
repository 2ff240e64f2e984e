//! `floh check`.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::database::existing;
use super::{CliError, print, runtime};
use crate::check::{Report, check};
use crate::config::StorageArgs;

#[derive(Debug, Args)]
#[command(after_help = "Example: a line for each fault, and exit code 1 if there is one.
  floh check --data-dir /var/lib/floh

Works beside a running server and changes none of its data. A backup is verified with floh restore DIR --dry-run.")]
pub(super) struct CheckArgs {
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    storage: StorageArgs,
}

pub(super) fn run(args: &CheckArgs) -> Result<ExitCode, CliError> {
    let (url, keys) = existing(&args.storage)?;
    let report = runtime()?.block_on(check(&url, &keys));
    if args.json {
        print(json_of(&report));
    } else {
        show(&report);
    }
    Ok(if report.fault_count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn json_of(report: &Report) -> Value {
    let faults: Vec<Value> =
        report.faults.iter().map(|fault| json!({ "check": fault.check, "message": fault.message })).collect();
    let checked: serde_json::Map<String, Value> =
        report.checked.iter().map(|(name, found)| ((*name).to_owned(), json!(found))).collect();
    json!({
        "ok": report.fault_count == 0, "faultCount": report.fault_count, "faults": faults, "checked": checked,
        "rows": report.rows, "bytes": report.bytes, "freeBytes": report.free_bytes,
    })
}

fn show(report: &Report) {
    for (name, found) in &report.checked {
        print(format_args!("ok     {name}: {found}"));
    }
    for fault in &report.faults {
        print(format_args!("FAULT  {}: {}", fault.check, fault.message));
    }
    if report.fault_count > report.faults.len() {
        print(format_args!("FAULT  and {} more", report.fault_count - report.faults.len()));
    }
    if !report.rows.is_empty() {
        print(format_args!("{} bytes, {} of them free", report.bytes, report.free_bytes));
        for (table, rows) in &report.rows {
            print(format_args!("{rows:>12}  {table}"));
        }
    }
}
