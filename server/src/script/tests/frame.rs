use std::time::Duration;

use connector_runtime::log::LogLevel;
use proptest::prelude::*;

use crate::script::Limits;
use crate::script::frame::{HEAD, Kind, Malformed, Reader, Writer, head};
use crate::script::limits::FRAME;
use crate::script::message::{Done, Order, Reply, level_byte, level_of, write_limits};
use crate::script::sandbox::{Figures, HttpAnswer, HttpFault, Left};

fn body(frame: &[u8]) -> (Kind, &[u8]) {
    let (kind, length) = head(*frame.first_chunk().unwrap()).unwrap();
    assert_eq!(frame.len(), HEAD + length);
    (kind, &frame[HEAD..])
}

#[test]
fn an_order_is_read_as_it_was_written() {
    let limits = Limits { memory: 7, calls: 3, ..Limits::default() };
    let mut out = Vec::new();
    let writer = write_limits(Writer::new(&mut out, Kind::Run).number(1500).byte(level_byte(LogLevel::Warn)), &limits);
    writer.text("list").text("").json(&[1]).unwrap().end().unwrap();
    let (kind, body) = body(&out);
    let order = Order::read(body).unwrap();
    assert_eq!((kind, order.budget, order.level), (Kind::Run, Duration::from_micros(1500), LogLevel::Warn));
    assert_eq!((order.limits, order.command, order.idempotency_key, order.data), (limits, "list", "", "[1]"));
    for cut in 0..body.len() {
        assert!(Order::read(&body[..cut]).is_err());
    }
    assert!(Order::read(&[body, &[0]].concat()).is_err());
}

#[test]
fn every_reply_is_read_as_it_was_written() {
    let headers = vec![("a".to_owned(), "b".to_owned()), ("c".to_owned(), String::new())];
    let answer = |answer| Reply::Answer { answer, memory: 1 << 20 };
    for reply in [
        answer(HttpAnswer {
            status: 204,
            headers: headers.clone(),
            text: "\u{e9}\0".to_owned(),
            ..HttpAnswer::default()
        }),
        answer(HttpAnswer {
            status: 200,
            headers,
            bytes: Some(b"\0\xff"[..].into()),
            is_binary: true,
            ..HttpAnswer::default()
        }),
        answer(HttpAnswer { next: Some("https://a.test/2".to_owned()), ..HttpAnswer::default() }),
        Reply::Result { json: "[1]".to_owned(), memory: 7 },
        Reply::Fault(HttpFault::new("policy", "no")),
        Reply::Fault(HttpFault { left: Some(Left { status: None }), ..HttpFault::new("timeout", "") }),
        Reply::Fault(HttpFault { left: Some(Left { status: Some(201) }), ..HttpFault::new("protocol", "") }),
        Reply::Slept,
        Reply::Late,
    ] {
        let mut out = Vec::new();
        reply.write(&mut out).unwrap();
        let (kind, body) = body(&out);
        assert_eq!((kind, format!("{:?}", Reply::read(body).unwrap())), (Kind::Reply, format!("{reply:?}")));
    }
}

#[test]
fn levels_keep_their_bytes() {
    for level in LogLevel::ALL.iter().copied() {
        assert_eq!(level_of(level_byte(level)), Ok(level));
    }
    assert_eq!(level_of(5), Err(Malformed));
}

#[test]
fn frames_have_a_largest_size() {
    let mut out = b"before".to_vec();
    let written = Writer::new(&mut out, Kind::Bind).bytes(&vec![0; FRAME]).end();
    assert_eq!((written, out.as_slice()), (Err(Malformed), b"before".as_slice()));
    let too_long = u32::try_from(FRAME + 1).unwrap().to_le_bytes();
    let [a, b, c, d] = too_long;
    assert_eq!(head([a, b, c, d, 1]), Err(Malformed));
    assert_eq!(head([0, 0, 0, 0, 99]), Err(Malformed));
}

proptest! {
    #[test]
    fn no_bytes_are_read_past_a_frame(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop((Order::read(&bytes), Reply::read(&bytes), Done::read(&bytes)));
        let mut reader = Reader(&bytes);
        while reader.bytes().is_ok() {}
    }

    #[test]
    fn results_are_read_as_they_were_written(json in ".*", cpu in 0u64..1 << 40, calls: u32, spent: bool) {
        let figures = Figures { cpu: Duration::from_micros(cpu), calls };
        let mut out = Vec::new();
        Done { spent, figures, json: &json }.write(&mut out).unwrap();
        let done = Done::read(body(&out).1).unwrap();
        prop_assert_eq!((done.spent, done.figures, done.json), (spent, figures, json.as_str()));
    }
}
