//! An interaction's part of a record is judged at once, or kept until the interaction's next record.

use std::sync::Arc;

use super::super::conversation::Making;
use super::super::interaction::{Interaction, Kept};
use super::super::interactions::Lies;
use super::super::pass::{At, Pass, Said};
use super::super::presence::{self, Busy, Ctx};
use super::super::reading::Kind;
use super::super::reason::Reason;
use super::Site;
use super::voice::voice;
use crate::cic::{self, Attribute, Attributes, Letter};
use crate::event::Name;
use crate::time::Time;

/// The attributes that can change where a call stands, or what it is.
const STANDING: &[Attribute] = &[
    Attribute::State,
    Attribute::User,
    Attribute::Workgroup,
    Attribute::WorkgroupTime,
    Attribute::Muted,
    Attribute::ObjectType,
    Attribute::CallType,
    Attribute::Line,
    Attribute::Direction,
    Attribute::Conference,
    Attribute::Consulting,
];

impl Site {
    /// What a record says of one interaction.
    pub(super) fn part(&mut self, pass: &mut Pass<'_>, at: At<'_>, part: &cic::Interaction) {
        let known = self.interactions.known(&part.id);
        let (id, lies) = known.unwrap_or_else(|| {
            let interaction = Interaction {
                heard: at.t,
                ..Interaction::default()
            };
            self.interactions.insert(part.id.clone(), interaction);
            self.look_at(&part.id, at.t.plus(pass.settings.max_silence));
            (part.id.clone(), Lies::Awake)
        });
        let id = &id;
        let interaction = match lies {
            Lies::Ended => {
                let said = part.attributes.get(Attribute::State).is_some();
                let reason = if said { Reason::AfterEnd } else { Reason::NoChange };
                return pass.book(at.positions, false, reason);
            }
            Lies::Awake => self.interactions.get_mut(id),
            Lies::Asleep => self.interactions.wake(id),
        };
        let Some(interaction) = interaction else {
            return;
        };
        interaction.heard = interaction.heard.max(at.t);
        interaction.orphan = None;
        if part.conference_parent.is_some() {
            return pass.book(at.positions, false, Reason::NotYetConverted);
        }
        let Some(kept) = interaction.kept.take() else {
            if interaction.leaves_open(&part.attributes) {
                return self.keep(pass, at, id, &part.attributes, None);
            }
            let ctx = Ctx {
                ids: &self.ids,
                site: &self.source,
                source_id: &self.source_id,
            };
            let judged = judged(ctx, &mut self.open, pass, interaction, id, at.t, &part.attributes);
            return self.take_in(pass, at, id, judged);
        };
        self.waits.remove(&(kept.deadline, id.clone()));
        let view = interaction.view(&kept.delta, interaction.conversation.as_ref());
        if view.joins(&part.attributes) {
            let mut sum = kept.delta.clone();
            sum.merge(&part.attributes);
            let positions: Vec<u64> = kept.positions.iter().chain(at.positions).copied().collect();
            pass.wait(at.positions.first().copied());
            let sum_at = At {
                t: kept.t,
                positions: &positions,
                waited: true,
                said: Said::Kept(&kept.known_as),
            };
            return self.judge_or_keep(pass, sum_at, id, &sum, Some(kept.deadline));
        }
        self.judge_before(pass, id, &kept, &part.attributes);
        self.judge_or_keep(pass, at, id, &part.attributes, None);
    }

    /// Judges a record, or keeps it when it leaves open who is there.
    pub(super) fn judge_or_keep(
        &mut self,
        pass: &mut Pass<'_>,
        at: At<'_>,
        id: &Name,
        delta: &Attributes,
        deadline: Option<Time>,
    ) {
        let open = self
            .interactions
            .get_mut(id)
            .is_some_and(|one| one.leaves_open(delta));
        if open {
            self.keep(pass, at, id, delta, deadline);
        } else {
            self.judge(pass, at, id, delta);
        }
    }

    /// A record that leaves open who is there waits for the next one, until `deadline`.
    fn keep(
        &mut self,
        pass: &mut Pass<'_>,
        at: At<'_>,
        id: &Name,
        delta: &Attributes,
        deadline: Option<Time>,
    ) {
        let Some(interaction) = self.interactions.get_mut(id) else {
            return;
        };
        let deadline = deadline.unwrap_or_else(|| at.t.min(pass.stream).plus(pass.settings.settle));
        let kept = Kept {
            delta: delta.clone(),
            t: at.t,
            deadline,
            positions: at.positions.to_vec(),
            known_as: at.said.known_as().into(),
        };
        interaction.kept = Some(Arc::new(kept));
        self.waits.insert((deadline, id.clone()));
        if !at.waited {
            pass.wait(at.positions.first().copied());
        }
    }

    /// What was kept is judged by itself: its time is over.
    pub(super) fn judge_kept(&mut self, pass: &mut Pass<'_>, id: &Name) {
        let Some(kept) = self
            .interactions
            .get_mut(id)
            .and_then(|interaction| interaction.kept.take())
        else {
            return;
        };
        let at = At {
            t: kept.t,
            positions: &kept.positions,
            waited: true,
            said: Said::Kept(&kept.known_as),
        };
        self.judge(pass, at, id, &kept.delta);
    }

    /// What was kept is judged by itself, since the next record cannot be judged with it. Before an end, a kept
    /// record that named nobody counts for nothing: its user is still there.
    pub(super) fn judge_before(&mut self, pass: &mut Pass<'_>, id: &Name, kept: &Kept, later: &Attributes) {
        let at = At {
            t: kept.t,
            positions: &kept.positions,
            waited: true,
            said: Said::Kept(&kept.known_as),
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
    pub(super) fn judge(&mut self, pass: &mut Pass<'_>, at: At<'_>, id: &Name, delta: &Attributes) {
        let Some(interaction) = self.interactions.get_mut(id) else {
            return;
        };
        let ctx = Ctx {
            ids: &self.ids,
            site: &self.source,
            source_id: &self.source_id,
        };
        let judged = judged(ctx, &mut self.open, pass, interaction, id, at.t, delta);
        self.take_in(pass, at, id, judged);
    }

    /// What judging came to, beyond the interaction.
    fn take_in(&mut self, pass: &mut Pass<'_>, at: At<'_>, id: &Name, judged: Judged) {
        if judged.ended {
            self.end(pass, at.t, id);
        }
        if let Some(handling) = judged.handling {
            self.busy(pass, at, id, handling);
        }
        pass.book(at.positions, at.waited, judged.reason);
    }

    /// Tells presence whom the interaction keeps busy, where that changed.
    pub(super) fn busy(
        &mut self,
        pass: &mut Pass<'_>,
        at: At<'_>,
        id: &Name,
        now: Vec<(Name, presence::Handling)>,
    ) {
        let Some(interaction) = self.interactions.get_mut(id) else {
            return;
        };
        if interaction.handling == now {
            return;
        }
        let before = std::mem::replace(&mut interaction.handling, now.clone());
        let gone = before
            .iter()
            .filter(|(user, _)| !now.iter().any(|(other, _)| other == user))
            .map(|(user, _)| (user.clone(), None));
        let here = now.iter().filter(|one| !before.contains(one));
        let changed = gone.chain(here.map(|(user, handling)| (user.clone(), Some(*handling))));
        let busy: Vec<Busy> = changed
            .map(|(user, handling)| Busy {
                user,
                interaction: id.clone(),
                handling,
            })
            .collect();
        if let Said::Record(_) = at.said {
            // The rest of the record may change the same users.
            pass.busy.extend(busy);
        } else {
            pass.flush(at.positions.first().copied());
            self.tell_users(pass, at, busy);
        }
    }
}

/// What judging a part came to.
struct Judged {
    reason: Reason,
    ended: bool,
    /// Whom the interaction keeps busy now, where that changed.
    handling: Option<Vec<(Name, presence::Handling)>>,
}

/// Judges a part of a record of `t`. `open` are the site's open conversations.
fn judged(
    ctx: Ctx<'_>,
    open: &mut usize,
    pass: &mut Pass<'_>,
    interaction: &mut Interaction,
    id: &str,
    t: Time,
    delta: &Attributes,
) -> Judged {
    // Most records change nothing that matters: display texts, logs, timestamps.
    if interaction.conversation.is_some() && !delta.carries(STANDING) {
        interaction.attributes.merge(delta);
        return Judged {
            reason: Reason::NoChange,
            ended: false,
            handling: None,
        };
    }
    let reason = match interaction.reading(delta).kind() {
        Kind::Voice => {
            let was_open = interaction.is_open();
            let mut making = Making {
                ids: ctx.ids,
                source_id: ctx.source_id,
                drafts: &mut pass.drafts,
                moved: &mut pass.output.moved,
            };
            let reason = voice(&mut making, pass.settings, interaction, ctx.site, id, t, delta);
            *open = *open + usize::from(interaction.is_open()) - usize::from(was_open);
            reason
        }
        Kind::Skipped(reason) => reason,
        Kind::Open => Reason::NoChange,
    };
    interaction.attributes.merge(delta);
    Judged {
        reason,
        handling: presence::handling(interaction.reading(delta), &interaction.handling),
        ended: interaction.reading(delta).letter().is_some_and(Letter::is_end),
    }
}
