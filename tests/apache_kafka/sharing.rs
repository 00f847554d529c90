//! Agents of one group: what one gives back the other goes on with.

use cic_conduit::kafka::{Event, Input, Kind, Settings};

use crate::agent::{Agent, commit, make_topic, settings, write};
use crate::support::apache_kafka::shared;

fn assigned(input: &Input) -> Option<(i32, i64, String)> {
    match input {
        Input::Assigned {
            place,
            from,
            metadata,
            ..
        } => Some((place.partition, *from, metadata.clone())),
        _ => None,
    }
}

/// Rule 8, with either group protocol: what is committed within the revocation is where the next owner begins, with the
/// longest metadata that Kafka keeps.
async fn moves(name: &str, protocol: &str) {
    let Some(kafka) = shared() else { return };
    make_topic(kafka, name, 2).await;
    for partition in 0..2 {
        write(kafka, name, partition, &["a", "b"]).await;
    }
    let settings = || Settings {
        passed_through: [("group.protocol".into(), protocol.into())].into(),
        ..settings(kafka, name)
    };
    let mut first = Agent::start(settings());
    first.values(4);
    let mut second = Agent::start(settings());
    let pointer = "p".repeat(4095);
    let (places, done) = first.until(|input| match input {
        Input::Revoked {
            places,
            done,
            stopping,
        } => {
            assert!(!stopping);
            Some((places.clone(), done.clone()))
        }
        _ => None,
    });
    assert_eq!(places.len(), 1, "the other one stays");
    let moved = places[0].partition;
    done.send(vec![commit(name, moved, 1, &pointer)]).unwrap();
    assert_eq!(second.until(assigned), (moved, 1, pointer));
    assert_eq!(second.values(1), ["b"]);
    first.commit(commit(name, 1 - moved, 2, "")).await.unwrap();
    first.stop(Vec::new()).await;
    second.stop(Vec::new()).await;
}

#[tokio::test]
async fn a_revoked_partition_goes_on_elsewhere_from_its_commit() {
    moves("moves", "classic").await;
}

#[tokio::test]
async fn it_does_so_with_the_newer_group_protocol() {
    moves("moves-newer", "consumer").await;
}

/// A static member keeps its partitions over a restart; a second one of the same name takes over, and the first is told.
#[tokio::test]
async fn a_static_member_comes_back_and_two_of_one_name_are_told() {
    let Some(kafka) = shared() else { return };
    make_topic(kafka, "static", 1).await;
    write(kafka, "static", 0, &["a", "b"]).await;
    let settings = || Settings {
        instance: Some("agent-1".into()),
        ..settings(kafka, "static")
    };
    let mut first = Agent::start(settings());
    first.values(2);
    first.stop(vec![commit("static", 0, 1, "pointer")]).await;
    let mut again = Agent::start(settings());
    assert_eq!(again.until(assigned), (0, 1, "pointer".into()));
    let mut other = Agent::start(settings());
    let kind = again.until(|input| match input {
        Input::Event(Event::Fault(fault)) if fault.kind == Kind::Fenced => Some(fault.kind),
        _ => None,
    });
    assert_eq!(kind, Kind::Fenced);
    assert_eq!(other.until(assigned).0, 0);
    again.stop(Vec::new()).await;
    other.stop(Vec::new()).await;
}

/// Two static members: while one is away and comes back, the other one keeps what it has and is told nothing.
#[tokio::test]
async fn a_restart_of_a_static_member_moves_no_partition() {
    let Some(kafka) = shared() else { return };
    make_topic(kafka, "stays", 2).await;
    let settings = |instance: &str| Settings {
        instance: Some(instance.into()),
        ..settings(kafka, "stays")
    };
    let mut first = Agent::start(settings("agent-1"));
    first.until(assigned);
    let mut second = Agent::start(settings("agent-2"));
    first.until(|input| match input {
        Input::Revoked { done, .. } => {
            done.send(Vec::new()).unwrap();
            Some(())
        }
        _ => None,
    });
    let (moved, ..) = second.until(assigned);
    first.stop(Vec::new()).await;
    let mut again = Agent::start(settings("agent-1"));
    assert_eq!(again.until(assigned).0, 1 - moved);
    write(kafka, "stays", moved, &["second"]).await;
    write(kafka, "stays", 1 - moved, &["first"]).await;
    assert_eq!(
        (second.values(1), again.values(1)),
        (vec!["second".into()], vec!["first".into()])
    );
    let moves = |said: &&String| said.starts_with("Assigned") || said.starts_with("Revoked");
    assert_eq!(second.said.iter().filter(moves).count(), 1, "{:?}", second.said);
    again.stop(Vec::new()).await;
    second.stop(Vec::new()).await;
}
