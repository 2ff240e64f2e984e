use super::*;

fn answered(bytes: usize) -> End {
    let key = IdempotencyKey { token_id: Uuid::nil(), connector_id: Uuid::nil(), key: "key".to_owned() };
    End { id: Uuid::from_u128(bytes as u128), row: Row::Untouched, answer: Some((key, "x".repeat(bytes))) }
}

#[test]
fn the_oldest_ends_come_first() {
    let postponed = Postponed::default();
    (1..=5).for_each(|bytes| postponed.keep(answered(bytes)));
    let ids = |ends: Vec<End>| ends.iter().map(|end| end.id.as_u128()).collect::<Vec<_>>();
    assert_eq!(ids(postponed.take(2)), [1, 2]);
    assert_eq!(ids(postponed.take(9)), [3, 4, 5]);
    assert_eq!((postponed.len(), postponed.0.lock().bytes), (0, 0));
}

#[test]
fn ends_are_kept_up_to_a_number() {
    let postponed = Postponed::default();
    (0..MAX_ENDS + 3).for_each(|_| postponed.keep(answered(1)));
    assert_eq!(postponed.len(), MAX_ENDS);
}

#[test]
fn ends_are_kept_up_to_a_size_and_one_always_fits() {
    let postponed = Postponed::default();
    postponed.keep(answered(MAX_BYTES + 1));
    postponed.keep(answered(1));
    assert_eq!(postponed.take(9).len(), 1);
    (0..5).for_each(|_| postponed.keep(answered(MAX_BYTES / 4)));
    assert_eq!(postponed.len(), 4);
    // There is room again.
    postponed.take(1);
    postponed.keep(answered(1));
    assert_eq!(postponed.len(), 4);
}

#[test]
fn what_is_no_end_is_not_kept() {
    let postponed = Postponed::default();
    postponed.keep(End { id: Uuid::nil(), row: Row::Untouched, answer: None });
    assert_eq!(postponed.len(), 0);
    postponed.keep(End { id: Uuid::nil(), row: Row::Removed, answer: None });
    assert_eq!(postponed.len(), 1);
}
