//! The ids of commands: made of the execution that a command belongs to, so that a result that comes late leads back to it,
//! on whichever server it comes.

use uuid::Uuid;

/// How many commands of one execution have ids that lead back to it. A command is sent under another id only after its agent
/// was lost, so that more are not seen.
pub(super) const MAX_ATTEMPTS: u8 = 16;

/// A command and the execution that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CommandId {
    /// The id under which an agent knows the command.
    pub(super) id: Uuid,
    /// The execution whose end is recorded; `None` if none is.
    pub(super) execution: Option<Uuid>,
}

impl CommandId {
    /// Returns the id of an attempt of an execution, the first of which is 0. Without an execution, and beyond
    /// [`MAX_ATTEMPTS`], it is a new one.
    pub(super) fn of(execution: Option<Uuid>, attempt: u32) -> Self {
        let attempt = u8::try_from(attempt).ok().filter(|attempt| *attempt < MAX_ATTEMPTS);
        let id = execution.zip(attempt).map(|(execution, attempt)| command_id(execution, attempt));
        Self { id: id.unwrap_or_else(Uuid::now_v7), execution }
    }
}

/// Returns the id of the command of an attempt, which is below [`MAX_ATTEMPTS`]: the execution's id with the last four bits
/// changed by the attempt's number. The first command has the execution's id.
pub(super) fn command_id(execution: Uuid, attempt: u8) -> Uuid {
    Uuid::from_u128(execution.as_u128() ^ u128::from(attempt % MAX_ATTEMPTS))
}

/// Returns the executions that a command may belong to. At most one of them exists: new ids differ in the 32 random bits at
/// their end, and two of one millisecond in their counter too.
pub(super) fn candidates(command_id: Uuid) -> [Uuid; MAX_ATTEMPTS as usize] {
    std::array::from_fn(|attempt| Uuid::from_u128(command_id.as_u128() ^ attempt as u128))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_attempt_leads_back_to_its_execution() {
        for _ in 0..100 {
            let execution = Uuid::now_v7();
            let ids: Vec<Uuid> = (0..MAX_ATTEMPTS).map(|attempt| command_id(execution, attempt)).collect();
            assert_eq!(ids[0], execution);
            assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 16);
            for (attempt, id) in ids.iter().enumerate() {
                assert_eq!(*id, CommandId::of(Some(execution), u32::try_from(attempt).unwrap()).id);
                assert!(candidates(*id).contains(&execution));
                assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));
            }
            let more = CommandId::of(Some(execution), 16);
            assert!(!ids.contains(&more.id) && more.execution == Some(execution));
        }
        assert_ne!(CommandId::of(None, 0).id, CommandId::of(None, 0).id);
    }
}
