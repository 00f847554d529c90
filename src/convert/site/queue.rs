//! What subscriptions show: interactions enter and leave queues, which is no end; full snapshots replace.

use super::super::conversation::name;
use super::super::interaction::Interaction;
use super::super::interactions::Lies;
use super::super::pass::{At, Pass};
use super::super::reason::Reason;
use super::{SharedSet, Site};
use crate::cic::{self, Attribute, Queue};
use crate::event::Name;
use crate::time::Time;

impl Site {
    pub(super) fn queue(&mut self, pass: &mut Pass<'_>, at: At<'_>, queue: &Queue) {
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
            if let Some((id, _)) = self.interactions.known(&part.id)
                && self.show(&subscription, &id)
                && let Some(interaction) = self.interactions.wake(&id)
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
    pub(super) fn replace(&mut self, pass: &Pass<'_>, t: Time, subscription: &Name, queue: &Queue) {
        let before = self.shown.remove(subscription).unwrap_or_default();
        for id in before.iter() {
            if queue.added.iter().any(|part| part.id == *id) {
                self.show(subscription, id);
                continue;
            }
            let Some(interaction) = self.interactions.wake(id) else {
                continue;
            };
            interaction.queues.retain(|one| one != subscription);
            if interaction.queues.is_empty() && interaction.ended.is_none() {
                let deadline = t.plus(pass.settings.orphan_after);
                interaction.orphan = Some(deadline);
                let sooner = interaction.due.map_or(deadline, |due| due.min(deadline));
                self.look_at(id, sooner);
            }
        }
    }

    /// Whether the subscription did not show it before.
    fn show(&mut self, subscription: &Name, id: &Name) -> bool {
        if self.shown.get(&**subscription).is_none() {
            self.shown.insert(subscription.clone(), SharedSet::default());
        }
        let ids = self.shown.get_mut(&**subscription);
        ids.is_some_and(|ids| ids.insert(id.clone()))
    }

    fn hide(&mut self, subscription: &Name, id: &str) {
        if let Some(ids) = self.shown.get_mut(subscription) {
            ids.remove(id);
        }
        if let Some(interaction) = self.interactions.wake(id) {
            interaction.queues.retain(|one| one != subscription);
        }
    }

    /// `interactionsAdded` brings an ended interaction back when it is another one under the same number.
    pub(super) fn added(&mut self, pass: &Pass<'_>, part: &cic::Interaction) {
        let id = &part.id;
        if self
            .interactions
            .known(id)
            .is_none_or(|(_, lies)| lies != Lies::Ended)
        {
            return;
        }
        let Some(old) = self.interactions.wake(id) else {
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
        self.forget(id);
        if let Some(conversation) = life {
            // The same key again is the next life of the same conversation.
            let interaction = Interaction {
                conversation: Some(conversation),
                heard: pass.stream,
                ..Interaction::default()
            };
            self.interactions.insert(id.clone(), interaction);
            self.look_at(id, pass.stream.plus(pass.settings.max_silence));
        }
    }

    pub(super) fn forget(&mut self, id: &Name) {
        if let Some(old) = self.interactions.remove(id) {
            if let Some(due) = old.due {
                self.deadlines.remove(&(due, id.clone()));
            }
            for queue in &old.queues {
                if let Some(ids) = self.shown.get_mut(queue) {
                    ids.remove(id);
                }
            }
        }
    }
}
