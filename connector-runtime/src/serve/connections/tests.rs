use super::*;

fn peer(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn one_peer_cannot_take_all_connections() {
    let connections = Connections::new(ConnectionLimits { total: 5, per_peer: 3 });
    let mut open: Vec<_> = (0..5).filter_map(|_| connections.open(peer("192.0.2.1"))).collect();
    assert_eq!(open.len(), 3);
    open.extend((0..5).filter_map(|_| connections.open(peer("192.0.2.2"))));
    assert_eq!(open.len(), 5, "in all");
    assert!(connections.open(peer("192.0.2.3")).is_none());
    open.remove(0);
    assert!(connections.open(peer("192.0.2.2")).is_some(), "a closed one makes room");
    drop(open);
    let left = connections.open.lock();
    assert_eq!((left.total, left.by_peer.len()), (0, 0), "nothing is left behind");
}

#[test]
fn the_addresses_of_one_host_are_one_peer() {
    let connections = Connections::new(ConnectionLimits { total: 100, per_peer: 1 });
    let _first = connections.open(peer("2001:db8::1")).unwrap();
    assert!(connections.open(peer("2001:db8::2:3:4:5")).is_none());
    let _other = connections.open(peer("2001:db8:0:1::1")).unwrap();
    let _v4 = connections.open(peer("192.0.2.1")).unwrap();
    assert!(connections.open(peer("::ffff:192.0.2.1")).is_none(), "mapped");
}

#[test]
fn the_usual_limit_is_below_that_of_descriptors() {
    let limits = ConnectionLimits::default();
    let descriptors = getrlimit(Resource::Nofile).current.unwrap();
    assert!(limits.total as u64 <= descriptors / 2 && limits.per_peer <= limits.total / 2, "{limits:?}");
}
