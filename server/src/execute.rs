//! Executing a command: the server's part of the call path (docs/contract.md#3-execution). The runtime's `dispatch`
//! selects, validates, runs and normalises; this module resolves and decrypts the connector before it, and records the
//! call around it.

mod activity;
mod call;
mod checking;
mod history;
mod idempotency;
mod late;
mod log;
mod path;
mod record;
mod rights;
mod shown;
mod step;
#[cfg(test)]
mod tests;
mod trial;
mod usage;

pub use activity::{Activity, MAX_ACTIVITY_HOURS, SPARKLINE_HOURS, Sparkline, connector_activity, sparklines};
pub use call::{execute, test};
pub use history::{
    connector_id, delete_execution, get_execution, last_executions, list_executions, may_read_execution,
};
pub use idempotency::{Answer, CallFingerprint, IdempotentOutcome, KeyError, KeyedCall, settle_abandoned};
pub use late::late_results;
pub use path::{ExecuteError, Executed, Request};
pub use record::MAX_RECORDED;
pub use rights::{TEST_COMMAND, may_run, reads};
pub(crate) use rights::{authorize_calls, authorize_command};
pub use shown::{ShownResult, execute_shown, test_shown};
pub use step::{StepCall, StepCommand, StepError, StepJournal, execute_step, find_step_command, hidden_result};
pub use trial::{
    MAX_MOCK_ANSWERS, MAX_TOLD_REQUESTS, MAX_TRIAL_MS, MockAnswer, ToldRequest, Trial, Tried, mock_answers, try_script,
};
pub use usage::{deprecated_callers, recent_totals};
