//! One CIC site: its interactions, its users, and the deadlines of both.
//!
//! Messages are taken apart here; an interaction's part is judged at once, kept until its next record, or skipped.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::Output;
use super::conversation::stage::Stage;
use super::conversation::{Conversation, Making, name};
use super::interaction::{Interaction, Kept, Kind, View};
use super::presence::{self, Users};
use super::reason::Reason;
use super::settings::Settings;
use super::shared_map::SharedMap;
use crate::cic::{self, Attribute, Attributes, Letter, Message, Queue, WrapUp};
use crate::event::{Draft, Id, Ids, Name, Role};
use crate::time::Time;

/// One CIC site; a switchover pair is one.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    source: Name,
    ids: Ids,
    source_id: Name,
    interactions: SharedMap<Name, Interaction>,
    /// Interactions each subscription shows.
    shown: BTreeMap<Name, BTreeSet<Name>>,
    /// What happens when, unless something happens before.
    deadlines: BTreeSet<(Time, Name)>,
    /// Interactions with a record that waits.
    waits: BTreeSet<(Time, Name)>,
    users: Users,
    /// Ids of records seen, by the minute of stream time.
    seen: BTreeMap<i64, Arc<HashSet<Id>>>,
    open: usize,
}

/// One go over a site: what it works with, and what came of it.
pub(crate) struct Pass<'a> {
    settings: &'a Settings,
    stream: Time,
    output: &'a mut Output,
    drafts: Vec<Draft>,
    results: Vec<Result>,
    waiting: u32,
}

/// What became of a part of a record.
#[derive(Debug)]
pub(crate) struct Result {
    pub(crate) position: u64,
    pub(crate) made: u32,
    pub(crate) reason: Option<Reason>,
    /// It had waited.
    pub(crate) waited: bool,
}

impl<'a> Pass<'a> {
    pub(crate) fn new(settings: &'a Settings, stream: Time, output: &'a mut Output) -> Self {
        Self {
            settings,
            stream,
            output,
            drafts: Vec::new(),
            results: Vec::new(),
            waiting: 0,
        }
    }

    pub(crate) fn end(self) -> (Vec<Result>, u32) {
        (self.results, self.waiting)
    }

    /// Hands over the drafts made since the last time, as caused by `positions`.
    fn book(&mut self, positions: &[u64], waited: bool, reason: Reason) {
        let made = self.drafts.len() as u32;
        let cause = positions.first().copied();
        self.output
            .drafts
            .extend(self.drafts.drain(..).map(|draft| (cause, draft)));
        for (n, &position) in positions.iter().enumerate() {
            let made = if n == 0 { made } else { 0 };
            let reason = (made == 0).then_some(reason);
            self.results.push(Result {
                position,
                made,
                reason,
                waited,
            });
        }
    }
}

/// When something was said, and by which record.
#[derive(Clone, Copy)]
struct At<'a> {
    t: Time,
    positions: &'a [u64],
    waited: bool,
}

impl Site {
    pub(crate) fn new(source: Name, ids: Ids) -> Self {
        let source_id = name(ids.source_id());
        Self {
            source,
            ids,
            source_id,
            interactions: SharedMap::default(),
            shown: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            waits: BTreeSet::new(),
            users: Users::default(),
            seen: BTreeMap::new(),
            open: 0,
        }
    }

    pub(crate) fn open_conversations(&self) -> usize {
        self.open
    }

    /// The earliest wait of an interaction or user.
    pub(crate) fn next_wait(&self) -> Option<Time> {
        let waits = self.waits.first().map(|(deadline, _)| *deadline);
        waits.into_iter().chain(self.users.deadline()).min()
    }

    /// The earliest deadline of any kind.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        let state = self.deadlines.first().map(|(deadline, _)| *deadline);
        state.into_iter().chain(self.next_wait()).min()
    }

    /// Whether a record with the producer's id was seen within `duplicate_window`; remembers it.
    pub(crate) fn seen_before(&mut self, record: &cic::Record, pass: &mut Pass<'_>) -> bool {
        const MINUTE: i64 = 60_000;
        let minute = pass.stream.millis() / MINUTE;
        let oldest = minute - pass.settings.duplicate_window / MINUTE - 1;
        while self
            .seen
            .first_key_value()
            .is_some_and(|(&minute, _)| minute < oldest)
        {
            self.seen.pop_first();
        }
        let id = Id::over(&["record", record.server.as_deref().unwrap_or_default(), &record.id]);
        if self.seen.values().any(|ids| ids.contains(&id)) {
            return true;
        }
        Arc::make_mut(self.seen.entry(minute).or_default()).insert(id);
        false
    }

    /// Takes one message of a record.
    pub(crate) fn message(
        &mut self,
        pass: &mut Pass<'_>,
        record: &cic::Record,
        position: u64,
        message: &Message,
    ) {
        let at = At {
            t: record.time,
            positions: &[position],
            waited: false,
        };
        match message {
            Message::Queue(queue) => self.queue(pass, at, queue),
            Message::Changed(part) => self.part(pass, at, part),
            Message::Deallocated { id } => self.deallocated(pass, at, id),
            Message::WrapUp(given) => self.wrap_up(pass, at, given),
            Message::Morphed { .. } => pass.book(at.positions, false, Reason::NotYetConverted),
            Message::Other { .. } => pass.book(at.positions, false, Reason::UnknownMessage),
            Message::UserStatus { delta, users } => {
                self.in_users(pass, record, |all, ctx, out| all.status(ctx, *delta, users, out));
                pass.book(at.positions, false, Reason::NoChange);
            }
            Message::Definitions { delta, set, removed } => {
                self.in_users(pass, record, |all, ctx, out| {
                    all.definitions(ctx, *delta, set, removed, out)
                });
                pass.book(at.positions, false, Reason::NoChange);
            }
            Message::Activations {
                delta,
                subject,
                changed,
            } => {
                self.in_users(pass, record, |all, ctx, out| {
                    all.activations(ctx, *delta, subject, changed, out)
                });
                pass.book(at.positions, false, Reason::NoChange);
            }
            Message::Connection { up } => {
                self.in_users(pass, record, |all, ctx, _| all.connection(ctx, *up));
                pass.book(at.positions, false, Reason::NoChange);
            }
        }
    }

    /// Ends what is due before `now`, in the order in which it is due.
    pub(crate) fn pass_deadlines(&mut self, pass: &mut Pass<'_>, now: Time) {
        while let Some((deadline, id)) = self
            .waits
            .first()
            .filter(|(deadline, _)| *deadline < now)
            .cloned()
        {
            self.waits.remove(&(deadline, id.clone()));
            self.judge_kept(pass, &id);
        }
        let source = self.source.clone();
        let ctx = presence::Ctx {
            ids: &self.ids,
            site: &source,
            settings: &pass.settings.presence,
            record: "",
            time: now,
        };
        self.users.pass(&ctx, now, &mut pass.drafts);
        pass.book(&[], true, Reason::NoChange);
        while let Some((deadline, id)) = self
            .deadlines
            .first()
            .filter(|(deadline, _)| *deadline < now)
            .cloned()
        {
            self.deadlines.remove(&(deadline, id.clone()));
            self.expire(pass, deadline, &id);
        }
    }

    fn queue(&mut self, pass: &mut Pass<'_>, at: At<'_>, queue: &Queue) {
        let subscription = name(&queue.subscription);
        if !queue.delta {
            self.replace(pass, at.t, &subscription, queue);
        }
        if queue.added.is_empty() && queue.changed.is_empty() {
            pass.book(at.positions, false, Reason::NoChange);
        }
        for part in &queue.added {
            self.added(pass, part);
            self.part(pass, at, part);
            let id = name(&part.id);
            if self
                .shown
                .entry(subscription.clone())
                .or_default()
                .insert(id.clone())
                && let Some(interaction) = self.interactions.get_mut(&*part.id)
            {
                interaction.queues.push(subscription.clone());
            }
        }
        for part in &queue.changed {
            self.part(pass, at, part);
        }
        for id in &queue.removed {
            self.hide(&subscription, id);
        }
    }

    /// A full snapshot replaces what the subscription showed; what no queue shows any more may be gone.
    fn replace(&mut self, pass: &Pass<'_>, t: Time, subscription: &Name, queue: &Queue) {
        let before = self.shown.remove(subscription).unwrap_or_default();
        for id in before {
            if queue.added.iter().any(|part| *part.id == *id) {
                self.shown.entry(subscription.clone()).or_default().insert(id);
                continue;
            }
            let Some(interaction) = self.interactions.get_mut(&id) else {
                continue;
            };
            interaction.queues.retain(|one| one != subscription);
            if interaction.queues.is_empty() && interaction.ended.is_none() {
                let deadline = t.plus(pass.settings.orphan_after);
                interaction.orphan = Some(deadline);
                self.deadlines.insert((deadline, id));
            }
        }
    }

    fn hide(&mut self, subscription: &Name, id: &str) {
        if let Some(ids) = self.shown.get_mut(subscription) {
            ids.remove(id);
        }
        if let Some(interaction) = self.interactions.get_mut(id) {
            interaction.queues.retain(|one| one != subscription);
        }
    }

    /// `interactionsAdded` brings an ended interaction back when it is another one under the same number.
    fn added(&mut self, pass: &Pass<'_>, part: &cic::Interaction) {
        let Some(old) = self.interactions.get(&*part.id).filter(|old| old.ended.is_some()) else {
            return;
        };
        let other = |attribute| {
            let (old, new) = (old.attributes.get(attribute), part.attributes.get(attribute));
            old.zip(new).is_some_and(|(old, new)| old != new)
        };
        if !(old.deallocated || other(Attribute::CallIdKey) || other(Attribute::Initiated)) {
            return;
        }
        let life = old
            .conversation
            .as_ref()
            .filter(|_| !other(Attribute::CallIdKey))
            .cloned();
        let id = name(&part.id);
        self.forget(&id);
        if let Some(conversation) = life {
            // The same key again is the next life of the same conversation.
            let interaction = Interaction {
                conversation: Some(conversation),
                heard: pass.stream,
                ..Interaction::default()
            };
            self.interactions.insert(id, interaction);
        }
    }

    fn forget(&mut self, id: &Name) {
        if let Some(old) = self.interactions.remove(id) {
            for queue in &old.queues {
                if let Some(ids) = self.shown.get_mut(queue) {
                    ids.remove(id);
                }
            }
        }
    }

    /// What a record says of one interaction.
    fn part(&mut self, pass: &mut Pass<'_>, at: At<'_>, part: &cic::Interaction) {
        let id = name(&part.id);
        if self.interactions.get(&*id).is_none() {
            let interaction = Interaction {
                heard: at.t,
                ..Interaction::default()
            };
            self.interactions.insert(id.clone(), interaction);
            self.deadlines
                .insert((at.t.plus(pass.settings.max_silence), id.clone()));
        }
        let Some(interaction) = self.interactions.get_mut(&*id) else {
            return;
        };
        interaction.heard = interaction.heard.max(at.t);
        interaction.orphan = None;
        if interaction.ended.is_some() {
            let said = part.attributes.get(Attribute::State).is_some();
            return pass.book(
                at.positions,
                false,
                if said { Reason::AfterEnd } else { Reason::NoChange },
            );
        }
        if part.conference_parent.is_some() {
            return pass.book(at.positions, false, Reason::NotYetConverted);
        }
        let Some(kept) = interaction.kept.take() else {
            return self.judge_or_keep(pass, at, &id, &part.attributes, None);
        };
        self.waits.remove(&(kept.deadline, id.clone()));
        let view = View {
            interaction,
            delta: &kept.delta,
        };
        if view.joins(&part.attributes) {
            let mut sum = kept.delta.clone();
            sum.merge(&part.attributes);
            let positions: Vec<u64> = kept.positions.iter().chain(at.positions).copied().collect();
            pass.waiting += 1;
            let sum_at = At {
                t: kept.t,
                positions: &positions,
                waited: true,
            };
            return self.judge_or_keep(pass, sum_at, &id, &sum, Some(kept.deadline));
        }
        self.judge_before(pass, &id, &kept, &part.attributes);
        self.judge_or_keep(pass, at, &id, &part.attributes, None);
    }

    /// Judges a record, or keeps it when it leaves open who is there.
    fn judge_or_keep(
        &mut self,
        pass: &mut Pass<'_>,
        at: At<'_>,
        id: &Name,
        delta: &Attributes,
        deadline: Option<Time>,
    ) {
        let Some(interaction) = self.interactions.get_mut(&**id) else {
            return;
        };
        if !(View { interaction, delta }).is_open() {
            return self.judge(pass, at, id, delta);
        }
        let deadline = deadline.unwrap_or_else(|| at.t.plus(pass.settings.settle));
        let kept = Kept {
            delta: delta.clone(),
            t: at.t,
            deadline,
            positions: at.positions.to_vec(),
        };
        interaction.kept = Some(Arc::new(kept));
        self.waits.insert((deadline, id.clone()));
        if !at.waited {
            pass.waiting += 1;
        }
    }

    /// What was kept is judged by itself: its time is over.
    fn judge_kept(&mut self, pass: &mut Pass<'_>, id: &Name) {
        let Some(kept) = self
            .interactions
            .get_mut(&**id)
            .and_then(|interaction| interaction.kept.take())
        else {
            return;
        };
        let at = At {
            t: kept.t,
            positions: &kept.positions,
            waited: true,
        };
        self.judge(pass, at, id, &kept.delta);
    }

    /// What was kept is judged by itself, since the next record cannot be judged with it. Before an end, a kept
    /// record that named nobody counts for nothing: its user is still there.
    fn judge_before(&mut self, pass: &mut Pass<'_>, id: &Name, kept: &Kept, later: &Attributes) {
        let at = At {
            t: kept.t,
            positions: &kept.positions,
            waited: true,
        };
        let ends = later
            .get(Attribute::State)
            .and_then(Letter::parse)
            .is_some_and(Letter::is_end);
        let named_nobody = kept
            .delta
            .get(Attribute::User)
            .is_some_and(|users| users.trim().is_empty());
        if ends && named_nobody {
            return pass.book(at.positions, true, Reason::NoChange);
        }
        self.judge(pass, at, id, &kept.delta);
    }

    /// Judges a record: the difference that it makes, as events.
    fn judge(&mut self, pass: &mut Pass<'_>, at: At<'_>, id: &Name, delta: &Attributes) {
        let Some(interaction) = self.interactions.get_mut(&**id) else {
            return;
        };
        let reason = match (View { interaction, delta }).kind() {
            Kind::Voice => {
                let was_open = interaction
                    .conversation
                    .as_ref()
                    .is_some_and(|call| !call.is_over());
                let mut making = Making {
                    ids: &self.ids,
                    source_id: &self.source_id,
                    drafts: &mut pass.drafts,
                    moved: &mut pass.output.moved,
                };
                let reason = voice(
                    &mut making,
                    pass.settings,
                    interaction,
                    &self.source,
                    id,
                    at.t,
                    delta,
                );
                let is_open = interaction
                    .conversation
                    .as_ref()
                    .is_some_and(|call| !call.is_over());
                self.open = self.open + usize::from(is_open) - usize::from(was_open);
                reason
            }
            Kind::Skipped(reason) => reason,
            Kind::Open => Reason::NoChange,
        };
        interaction.attributes.merge(delta);
        let handling = (View {
            interaction,
            delta: &Attributes::default(),
        })
        .handling();
        if (View { interaction, delta }).letter().is_some_and(Letter::is_end) {
            end(interaction, at.t);
            self.deadlines
                .insert((at.t.plus(pass.settings.wrap_up_grace), id.clone()));
        }
        self.busy(pass, at, id, handling);
        pass.book(at.positions, at.waited, reason);
    }

    /// Tells presence whom the interaction keeps busy, where that changed.
    fn busy(&mut self, pass: &mut Pass<'_>, at: At<'_>, id: &Name, now: Vec<(Name, presence::Handling)>) {
        let Some(interaction) = self.interactions.get_mut(&**id) else {
            return;
        };
        if interaction.handling == now {
            return;
        }
        let before = std::mem::replace(&mut interaction.handling, now.clone());
        let record = at.positions.first().map(u64::to_string).unwrap_or_default();
        let source = self.source.clone();
        let record = format!("{source}\u{1f}{id}\u{1f}{record}");
        let ctx = presence::Ctx {
            ids: &self.ids,
            site: &source,
            settings: &pass.settings.presence,
            record: &record,
            time: at.t,
        };
        for (user, _) in before
            .iter()
            .filter(|(user, _)| !now.iter().any(|(other, _)| other == user))
        {
            self.users.handling(&ctx, user, id, None, &mut pass.drafts);
        }
        for (user, handling) in now.iter().filter(|one| !before.contains(one)) {
            self.users
                .handling(&ctx, user, id, Some(*handling), &mut pass.drafts);
        }
    }

    fn deallocated(&mut self, pass: &mut Pass<'_>, at: At<'_>, id: &str) {
        let id = name(id);
        let Some(interaction) = self.interactions.get_mut(&*id) else {
            return pass.book(at.positions, false, Reason::UnknownInteraction);
        };
        if let Some(kept) = interaction.kept.take() {
            self.waits.remove(&(kept.deadline, id.clone()));
            let mut end = Attributes::default();
            end.set(Attribute::State, "I");
            self.judge_before(pass, &id, &kept, &end);
        }
        self.vanish(pass, at.t, &id);
        if let Some(interaction) = self.interactions.get_mut(&*id) {
            interaction.deallocated = true;
        }
        self.busy(pass, at, &id, Vec::new());
        pass.book(at.positions, false, Reason::NoChange);
    }

    /// The interaction ends without a letter.
    fn vanish(&mut self, pass: &mut Pass<'_>, t: Time, id: &Name) {
        let Some(interaction) = self.interactions.get_mut(&**id).filter(|one| one.ended.is_none()) else {
            return;
        };
        if let Some(conversation) = interaction.conversation.as_mut().filter(|call| !call.is_over()) {
            let mut making = Making {
                ids: &self.ids,
                source_id: &self.source_id,
                drafts: &mut pass.drafts,
                moved: &mut pass.output.moved,
            };
            conversation.vanish(&mut making, t);
            self.open -= 1;
        }
        end(interaction, t);
        self.deadlines
            .insert((t.plus(pass.settings.wrap_up_grace), id.clone()));
    }

    /// A deadline of the state: an orphan, silence, or the end of the grace for wrap-up codes.
    fn expire(&mut self, pass: &mut Pass<'_>, deadline: Time, id: &Name) {
        let Some(interaction) = self.interactions.get(&**id) else {
            return;
        };
        if let Some(ended) = interaction.ended {
            if ended.plus(pass.settings.wrap_up_grace) <= deadline {
                self.forget(id);
            }
            return;
        }
        let silent = interaction.heard.plus(pass.settings.max_silence);
        if interaction.orphan == Some(deadline) || silent <= deadline {
            self.vanish(pass, deadline, id);
            self.busy(
                pass,
                At {
                    t: deadline,
                    positions: &[],
                    waited: true,
                },
                id,
                Vec::new(),
            );
            pass.book(&[], true, Reason::NoChange);
        } else {
            self.deadlines.insert((silent, id.clone()));
        }
    }

    fn wrap_up(&mut self, pass: &mut Pass<'_>, at: At<'_>, given: &WrapUp) {
        let Some(interaction) = self.interactions.get_mut(&*given.interaction) else {
            return pass.book(at.positions, false, Reason::TooLate);
        };
        let Some(conversation) = interaction.conversation.as_mut() else {
            return pass.book(at.positions, false, Reason::NoCommunication);
        };
        let time = given.time.map_or(at.t, |time| time.min(at.t));
        let mut making = Making {
            ids: &self.ids,
            source_id: &self.source_id,
            drafts: &mut pass.drafts,
            moved: &mut pass.output.moved,
        };
        let code = name(&given.code);
        let reason = match conversation.wrap_up(&mut making, time, given.segment, &given.user, code) {
            Some(_) => Reason::NoChange,
            None => Reason::NoCommunication,
        };
        pass.book(at.positions, false, reason);
    }

    fn in_users<T>(
        &mut self,
        pass: &mut Pass<'_>,
        record: &cic::Record,
        take: impl FnOnce(&mut Users, &presence::Ctx<'_>, &mut Vec<Draft>) -> T,
    ) -> T {
        let id = format!("{}\u{1f}{}", record.source, record.id);
        let ctx = presence::Ctx {
            ids: &self.ids,
            site: &self.source,
            settings: &pass.settings.presence,
            record: &id,
            time: record.time,
        };
        take(&mut self.users, &ctx, &mut pass.drafts)
    }
}

/// An ended interaction keeps what wrap-up codes and a second life need.
fn end(interaction: &mut Interaction, t: Time) {
    let mut rest = Attributes::default();
    for attribute in [Attribute::CallIdKey, Attribute::Initiated] {
        if let Some(value) = interaction.attributes.get(attribute) {
            rest.set(attribute, value);
        }
    }
    interaction.attributes = rest;
    interaction.ended = Some(t);
    interaction.orphan = None;
}

/// A record of a call.
fn voice(
    making: &mut Making<'_>,
    settings: &Settings,
    interaction: &mut Interaction,
    site: &str,
    id: &str,
    t: Time,
    delta: &Attributes,
) -> Reason {
    let view = View { interaction, delta };
    let users = view.users();
    let stage = view.stage(&users);
    let mut around = view.around(settings);
    let first = interaction
        .conversation
        .as_ref()
        .is_none_or(Conversation::is_over);
    if first && matches!(stage, Stage::Ended(_)) {
        return Reason::AlreadyEnded;
    }
    let initiated = view.initiated(t);
    let mut conversation = match &interaction.conversation {
        Some(conversation) if !first => conversation.clone(),
        before => {
            let adopted = t.millis() - initiated.millis() > settings.adopt_after;
            let key = match view.get(Attribute::CallIdKey) {
                "" => name(&format!("{id}@{}", initiated.basic())),
                key => name(key),
            };
            let key = before.as_ref().map_or(key, |before| before.key.clone());
            let life = before.as_ref().map_or(1, |before| before.life + 1);
            let text = match (life, adopted) {
                (1, true) => format!("adopted@{t}"),
                _ => life.to_string(),
            };
            around.additional_info = extra(settings, view, adopted);
            let tag = settings
                .tag_attribute
                .as_deref()
                .and_then(|wanted| kept(view, wanted));
            Conversation {
                id: making.ids.conversation(site, &key, &text),
                key,
                life,
                inbound: view.inbound(),
                tag,
                parties: Vec::new(),
                last: None,
                wrapped: Vec::new(),
            }
        }
    };
    let unknown = stage == Stage::Unknown;
    if first {
        conversation.begin(making, initiated, &stage, &around);
    }
    conversation.apply(making, t, stage, &around);
    let under = view.workgroup().map(name);
    let connected = conversation.connected_user().is_some();
    let inside = conversation
        .parties
        .iter()
        .any(|party| party.role != Role::External);
    interaction.conversation = Some(conversation);
    interaction.ever_inside |= inside;
    interaction.ever_connected |= connected;
    if under.is_some() {
        interaction.under = under;
    }
    if unknown {
        Reason::UnknownState
    } else {
        Reason::NoChange
    }
}

/// The configured attributes, and that the conversation was adopted.
fn extra(settings: &Settings, view: View<'_>, adopted: bool) -> Vec<(Name, Name)> {
    let mut info: Vec<(Name, Name)> = settings
        .additional_info
        .iter()
        .filter_map(|wanted| Some((name(wanted), kept(view, wanted)?)))
        .collect();
    if adopted {
        info.push((name("adopted"), name("true")));
    }
    info
}

fn kept(view: View<'_>, wanted: &str) -> Option<Name> {
    let kept = view.delta.kept().chain(view.interaction.attributes.kept());
    let known = Attribute::ALL
        .iter()
        .find(|attribute| attribute.name().eq_ignore_ascii_case(wanted));
    let value = match known {
        Some(&attribute) => view.get(attribute),
        None => {
            kept.into_iter()
                .find(|(one, _)| one.eq_ignore_ascii_case(wanted))?
                .1
        }
    };
    Some(value).filter(|value| !value.is_empty()).map(name)
}
