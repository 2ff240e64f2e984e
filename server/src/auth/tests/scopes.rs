//! Laws of scopes: over all 2^14 sets of them.

use super::super::{Scope, Scopes};

fn all_sets() -> impl Iterator<Item = Vec<Scope>> {
    let sets = 0..1_u32 << Scope::ALL.len();
    sets.map(|bits| {
        let chosen = Scope::ALL.iter().enumerate().filter(|(bit, _)| bits & (1 << bit) != 0);
        chosen.map(|(_, scope)| *scope).collect()
    })
}

#[test]
fn a_set_allows_what_its_scopes_allow_and_nothing_else() {
    for held in all_sets() {
        let set: Scopes = held.iter().copied().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), held);
        let again = set.names().iter().map(|name| Scopes::parse(name).unwrap()).fold(Scopes::default(), Scopes::union);
        assert_eq!(again, set, "names are read as they are written");
        for wanted in Scope::ALL {
            let allowed = held.iter().any(|scope| Scopes::from(*scope).allows(wanted));
            assert_eq!(set.allows(wanted), allowed, "{held:?} {wanted}");
        }
        // What only reads may be run by whoever may run anything, and not the other way round.
        assert!(!set.allows(Scope::ConnectorsExecute) || set.allows(Scope::ConnectorsExecuteRead), "{held:?}");
    }
    assert!(!Scopes::from(Scope::ConnectorsExecuteRead).allows(Scope::ConnectorsExecute));
}

#[test]
fn adding_a_scope_takes_nothing_away() {
    for held in all_sets().step_by(7) {
        let set: Scopes = held.iter().copied().collect();
        for added in Scope::ALL {
            let more = set.union(added.into());
            assert!(
                Scope::ALL.into_iter().all(|wanted| more.allows(wanted) || !set.allows(wanted)),
                "{held:?} {added}"
            );
        }
    }
}

#[test]
fn prefixes_stand_for_what_begins_with_them() {
    let of = |name: &str| Scopes::parse(name).unwrap().iter().collect::<Vec<_>>();
    let (read, write) = (Scope::ConnectorsRead, Scope::ConnectorsWrite);
    assert_eq!(of("connectors:*"), [read, write, Scope::ConnectorsExecute, Scope::ConnectorsExecuteRead]);
    assert_eq!(of("connectors:execute:*"), [Scope::ConnectorsExecuteRead], "without connectors:execute itself");
    for wrong in
        ["connectors:exec*", "connectors:execute*", "connectors:execute:", "connectors:execute:write", ":*", "*"]
    {
        assert!(Scopes::parse(wrong).is_err(), "{wrong}");
    }
}
