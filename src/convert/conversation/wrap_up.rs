//! Wrap-up codes: one event per segment and code, on the communication of the user who gave it.

use super::party::Standing;
use super::{Conversation, Making};
use crate::event::{Name, Role, Voice};
use crate::time::Time;

impl Conversation {
    /// A code for `segment`, given by `user` at `given`. `Some(false)`: said before; `None`: that user was never
    /// connected.
    pub(crate) fn wrap_up(
        &mut self,
        making: &mut Making<'_>,
        given: Time,
        segment: i64,
        user: &str,
        code: Name,
    ) -> Option<bool> {
        // CIC's stamp has whole seconds, an event's may lie within the same one.
        let second_after = (given.millis() / 1000 + 1) * 1000;
        let theirs = |connected: Time| connected.millis() < second_after;
        let at = (0..self.parties.len())
            .filter(|&at| self.parties[at].is(Role::User, user))
            .filter(|&at| self.parties[at].connected.is_some_and(theirs))
            .max_by_key(|&at| self.parties[at].connected)?;
        if let Some((_, old)) = self.wrapped.iter_mut().find(|(known, _)| *known == segment) {
            if *old == code {
                return Some(false);
            }
            *old = code.clone();
        } else {
            self.wrapped.push((segment, code.clone()));
        }
        let time = self.stamp(making, given);
        let party = &mut self.parties[at];
        debug_assert!(
            party.standing != Standing::Ringing,
            "who was connected does not ring"
        );
        party.dispositions += 1;
        let (communication, n) = (party.id, party.dispositions);
        self.push(
            making,
            time,
            Voice::Disposition {
                communication,
                code: Some(code),
            },
            n,
        );
        Some(true)
    }
}
