//! Rule 4: a clock that is wrong, or that was set, moves nobody else's time.

use super::*;

const DAYS: i64 = 3 * 24 * 3600;

/// A call is under way, then another one's record bears a time that its broker's clock lets stand only up to `ceiling`
/// seconds; how many events there are, and the stream time in seconds.
fn beside(seconds: i64, ceiling: i64) -> (usize, i64) {
    let mut machine = Machine::new(Arc::default());
    let mut output = Output::default();
    let time = |seconds| Time::from_millis(START + seconds * 1000);
    let other = r#"{"__type":"urn:inin.com:interactions:interactionChangedMessage","isDelta":true,"interactionID":"1002","attributes":{"CallLog":"x"}}"#;
    let records = [
        (0, 60, "type=Call call=E d=I key=k1 s=C w=Support u=anna"),
        (seconds, ceiling, other),
    ];
    for (position, (seconds, ceiling, text)) in records.into_iter().enumerate() {
        let record = record(position, seconds, text);
        machine.record_until(&record, position as u64, time(ceiling), &mut output);
    }
    (
        output.drafts.len(),
        (machine.stream_time().millis() - START) / 1000,
    )
}

#[test]
fn a_clock_far_ahead_ends_no_call_of_others() {
    let (made, stream) = beside(DAYS, DAYS);
    let (ahead, held) = beside(DAYS, 70);
    assert_eq!(
        ahead,
        made - 2,
        "silent for days, the call's two parties would be ended"
    );
    assert_eq!((stream, held), (DAYS, 70));
}

#[test]
fn a_clock_that_was_set_back_turns_no_time_back() {
    let (made, stream) = beside(-DAYS, 60);
    assert_eq!((made, stream), (beside(10, 60).0, 0));
}
