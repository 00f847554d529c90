//! What becomes of names: "Names that have no id yet", "Peer" and "Which interactions" of the conversion.

use super::*;
use crate::event::*;
use crate::time::Time;
use serde_json::Value;
use std::sync::Arc;

const USER: &str = "11111111-1111-4111-8111-111111111111";
const QUEUE: &str = "22222222-2222-4222-8222-222222222222";

fn directory() -> Directory {
    let text = format!(
        r#"{{"users":{{"JSmith":"{USER}"}},"queues":{{"Support":"{QUEUE}"}},"languages":{{"English":"{QUEUE}"}},
        "skills":{{"English":"{USER}","Billing":"{USER}"}}}}"#
    );
    Directory::from_json(&text).unwrap()
}

fn id(n: &str) -> Id {
    Id::over(&[n])
}

fn party(role: Role, communication: &str) -> Established {
    Established {
        role,
        communication: id(communication),
        user: None,
        queue: None,
        skills: Vec::new(),
        ivr: None,
        station: None,
        ani: None,
        ani_name: None,
        dnis: None,
        after_call_work: false,
        alerting: false,
        can_speak: true,
        inbound: true,
        invited_by: None,
        additional_info: Vec::new(),
        source: Source {
            source_id: QUEUE.into(),
            interaction_id: "1001".into(),
            tag_id: None,
        },
    }
}

fn draft(n: &str, voice: Voice) -> Draft {
    Draft {
        key: Key(id("conversation")),
        id: id(n),
        time: Time::from_millis(0),
        what: What::Voice(voice),
    }
}

fn user(name: &str, communication: &str, by: Option<Invite>) -> Draft {
    let party = Established {
        user: Some(name.into()),
        invited_by: by,
        ..party(Role::User, communication)
    };
    draft(communication, Voice::Established(Box::new(party)))
}

fn answered(communication: &str) -> Draft {
    draft(
        &format!("answered {communication}"),
        Voice::Answered {
            communication: id(communication),
        },
    )
}

fn resolver(wait: bool) -> Resolver {
    Resolver::new(&Settings {
        wait,
        ..Settings::default()
    })
}

fn event(resolved: Resolved) -> Event {
    match resolved {
        Resolved::Event(event, _) => {
            let event_json: Value = serde_json::from_slice(&event.json).unwrap();
            crate::schema::validate_event(event.array, &event_json).unwrap();
            event
        }
        other => panic!("{other:?}"),
    }
}

fn json(resolved: Resolved) -> Value {
    serde_json::from_slice(&event(resolved).json).unwrap()
}

#[test]
fn names_match_without_regard_to_case() {
    let json = json(resolver(true).resolve(&user("jSMITH", "u", None), &directory()));
    assert_eq!(json["userId"], USER);
}

#[test]
fn an_unknown_user_waits_and_is_left_out_with_all_that_names_it_once_given_up() {
    let mut resolver = resolver(true);
    let newcomer = user("newcomer", "u", None);
    let waits = Resolved::Waits(vec![(Kind::Users, "newcomer".into())]);
    assert_eq!(resolver.resolve(&newcomer, &directory()), waits);
    resolver.give_up(Kind::Users, "NewComer");
    let left_out = Resolved::LeftOut(Reason::UnresolvedUser);
    assert_eq!(resolver.resolve(&newcomer, &directory()), left_out);
    let mut known = directory();
    known.insert(Kind::Users, "newcomer", id("newcomer"));
    assert_eq!(resolver.resolve(&answered("u"), &known), left_out);
    let transfer = Transfer {
        command: id("command"),
        initiating: id("u"),
        object: id("external"),
    };
    let transfer = draft(
        "transfer",
        Voice::UserTransfer {
            transfer,
            user: "jsmith".into(),
        },
    );
    assert_eq!(resolver.resolve(&transfer, &known), left_out);
    let end = Voice::EndTransfer {
        command: id("command"),
        object: id("external"),
        state: FinalState::Completed,
    };
    assert_eq!(resolver.resolve(&draft("end", end), &known), left_out);
    assert!(matches!(
        resolver.resolve(&user("newcomer", "u2", None), &known),
        Resolved::Event(..)
    ));
}

#[test]
fn an_inviter_left_out_gives_way_to_the_external_and_then_to_nobody() {
    let mut resolver = resolver(false);
    let _ = resolver.resolve(&user("nobody", "u", None), &directory());
    let invite = |external| {
        Some(Invite {
            by: id("u"),
            external,
        })
    };
    let with = event(resolver.resolve(&user("jsmith", "v", invite(Some(id("x")))), &directory()));
    let body: Value = serde_json::from_slice(&with.json).unwrap();
    assert_eq!(body["initialConfiguration"]["invitedBy"], id("x").to_string());
    assert_eq!((&*with.needs, with.makes), (&[id("x")][..], Some(id("v"))));
    let without = json(resolver.resolve(&user("jsmith", "w", invite(None)), &directory()));
    assert!(without["initialConfiguration"].get("invitedBy").is_none());
}

#[test]
fn an_agent_outside_the_list_is_left_out_and_never_waited_for() {
    let mut resolver = Resolver::new(&Settings {
        users: vec!["JDoe".into()],
        wait: true,
        ..Settings::default()
    });
    let left_out = Resolved::LeftOut(Reason::UserNotAllowed);
    assert_eq!(
        resolver.resolve(&user("jsmith", "u", None), &directory()),
        left_out
    );
    let mut known = directory();
    known.insert(Kind::Users, "jdoe", id("jdoe"));
    event(resolver.resolve(&user("JDOE", "v", None), &known));
}

#[test]
fn a_queue_that_is_ignored_or_unknown_is_no_party_but_a_user_called_on_its_behalf_is() {
    let mut resolver = Resolver::new(&Settings {
        ignore_workgroups: vec!["Overflow".into()],
        ..Settings::default()
    });
    let queued = |queue: &str, n| {
        let party = Established {
            queue: Some(queue.into()),
            skills: vec!["Billing".into(), "English".into(), "Sailing".into()],
            ..party(Role::Routing, n)
        };
        draft(n, Voice::Established(Box::new(party)))
    };
    let left_out = |reason| Resolved::LeftOut(reason);
    assert_eq!(
        resolver.resolve(&queued("overflow", "a"), &directory()),
        left_out(Reason::IgnoredWorkgroup)
    );
    assert_eq!(
        resolver.resolve(&queued("unheard", "b"), &directory()),
        left_out(Reason::UnresolvedQueue)
    );
    let routing = json(resolver.resolve(&queued("support", "c"), &directory()));
    assert_eq!(routing["skillIds"], serde_json::json!([USER]));
    assert_eq!(routing["languageId"], QUEUE, "languages go first");
    let mut outbound = user("jsmith", "d", None);
    if let What::Voice(Voice::Established(party)) = &mut outbound.what {
        party.queue = Some("unheard".into());
    }
    let Resolved::Event(event, without) = resolver.resolve(&outbound, &directory()) else {
        panic!("left out")
    };
    assert!(!String::from_utf8_lossy(&event.json).contains("queueId"));
    assert_eq!(without, [Reason::UnresolvedQueue]);
}

#[test]
fn an_unknown_wrap_up_code_leaves_out_its_event_only() {
    let mut resolver = resolver(false);
    let code = |code: Option<&str>| {
        let communication = id("u");
        let code = code.map(Arc::from);
        draft("code", Voice::Disposition { communication, code })
    };
    assert_eq!(
        resolver.resolve(&code(Some("Sold")), &directory()),
        Resolved::LeftOut(Reason::UnresolvedWrapUpCode)
    );
    event(resolver.resolve(&code(None), &directory()));
    event(resolver.resolve(&answered("u"), &directory()));
}

fn presence(label: &str, system: System, user: &str) -> Draft {
    let presence = Presence {
        user: user.into(),
        source_id: QUEUE.into(),
        system,
        label: Some(label.into()),
        message: None,
        relabels: None,
    };
    Draft {
        what: What::Presence(presence),
        ..answered("x")
    }
}

#[test]
fn a_secondary_presence_needs_label_and_system_presence_and_is_never_on_queue_or_offline() {
    let mut known = directory();
    known.insert_secondary("Coffee", System::Break, id("high").max(id("low")));
    known.insert_secondary("coffee", System::Break, id("high").min(id("low")));
    known.insert_secondary("coffee", System::OnQueue, id("never"));
    let given = |system| json(resolver(true).resolve(&presence("COFFEE", system, "jsmith"), &known));
    assert_eq!(
        given(System::Break)["presenceDefinitionId"],
        id("high").min(id("low")).to_string()
    );
    for system in [System::Away, System::OnQueue] {
        assert_eq!(given(system)["presenceDefinitionId"], system.definition());
    }
}

#[test]
fn a_label_that_changes_nothing_in_genesys_cloud_is_no_event() {
    let mut known = directory();
    known.insert_secondary("coffee", System::Break, id("coffee"));
    let relabelled = |label: &str, before: &str, user: &str| {
        let mut draft = presence(label, System::Break, user);
        if let What::Presence(presence) = &mut draft.what {
            presence.relabels = Some(before.into());
        }
        draft
    };
    let same = Resolved::LeftOut(Reason::SamePresence);
    assert_eq!(
        resolver(true).resolve(&relabelled("Tea", "", "jsmith"), &known),
        same
    );
    assert_eq!(
        resolver(true).resolve(&relabelled("Tea", "Cocoa", "jsmith"), &known),
        same
    );
    event(resolver(true).resolve(&relabelled("Coffee", "Tea", "jsmith"), &known));
    event(resolver(true).resolve(&relabelled("Tea", "Coffee", "jsmith"), &known));
    // Of a user who has no id yet the latest presence is owed, whatever its label.
    let mut resolver = resolver(false);
    resolver.resolve(&presence("Tea", System::Break, "newcomer"), &known);
    resolver.resolve(&relabelled("Cocoa", "Tea", "newcomer"), &known);
    known.insert(Kind::Users, "newcomer", id("newcomer"));
    assert_eq!(resolver.owed(&known).len(), 1);
}

#[test]
fn the_latest_status_of_an_unknown_user_is_sent_once_he_is_known() {
    let mut resolver = resolver(false);
    for (n, system) in [System::Available, System::Meal].into_iter().enumerate() {
        let mut status = presence("", system, "newcomer");
        status.time = Time::from_millis(n as i64);
        let left_out = Resolved::LeftOut(Reason::UnresolvedUser);
        assert_eq!(resolver.resolve(&status, &directory()), left_out);
    }
    assert_eq!(resolver.owed(&directory()), []);
    let mut known = directory();
    known.insert(Kind::Users, "newcomer", id("newcomer"));
    let owed = resolver.owed(&known);
    assert_eq!(owed.len(), 1);
    assert!(String::from_utf8_lossy(&owed[0].json).contains(System::Meal.definition()));
    assert_eq!(resolver.owed(&known), []);
}

#[test]
fn texts_are_escaped() {
    let mut party = party(Role::External, "x");
    party.ani_name = Some("O\"Brien \\ \u{1} é".into());
    let external = draft("x", Voice::Established(Box::new(party)));
    let json = json(resolver(false).resolve(&external, &directory()));
    assert_eq!(json["aniName"], "O\"Brien \\ \u{1} é");
}

#[test]
fn a_directory_file_is_refused_with_what_is_wrong_and_where() {
    let error = |text: &str| Directory::from_json(text).unwrap_err().to_string();
    assert!(error(r#"{"queue":{}}"#).contains("unknown field `queue`"));
    let no_id = error(r#"{"users":{"jsmith":"smith"}}"#);
    assert_eq!(
        no_id,
        "users: \"jsmith\" has \"smith\", which is no Genesys Cloud id; give a UUID"
    );
    let twice = format!(r#"{{"users":{{"jsmith":"{USER}","JSmith":"{USER}"}}}}"#);
    assert!(error(&twice).contains("stands there twice"), "{}", error(&twice));
}
