//! What a user is now, as drafts: only what differs from the last one sent.

use super::user::{Standing, User};
use super::wait::Turn;
use crate::convert::conversation::name;
use crate::convert::pass::At;
use crate::event::{Draft, Key, Lane, Name, Presence, Routing, What};
use crate::time::Time;

/// An event that had to be moved by more than this, in ms, to keep time going forward is counted.
const MOVED: i64 = 1_000;

impl Standing {
    pub(super) fn presence_differs(&self, other: &Self) -> bool {
        self.system != other.system || self.label != other.label || self.message != other.message
    }

    /// Where only the label differs from the presence before: that one's.
    fn relabels(&self, before: Option<&Self>) -> Option<Name> {
        let before =
            before.filter(|before| before.system == self.system && before.message == self.message)?;
        Some(before.label.clone().unwrap_or_else(|| name("")))
    }
}

impl Turn<'_, '_, '_> {
    /// Sends what differs, stamped `stamp`; says how many events that makes.
    pub(super) fn tell(&mut self, at: At<'_>, stamp: Time) -> u32 {
        let settings = &self.pass.settings.presence;
        let Some(now) = self.user.standing(self.definitions, settings) else {
            return 0;
        };
        let before = self.user.last.take();
        let before = before.as_ref();
        let presence = before.is_none_or(|before| before.presence_differs(&now));
        let routing = settings.routing_status && before.is_none_or(|before| before.routing != now.routing);
        let relabels = now.relabels(before);
        let mut earliest = stamp;
        if presence {
            let time = self.forward(stamp, stamp, self.user.presence_at);
            self.user.presence_at = Some(time);
            // One cause, both.
            earliest = time.plus(1);
            let what = Presence {
                user: self.user.name.clone(),
                source_id: self.ctx.source_id.clone(),
                system: now.system,
                label: now.label.clone(),
                message: now.message.clone(),
                relabels,
            };
            self.draft(at, time, What::Presence(what));
        }
        if routing {
            let time = self.forward(stamp, earliest, self.user.routing_at);
            self.user.routing_at = Some(time);
            let what = Routing {
                user: self.user.name.clone(),
                source_id: self.ctx.source_id.clone(),
                status: now.routing,
            };
            self.draft(at, time, What::Routing(what));
        }
        self.user.last = Some(now);
        u32::from(presence) + u32::from(routing)
    }

    /// No sooner than `earliest`, and later than the event before it.
    fn forward(&mut self, stamp: Time, earliest: Time, before: Option<Time>) -> Time {
        let time = before.map_or(earliest, |before| earliest.max(before.plus(1)));
        if time.millis() - stamp.millis() > MOVED {
            self.pass.output.moved += 1;
        }
        time
    }

    fn draft(&mut self, at: At<'_>, time: Time, what: What) {
        let cause = at.positions.first().copied();
        let key = self.user.key;
        let mut draft = Draft {
            key: Key(key),
            id: key,
            time,
            what,
        };
        let n = match self.pass.nth(cause, key, draft.lane()) {
            Some(n) => n,
            None => self.user.nth_by_deadline(at.t, draft.lane()),
        };
        let record = at.said.known_as();
        let ids = self.ctx.ids;
        draft.id = ids.user_event(self.ctx.site, &self.user.name, draft.array(), &record, n);
        self.pass.output.drafts.push((cause, draft));
    }
}

impl User {
    /// Which event of a lane by the deadline `t` the next one is.
    fn nth_by_deadline(&mut self, t: Time, lane: Lane) -> u32 {
        let counts = self.by_deadline.filter(|(of, ..)| *of == t);
        let (_, mut presence, mut routing) = counts.unwrap_or((t, 0, 0));
        let n = if lane == Lane::RoutingStatus {
            &mut routing
        } else {
            &mut presence
        };
        *n += 1;
        let n = *n;
        self.by_deadline = Some((t, presence, routing));
        n
    }
}
