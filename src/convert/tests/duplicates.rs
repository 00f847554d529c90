//! A record that comes twice is taken once: its source, server and id are known for a while.

use super::*;

const MINUTES: i64 = 60;

/// Which of these records, each with its second and id, are duplicates.
fn duplicates(records: &[(i64, &str)]) -> Vec<u64> {
    let texts: Vec<(i64, String)> = records
        .iter()
        .map(|(seconds, id)| {
            let text = format!(
                r#"{{"specversion":"1.0","id":"{id}","source":"cic/a","type":"urn:inin.com:interactions:interactionDeallocatedMessage","data":{{"interactionID":"1"}}}}"#
            );
            (*seconds, text)
        })
        .collect();
    let texts: Vec<(i64, &str)> = texts.iter().map(|(seconds, text)| (*seconds, &**text)).collect();
    let (output, _) = run(&texts, Settings::default());
    let duplicate = |(_, fate): &&(u64, Fate)| *fate == Fate::Skipped(Reason::Duplicate);
    output
        .fates
        .iter()
        .filter(duplicate)
        .map(|(position, _)| *position)
        .collect()
}

/// Whenever it came first: sets of ids begin and end at whole minutes.
#[test]
fn an_id_is_known_for_the_window_and_not_for_ever() {
    for first in (0..10 * MINUTES).step_by(7) {
        let at = |seconds, id| (first + seconds, id);
        let again = duplicates(&[at(0, "x"), at(1, "y"), at(5 * MINUTES, "x")]);
        assert_eq!(again, [2], "first {first} s after the hour");
        let again = duplicates(&[at(0, "x"), at(6 * MINUTES, "y"), at(16 * MINUTES, "x")]);
        assert_eq!(again, [0; 0], "first {first} s after the hour");
    }
}
