//! How an interaction ends without a letter, and what comes after an end.

use super::super::conversation::{Making, name};
use super::super::pass::{At, Pass, Said};
use super::super::reason::Reason;
use super::Site;
use crate::cic::{Attribute, Attributes, WrapUp};
use crate::event::Name;
use crate::time::Time;

impl Site {
    pub(super) fn deallocated(&mut self, pass: &mut Pass<'_>, at: At<'_>, id: &str) {
        let Some((id, _)) = self.interactions.known(id) else {
            return pass.book(at.positions, false, Reason::UnknownInteraction);
        };
        self.interactions.wake(&id);
        self.judge_before_end(pass, &id);
        self.vanish(pass, at.t, &id);
        if let Some(interaction) = self.interactions.get_mut(&id) {
            interaction.deallocated = true;
        }
        self.busy(pass, at, &id, Vec::new());
        pass.book(at.positions, false, Reason::NoChange);
    }

    /// Nothing waits any longer: the interaction ends.
    fn judge_before_end(&mut self, pass: &mut Pass<'_>, id: &Name) {
        let kept = self.interactions.get_mut(id).and_then(|one| one.kept.take());
        if let Some(kept) = kept {
            self.waits.remove(&(kept.deadline, id.clone()));
            let mut end = Attributes::default();
            end.set(Attribute::State, "I");
            self.judge_before(pass, id, &kept, &end);
        }
    }

    /// The interaction ends without a letter.
    pub(super) fn vanish(&mut self, pass: &mut Pass<'_>, t: Time, id: &Name) {
        let Some(interaction) = self.interactions.get_mut(id).filter(|one| one.ended.is_none()) else {
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
        self.end(pass, t, id);
    }

    /// The interaction ends, and is forgotten once `wrap_up_grace` is over.
    pub(super) fn end(&mut self, pass: &Pass<'_>, t: Time, id: &Name) {
        if let Some(interaction) = self.interactions.get_mut(id) {
            interaction.end(t);
            self.look_at(id, t.plus(pass.settings.wrap_up_grace));
        }
    }

    /// A deadline of the state: an orphan, silence, or the end of the grace for wrap-up codes.
    pub(super) fn expire(&mut self, pass: &mut Pass<'_>, deadline: Time, id: &Name) {
        let over = deadline.plus(-pass.settings.wrap_up_grace);
        if self.interactions.drop_asleep(id, over) {
            return;
        }
        let Some(interaction) = self.interactions.wake(id) else {
            return;
        };
        interaction.due = None;
        if let Some(ended) = interaction.ended {
            let until = ended.plus(pass.settings.wrap_up_grace);
            return if until <= deadline {
                self.forget(id);
            } else {
                self.look_at(id, until);
            };
        }
        let silent = interaction.heard.plus(pass.settings.max_silence);
        if interaction.orphan == Some(deadline) || silent <= deadline {
            self.judge_before_end(pass, id);
            self.vanish(pass, deadline, id);
            self.busy(
                pass,
                At {
                    t: deadline,
                    positions: &[],
                    waited: true,
                    said: Said::Deadline(deadline),
                },
                id,
                Vec::new(),
            );
            pass.book(&[], true, Reason::NoChange);
        } else {
            let orphan = interaction.orphan.unwrap_or(silent);
            self.look_at(id, silent.min(orphan));
        }
    }

    pub(super) fn wrap_up(&mut self, pass: &mut Pass<'_>, at: At<'_>, given: &WrapUp) {
        let Some(interaction) = self.interactions.wake(&given.interaction) else {
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
}
