//! Which owners may send, as of the last look, and the lines at whose head is an event of one that may not.

use tokio::time::Instant;

use crate::deliver::owner::Owner;

/// See the module.
#[derive(Default)]
pub(super) struct Leases {
    /// Whoever handed something over, and whether it may send.
    owners: Vec<(Owner, bool)>,
    /// Lines that would be ready.
    pub(super) held: Vec<u32>,
}

impl Leases {
    /// An owner hands something over.
    pub(super) fn know(&mut self, owner: &Owner) {
        if !self.owners.iter().any(|(known, _)| known.is(owner)) {
            self.owners.push((owner.clone(), true));
        }
    }

    /// An owner is no more.
    pub(super) fn forget(&mut self, owner: &Owner) {
        self.owners.retain(|(known, _)| !known.is(owner));
    }

    /// Looks at every owner; whether it is another one that may send.
    pub(super) fn look(&mut self, now: Instant) -> bool {
        let mut changed = false;
        for (owner, may) in &mut self.owners {
            changed |= std::mem::replace(may, owner.may_send(now)) != *may;
        }
        changed
    }

    /// Whether an owner may send, as of the last look.
    pub(super) fn lets(&self, owner: &Owner) -> bool {
        self.owners.iter().all(|(known, may)| *may || !known.is(owner))
    }
}
