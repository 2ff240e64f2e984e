//! The mock chain (docs/contract.md#mock-chain): stored results, then the connector's mock script, then the
//! scenarios of the connector's code. It never falls through to the real call.

use super::Target;
use crate::context::{Context, Invocation};
use crate::mock::DEFAULT_SCENARIO;
use crate::outcome::{Fail, Failure, Reply};
use crate::schema::FieldValues;

/// Returns the scenario that answers a call instead of its connector, if one does.
pub(super) fn scenario(target: &Target<'_>, invocation: &Invocation) -> Option<String> {
    let enabled = target.mock.is_some_and(|mock| mock.enabled);
    invocation.mock_scenario.clone().or_else(|| enabled.then(|| DEFAULT_SCENARIO.to_owned()))
}

/// Answers a call with a scenario.
pub(super) async fn answer(
    target: &Target<'_>,
    context: &Context,
    command: &str,
    scenario: &str,
    params: FieldValues<'_>,
) -> Result<Reply, Failure> {
    if let Some(reply) = target.mock.and_then(|mock| mock.stored(command, scenario)) {
        return Ok(reply);
    }
    if let Some(script) = target.mock_script
        && let Some(outcome) = script.answer(context, command, scenario, params).await
    {
        return outcome;
    }
    if let Some(outcome) = target.executor.mock(command, scenario, params) {
        return outcome;
    }
    let mut known = target.mock.map(|mock| mock.scenarios(command)).unwrap_or_default();
    for scenario in target.executor.mock_scenarios(command) {
        if !known.contains(&scenario) {
            known.push(scenario);
        }
    }
    let known =
        if known.is_empty() { "the command has none".to_owned() } else { format!("known are {}", known.join(", ")) };
    Err(Fail::new(format!("No mock scenario {scenario} for command {command}; {known}")).into())
}
