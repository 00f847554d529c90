//! What a probe finds.

use super::*;

#[test]
fn a_probe_says_what_is_there_and_joins_no_group() {
    let broker = Broker::new(2);
    for topic in ["cic.agents.dead-letters", "site-a", "site-b", "other"] {
        broker.cluster.create_topic(topic, 1, 1).unwrap();
    }
    let settings = Settings {
        topics: vec!["cic".into(), "^(site|cic).*".into(), "missing".into()],
        written: vec!["^.+\\.agents\\.dead-letters$".into()],
        ..broker.settings()
    };
    let found = probe(&settings, PATIENCE).unwrap();
    assert_eq!(found.reached.as_ref().unwrap().brokers, 1);
    assert_eq!((&found.faults, &found.group_fault), (&vec![], &None));
    let names = |asked: &Asked| {
        let mut names: Vec<String> = asked.topics.iter().map(|topic| topic.name.clone()).collect();
        names.sort();
        names
    };
    let said: Vec<_> = found
        .asked
        .iter()
        .map(|asked| (asked.entry.as_str(), names(asked)))
        .collect();
    assert_eq!(
        said,
        [
            ("cic", vec!["cic".to_owned()]),
            (
                "^(site|cic).*",
                vec!["cic".to_owned(), "site-a".into(), "site-b".into()]
            ),
            ("missing", vec![]),
        ]
    );
    assert_eq!(found.asked[2].fault.as_ref().unwrap().kind, Kind::Topic);
    assert_eq!(found.topic("cic").unwrap().partitions, 2);
    assert!(found.topic("cic.agents.dead-letters").is_some());
    assert_eq!(found.committed, []);
}

#[test]
fn a_probe_of_a_closed_port_says_so() {
    let found = probe(&Settings::new(CLOSED, &["cic"], "agents"), PATIENCE).unwrap();
    assert_eq!(found.reached, None);
    assert_eq!(found.faults[0].kind, Kind::Unreachable, "{:?}", found.faults);
}
