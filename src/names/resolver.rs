//! A partition's drafts, one after another, become events.

use rustc_hash::FxHashMap;

use super::encode::{Names, Object, inviter};
use super::remembered::{Absent, Owed};
use super::roster::Roster;
use super::{Directory, Kind, Reason, Remembered, Settings};
use crate::event::{Draft, Established, Event, Id, Key, Lane, Name, Presence, Role, System, Voice, What};
use crate::time::Time;

/// A name that no id is known for.
pub type Missing = (Kind, Name);

/// What became of a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// An event, and what was left out of it.
    Event(Event, Vec<Reason>),
    /// It waits for these names, and so does what follows it in its key.
    Waits(Vec<Missing>),
    /// It is not sent.
    LeftOut(Reason),
}

/// Turns drafts into events. Remembers who was left out, so that what names them later is left out too.
#[derive(Clone, Debug)]
pub struct Resolver {
    roster: Roster,
    left_out: FxHashMap<Key, Absent>,
    /// The latest of each user that could not be sent for want of an id, and whether it is on its way by now.
    owed: FxHashMap<(Lane, Key), (Draft, bool)>,
    /// Where the last event was written.
    bytes: Vec<u8>,
}

/// How an attempt ends early.
enum Stop {
    Wait(Vec<Missing>),
    LeaveOut(Reason),
}

impl From<Reason> for Stop {
    fn from(reason: Reason) -> Self {
        Self::LeaveOut(reason)
    }
}

impl Resolver {
    /// Nobody is left out yet.
    pub fn new(settings: &Settings) -> Self {
        Self {
            roster: Roster::new(settings),
            left_out: FxHashMap::default(),
            owed: FxHashMap::default(),
            bytes: Vec::new(),
        }
    }

    /// Goes on with what was remembered.
    pub fn restore(settings: &Settings, remembered: Remembered) -> Self {
        let mut roster = Roster::new(settings);
        for (kind, name) in &remembered.given_up {
            roster.give_up(*kind, name);
        }
        let owed = remembered.owed.into_iter().map(Owed::draft);
        Self {
            roster,
            left_out: remembered.left_out.into_iter().collect(),
            bytes: Vec::new(),
            owed: owed
                .map(|draft| ((draft.lane(), draft.key), (draft, false)))
                .collect(),
        }
    }

    /// What it must still know after a restart, in an order that depends on nothing else; `giving_up` as if they were
    /// given up already.
    pub fn remembered(&self, giving_up: &[Missing]) -> Remembered {
        let mut left_out: Vec<_> = self
            .left_out
            .iter()
            .map(|(key, absent)| (*key, absent.clone()))
            .collect();
        left_out.sort_unstable_by_key(|(key, _)| *key);
        let mut owed: Vec<&Draft> = self.owed.values().map(|(draft, _)| draft).collect();
        owed.sort_unstable_by_key(|draft| (draft.lane(), draft.key));
        Remembered {
            left_out,
            owed: owed.into_iter().filter_map(Owed::of).collect(),
            given_up: self.roster.given_up(giving_up),
        }
    }

    /// A name will not be waited for any more; should it become known, it is used all the same.
    pub fn give_up(&mut self, kind: Kind, name: &str) {
        self.roster.give_up(kind, name);
    }

    /// Turns a draft into an event. Drafts of one key must come in their order, and not before one that waits.
    pub fn resolve(&mut self, draft: &Draft, directory: &Directory) -> Resolved {
        if self.roster.off(draft.lane()) {
            return Resolved::LeftOut(Reason::LaneOff);
        }
        let mut attempt = Attempt {
            roster: &self.roster,
            directory,
            absent: self.left_out.get(&draft.key),
            bytes: &mut self.bytes,
            missing: Vec::new(),
            without: Vec::new(),
        };
        match attempt.event(draft) {
            Ok(event) => {
                let without = attempt.without;
                if draft.lane() != Lane::Conversations && !self.owed.is_empty() {
                    self.owed.remove(&(draft.lane(), draft.key));
                }
                Resolved::Event(event, without)
            }
            Err(Stop::Wait(names)) => Resolved::Waits(names),
            Err(Stop::LeaveOut(reason)) => {
                self.remember(draft, reason);
                Resolved::LeftOut(reason)
            }
        }
    }

    /// Events of users that were left out for want of an id which is known by now: the latest of each, once. It is
    /// remembered until it is [`Resolver::paid`], or a later one of its key goes out.
    pub fn owed(&mut self, directory: &Directory) -> Vec<Event> {
        let mut drafts: Vec<Draft> = Vec::new();
        for (draft, sent) in self.owed.values() {
            let known = || user(draft).is_none_or(|user| directory.find(Kind::Users, user).is_some());
            if !sent && known() {
                drafts.push(draft.clone());
            }
        }
        drafts.sort_by_key(|draft| (draft.time, draft.id));
        let mut events = Vec::new();
        for draft in drafts {
            if let Resolved::Event(event, _) = self.resolve(&draft, directory) {
                self.owed.insert((draft.lane(), draft.key), (draft, true));
                events.push(event);
            }
        }
        events
    }

    /// An owed event has ended.
    pub fn paid(&mut self, lane: Lane, key: Key, id: Id) {
        if self
            .owed
            .get(&(lane, key))
            .is_some_and(|(draft, _)| draft.id == id)
        {
            self.owed.remove(&(lane, key));
        }
    }

    /// Forgets who was left out of conversations that said nothing since `before`.
    pub fn forget(&mut self, before: Time) {
        self.left_out.retain(|_, absent| absent.last >= before);
    }

    fn remember(&mut self, draft: &Draft, reason: Reason) {
        match &draft.what {
            What::Voice(voice) => {
                let absent = self.left_out.entry(draft.key).or_insert_with(|| Absent {
                    ids: Vec::new(),
                    last: draft.time,
                });
                absent.last = absent.last.max(draft.time);
                if let Some(id) = makes(voice)
                    && absent.ids.iter().all(|(absent, _)| *absent != id)
                {
                    absent.ids.push((id, reason));
                }
            }
            _ if reason == Reason::SamePresence => {}
            _ => {
                let mut draft = draft.clone();
                if let What::Presence(presence) = &mut draft.what {
                    // The one before it was not sent either.
                    presence.relabels = None;
                }
                self.owed.insert((draft.lane(), draft.key), (draft, false));
            }
        }
    }
}

/// One draft being turned.
struct Attempt<'a> {
    roster: &'a Roster,
    directory: &'a Directory,
    absent: Option<&'a Absent>,
    /// Where the last event was written.
    bytes: &'a mut Vec<u8>,
    missing: Vec<Missing>,
    without: Vec<Reason>,
}

impl Attempt<'_> {
    fn event(&mut self, draft: &Draft) -> Result<Event, Stop> {
        let (json, makes, needs) = match &draft.what {
            What::Voice(voice) => self.voice(draft, voice)?,
            What::Presence(presence) => (self.presence(draft, presence)?, None, Vec::new()),
            What::Routing(routing) => {
                let user = self.user(&routing.user)?;
                let mut object = Object::event(std::mem::take(self.bytes), draft);
                object.id("agentId", user);
                object.text("status", routing.status.as_str());
                object.text("sourceId", &routing.source_id);
                (object, None, Vec::new())
            }
            What::OutOfOffice(setting) => {
                let user = self.user(&setting.user)?;
                let mut object = Object::event(std::mem::take(self.bytes), draft);
                object.out_of_office(user, setting, draft.time);
                (object, None, Vec::new())
            }
        };
        *self.bytes = json.end();
        Ok(Event {
            lane: draft.lane(),
            key: draft.key,
            makes,
            needs: needs.into(),
            array: draft.array(),
            id: draft.id,
            time: draft.time,
            json: bytes::Bytes::copy_from_slice(self.bytes),
        })
    }

    fn presence(&mut self, draft: &Draft, presence: &Presence) -> Result<Object, Stop> {
        let user = self.user(&presence.user)?;
        let secondary = |label: Option<&Name>| match presence.system {
            System::OnQueue | System::Offline => None,
            system => label.and_then(|label| self.directory.secondary(label, system)),
        };
        let before = presence.relabels.as_ref();
        if before.is_some_and(|before| secondary(Some(before)) == secondary(presence.label.as_ref())) {
            return Err(Reason::SamePresence.into());
        }
        let secondary = secondary(presence.label.as_ref());
        let mut object = Object::event(std::mem::take(self.bytes), draft);
        object.id("userId", user);
        object.text("sourceId", &presence.source_id);
        match secondary {
            Some(id) => object.id("presenceDefinitionId", id),
            None => object.text("presenceDefinitionId", presence.system.definition()),
        }
        if let Some(message) = &presence.message {
            object.text("message", message);
        }
        Ok(object)
    }

    fn voice(&mut self, draft: &Draft, voice: &Voice) -> Result<(Object, Option<Id>, Vec<Id>), Stop> {
        let mut needs = needs(voice);
        // What was once left out stays left out, also when it is made again.
        for id in needs.iter().copied().chain(makes(voice)) {
            self.present(id)?;
        }
        let mut object = Object::conversation(std::mem::take(self.bytes), draft);
        match voice {
            Voice::Established(party) => {
                let names = self.party(party)?;
                let invited_by = inviter(party.invited_by, |id| self.present(id).is_err());
                needs = invited_by.into_iter().collect();
                object.established(party, &names, invited_by);
            }
            Voice::Answered { communication } => object.id("communicationId", *communication),
            Voice::Hold { communication, held } => {
                object.id("communicationId", *communication);
                object.flag("held", *held);
            }
            Voice::Audio {
                communication,
                can_speak,
            } => {
                object.id("communicationId", *communication);
                object.audio(*can_speak);
            }
            Voice::Ended {
                communication,
                disconnect,
            } => {
                object.id("communicationId", *communication);
                object.text("disconnectType", disconnect.as_str());
            }
            Voice::Disposition { communication, code } => {
                object.id("communicationId", *communication);
                if let Some(code) = code {
                    let id = self.find(Kind::WrapUpCodes, code);
                    self.settled()?;
                    object.id("code", id.ok_or(Reason::UnresolvedWrapUpCode)?);
                }
            }
            Voice::UserTransfer { transfer, user } => {
                let names = Names {
                    user: Some(self.agent(user)?),
                    ..Names::default()
                };
                object.transfer(transfer, &names);
            }
            Voice::RoutingTransfer {
                transfer,
                queue,
                skills,
            } => {
                let mut names = Names::default();
                let queue = self.queue(queue)?;
                self.skills(skills, &mut names);
                self.settled()?;
                names.queue = Some(queue.ok_or(Reason::UnresolvedQueue)?);
                object.transfer(transfer, &names);
            }
            Voice::Progress {
                command,
                object: whom,
                destination,
            } => {
                object.id("commandId", *command);
                object.id("objectCommunicationId", *whom);
                object.id("destinationCommunicationId", *destination);
            }
            Voice::EndTransfer {
                command,
                object: whom,
                state,
            } => {
                object.id("commandId", *command);
                object.text("finalState", state.as_str());
                object.id("objectCommunicationId", *whom);
            }
        }
        Ok((object, makes(voice), needs))
    }

    /// The names of a party that enters.
    fn party(&mut self, party: &Established) -> Result<Names, Stop> {
        let mut names = Names::default();
        let mut queue = None;
        if let Some(workgroup) = &party.queue {
            queue = match self.queue(workgroup) {
                // A user is there whether or not the queue is known on whose behalf.
                Err(Stop::LeaveOut(_)) if party.role != Role::Routing => None,
                found => found?,
            };
        }
        if let Some(user) = &party.user {
            if !self.roster.allows(user) {
                return Err(Reason::UserNotAllowed.into());
            }
            names.user = self.find(Kind::Users, user);
        }
        if party.role == Role::Routing {
            self.skills(&party.skills, &mut names);
        }
        if let Some(station) = &party.station {
            names.station = self.directory.find(Kind::Stations, station);
        }
        self.settled()?;
        if party.user.is_some() && names.user.is_none() {
            return Err(Reason::UnresolvedUser.into());
        }
        if party.queue.is_some() && queue.is_none() {
            if party.role == Role::Routing {
                return Err(Reason::UnresolvedQueue.into());
            }
            self.without.push(Reason::UnresolvedQueue);
        }
        if party.station.is_some() && names.station.is_none() {
            self.without.push(Reason::UnresolvedStation);
        }
        names.queue = queue;
        Ok(names)
    }

    /// An agent of a conversation: known and allowed.
    fn agent(&mut self, user: &Name) -> Result<Id, Stop> {
        if !self.roster.allows(user) {
            return Err(Reason::UserNotAllowed.into());
        }
        self.user(user)
    }

    fn user(&mut self, user: &Name) -> Result<Id, Stop> {
        let found = self.find(Kind::Users, user);
        self.settled()?;
        found.ok_or(Reason::UnresolvedUser.into())
    }

    fn queue(&mut self, workgroup: &Name) -> Result<Option<Id>, Stop> {
        if self.roster.ignores(workgroup) {
            return Err(Reason::IgnoredWorkgroup.into());
        }
        Ok(self.find(Kind::Queues, workgroup))
    }

    /// Languages first: what is one is no skill. An event has one language.
    fn skills(&mut self, skills: &[Name], names: &mut Names) {
        for skill in skills {
            if let Some(language) = self.directory.find(Kind::Languages, skill) {
                names.language.get_or_insert(language);
            } else if let Some(id) = self.find(Kind::Skills, skill) {
                names.skills.push(id);
            } else {
                self.without.push(Reason::UnresolvedSkill);
            }
        }
    }

    fn find(&mut self, kind: Kind, name: &Name) -> Option<Id> {
        let found = self.directory.find(kind, name);
        if found.is_none() && self.roster.waits_for(kind, name) {
            self.missing.push((kind, name.clone()));
        }
        found
    }

    /// Stops where names are missing that are worth waiting for.
    fn settled(&mut self) -> Result<(), Stop> {
        if self.missing.is_empty() {
            return Ok(());
        }
        Err(Stop::Wait(std::mem::take(&mut self.missing)))
    }

    /// Stops where a communication or transfer was left out.
    fn present(&self, id: Id) -> Result<(), Stop> {
        let absent = self.absent.into_iter().flat_map(|absent| &absent.ids);
        match absent.into_iter().find(|(left_out, _)| *left_out == id) {
            Some((_, reason)) => Err((*reason).into()),
            None => Ok(()),
        }
    }
}

/// What an event brings into being.
fn makes(voice: &Voice) -> Option<Id> {
    match voice {
        Voice::Established(party) => Some(party.communication),
        Voice::UserTransfer { transfer, .. } | Voice::RoutingTransfer { transfer, .. } => {
            Some(transfer.command)
        }
        _ => None,
    }
}

/// What must be there already; who invited comes on top, once it is known who that is.
fn needs(voice: &Voice) -> Vec<Id> {
    match voice {
        Voice::Established(_) => Vec::new(),
        Voice::Answered { communication }
        | Voice::Hold { communication, .. }
        | Voice::Audio { communication, .. }
        | Voice::Ended { communication, .. }
        | Voice::Disposition { communication, .. } => vec![*communication],
        Voice::UserTransfer { transfer, .. } | Voice::RoutingTransfer { transfer, .. } => {
            vec![transfer.initiating, transfer.object]
        }
        Voice::Progress {
            command,
            object,
            destination,
        } => vec![*command, *object, *destination],
        Voice::EndTransfer { command, object, .. } => vec![*command, *object],
    }
}

/// Whom a draft about a user is about.
fn user(draft: &Draft) -> Option<&Name> {
    match &draft.what {
        What::Voice(_) => None,
        What::Presence(presence) => Some(&presence.user),
        What::Routing(routing) => Some(&routing.user),
        What::OutOfOffice(setting) => Some(&setting.user),
    }
}
