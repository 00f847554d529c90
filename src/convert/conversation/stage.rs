//! Where an interaction stands: from its letter and the names beside it, never from display text.

use super::party::same;
use crate::cic::Letter;

/// What is known when a letter is judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a, 'c> {
    /// The letter as it stands; `None` for empty or undocumented.
    pub(crate) letter: Option<Letter>,
    /// The users named.
    pub(crate) users: &'a [&'a str],
    /// The workgroup named, unless empty.
    pub(crate) workgroup: Option<&'a str>,
    /// Whether that workgroup is named anew.
    pub(crate) named_anew: bool,
    /// The interaction's direction.
    pub(crate) inbound: bool,
    /// The user who is connected on it, up to now.
    pub(crate) connected: Option<&'c str>,
    /// Whether anybody was ever inside: ivr, queue or user.
    pub(crate) ever_inside: bool,
    /// Whether a user was ever connected.
    pub(crate) ever_connected: bool,
}

/// Where it stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage<'a> {
    Ended(Letter),
    Voicemail,
    Ivr,
    Queued(&'a str),
    Alerting(Vec<&'a str>),
    Talking(&'a str),
    Held(&'a str),
    /// Outbound: on its way out.
    Dialing(Option<&'a str>),
    /// Outbound: the dialled party has answered, nobody is inside.
    Answered,
    /// Parked where nobody is.
    Orbit,
    /// Nobody is inside.
    Nobody,
    /// As before.
    Unchanged,
    /// The letter says nothing: as before, counted.
    Unknown,
}

/// The table "Where a party stands".
pub(crate) fn judge<'a>(seen: Seen<'a, '_>) -> Stage<'a> {
    let Seen {
        users,
        workgroup,
        inbound,
        connected,
        ..
    } = seen;
    let still_there = connected.and_then(|user| users.iter().copied().find(|name| same(name, user)));
    let Some(letter) = seen.letter else {
        return Stage::Unknown;
    };
    match letter {
        Letter::InternalDisconnect | Letter::ExternalDisconnect => Stage::Ended(letter),
        Letter::Messaging => Stage::Voicemail,
        Letter::Parked if let Some(user) = still_there => Stage::Held(user),
        Letter::Parked if !users.is_empty() => Stage::Alerting(users.to_vec()),
        Letter::Parked if seen.named_anew || !seen.ever_connected => {
            workgroup.map_or(Stage::Nobody, Stage::Queued)
        }
        Letter::Parked => Stage::Orbit,
        Letter::Connected | Letter::Held | Letter::Suspended => {
            let user = still_there.or(if let [only] = users { Some(only) } else { None });
            match user {
                Some(user) if letter == Letter::Connected => Stage::Talking(user),
                Some(user) => Stage::Held(user),
                None if !users.is_empty() || letter != Letter::Connected => Stage::Unchanged,
                None if !inbound => Stage::Answered,
                None if !seen.ever_inside => Stage::Ivr,
                None => Stage::Unchanged,
            }
        }
        _ if still_there.is_some() => Stage::Unchanged,
        Letter::Alerting if !users.is_empty() => Stage::Alerting(users.to_vec()),
        Letter::Alerting | Letter::Offering => workgroup.map_or(Stage::Nobody, Stage::Queued),
        Letter::System | Letter::Proceeding if !inbound => Stage::Dialing(users.first().copied()),
        Letter::System if users.is_empty() => workgroup.map_or(Stage::Ivr, Stage::Queued),
        Letter::System | Letter::Proceeding => Stage::Unchanged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Stage::*;

    fn seen<'a>(letter: &str, users: &'a [&'a str], workgroup: Option<&'a str>) -> Seen<'a, 'a> {
        Seen {
            letter: Letter::parse(letter),
            users,
            workgroup,
            named_anew: false,
            inbound: true,
            connected: None,
            ever_inside: false,
            ever_connected: false,
        }
    }

    /// Guards the table "Where a party stands", inbound, row by row.
    #[test]
    fn inbound_letters() {
        let (none, anna, both): (&[&str], &[&str], &[&str]) = (&[], &["anna"], &["anna", "bert"]);
        for (letter, users, workgroup, want) in [
            ("I", anna, None, Ended(Letter::InternalDisconnect)),
            ("E", none, None, Ended(Letter::ExternalDisconnect)),
            ("M", anna, Some("W"), Voicemail),
            ("A", both, Some("W"), Alerting(vec!["anna", "bert"])),
            ("C", anna, Some("W"), Talking("anna")),
            ("C", both, None, Unchanged),
            ("C", none, Some("W"), Ivr),
            ("H", anna, None, Held("anna")),
            ("X", anna, None, Held("anna")),
            ("H", none, None, Unchanged),
            ("P", anna, None, Alerting(vec!["anna"])),
            ("P", none, Some("W"), Queued("W")),
            ("P", none, None, Nobody),
            ("O", none, Some("W"), Queued("W")),
            ("O", anna, Some("W"), Queued("W")),
            ("A", none, Some("W"), Queued("W")),
            ("O", none, None, Nobody),
            ("S", none, Some("W"), Queued("W")),
            ("S", none, None, Ivr),
            ("S", anna, None, Unchanged),
            ("R", none, None, Unchanged),
            ("", anna, None, Unknown),
            ("Z", anna, None, Unknown),
        ] {
            assert_eq!(
                judge(seen(letter, users, workgroup)),
                want,
                "{letter} {users:?} {workgroup:?}"
            );
        }
    }

    #[test]
    fn a_connected_user_still_named_stays() {
        for letter in ["A", "O", "S", "R"] {
            let seen = Seen {
                connected: Some("Anna"),
                ever_connected: true,
                ..seen(letter, &["anna"], Some("W"))
            };
            assert_eq!(judge(seen), Unchanged, "{letter}");
        }
    }

    #[test]
    fn parked_by_who_is_named() {
        let parked = Seen {
            connected: Some("anna"),
            ever_connected: true,
            ever_inside: true,
            ..seen("P", &[], Some("W"))
        };
        assert_eq!(
            judge(Seen {
                users: &["anna"],
                ..parked
            }),
            Held("anna")
        );
        assert_eq!(
            judge(Seen {
                users: &["bert"],
                ..parked
            }),
            Alerting(vec!["bert"])
        );
        assert_eq!(judge(parked), Orbit);
        assert_eq!(
            judge(Seen {
                named_anew: true,
                ..parked
            }),
            Queued("W")
        );
    }

    #[test]
    fn outbound_dials_and_is_answered() {
        let out = Seen {
            inbound: false,
            ..seen("S", &["anna"], None)
        };
        assert_eq!(judge(out), Dialing(Some("anna")));
        assert_eq!(
            judge(Seen {
                letter: Letter::parse("R"),
                users: &[],
                ..out
            }),
            Dialing(None)
        );
        assert_eq!(
            judge(Seen {
                letter: Letter::parse("C"),
                users: &[],
                ..out
            }),
            Answered
        );
        assert_eq!(
            judge(Seen {
                letter: Letter::parse("C"),
                ..out
            }),
            Talking("anna")
        );
    }
}
