//! What somebody changed under an agent that was away: its partition stops and says why, or goes on and says what it
//! misses.

use crate::broker::{Broker, Record};
use crate::stage::Stage;
use crate::support::programs::{Agent, wait_for};
use crate::traffic::USUAL;

/// The partition in which something changes.
const CHANGED: i32 = 0;

/// An agent has done all and is gone. The offset and the pointer that it left.
fn done(name: &'static str) -> Option<(Stage, i64, String)> {
    let stage = Stage::new(Broker::apache()?, name);
    stage.write(&USUAL.0.records);
    let mut agent = stage.agent(&[]);
    stage.passes(&mut agent);
    let (offset, pointer) = stage.broker.pointer(name, name, CHANGED);
    Some((stage, offset, pointer))
}

/// The state's line on the health page says this, and what to do; nothing is committed in the partition.
#[track_caller]
fn stops(stage: &Stage, why: &str) {
    let before = stage.committed()[CHANGED as usize];
    let mut agent = stage.agent(&[]);
    let item = agent.item_is("state", "error");
    let (detail, todo) = (item["detail"].as_str().unwrap(), item["todo"].as_str().unwrap());
    assert!(detail.contains(why), "{detail}");
    assert!(todo.contains("on_mismatch = \"fresh\""), "{todo}");
    assert!(agent.is_ready().unwrap().is_err(), "/readyz is 503");
    agent.stop();
    assert_eq!(stage.committed()[CHANGED as usize], before);
}

/// Told so, an agent begins without the state, from the committed offset on.
#[track_caller]
fn begins_afresh(stage: &Stage) -> Agent {
    let agent = stage.agent(&["state.on_mismatch = \"fresh\""]);
    stage.commits_all();
    // The other partition may have had nothing to begin with.
    let told = agent.logged().matches("as [state] on_mismatch says").count();
    assert_eq!(told, 1, "{}", agent.logged());
    agent
}

#[test]
fn a_group_that_was_rewound_by_hand_stops_until_that_is_meant() {
    let Some((stage, offset, pointer)) = done("rewound") else {
        return;
    };
    let rewound = offset - 20;
    stage.broker.commit("rewound", "rewound", CHANGED, rewound, "");
    let why =
        format!("the committed offset {rewound} has no pointer to a state: something else committed it");
    stops(&stage, &why);
    stage
        .broker
        .commit("rewound", "rewound", CHANGED, rewound, &pointer);
    let why = format!(
        "the offset {rewound} was committed with the state as of {offset}: the group was moved by hand"
    );
    stops(&stage, &why);
    begins_afresh(&stage).stop();
}

#[test]
fn a_topic_that_was_made_anew_is_known_by_its_records() {
    let name = "made_anew";
    let Some((stage, offset, pointer)) = done(name) else {
        return;
    };
    stage.broker.remove_topic(name);
    wait_for("Kafka forgets its commits", || {
        (stage.committed() == [0, 0]).then_some(())
    });
    stage.broker.make_topic(name, crate::broker::PARTITIONS);
    stage.broker.commit(name, name, CHANGED, offset, &pointer);
    stops(
        &stage,
        &format!("the log ends at 0, before the committed offset {offset}"),
    );
    // As many records and more, but others.
    let other = |record: &Record| Record {
        key: "other".into(),
        ..record.clone()
    };
    let others: Vec<Record> = USUAL.0.records.iter().map(other).collect();
    stage.write(&others);
    stops(&stage, "is not the one that was read: the topic was made anew");
    begins_afresh(&stage).stop();
}

/// Retention took what was written while the agent was away: it goes on with what is there, and says what it misses.
#[test]
fn records_that_retention_took_are_counted_and_named() {
    let Some((stage, offset, _)) = done("retention") else {
        return;
    };
    stage.write(&USUAL.0.records);
    stage.broker.remove_below("retention", CHANGED, offset + 10);
    let mut agent = stage.agent(&[]);
    wait_for("they are counted", || {
        (agent.metric("missing_records_total", "") == Some(10.0)).then_some(())
    });
    let item = agent.item_is("partitions", "error");
    let detail = item["detail"].as_str().unwrap();
    let what = format!("10 records from offset {offset} on were removed before they were read");
    assert!(detail.contains(&what), "{detail}");
    stage.commits_all();
    assert_eq!(
        agent.metric("restores_total", "\"state\""),
        Some(2.0),
        "with their state"
    );
    agent.stop();
}
