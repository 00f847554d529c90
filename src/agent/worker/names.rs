//! Names that become known, and those that are given up.

use super::{Moment, Work, Worker};
use crate::agent::origin::Origin;
use crate::names::{Directory, Missing};

impl Worker {
    /// The directory has changed, or the time of some names is over: those that `denied` says are not there are given
    /// up once that is kept.
    pub(in crate::agent) fn names_changed(
        &mut self,
        directory: &Directory,
        denied: impl Fn(&Missing) -> bool,
        now: Moment,
        work: &mut Work,
    ) {
        let patience = self.settings.resolve_timeout;
        for name in self.held.overdue(now.instant, patience, denied) {
            if !self.giving_up.contains(&name) {
                self.giving_up.push(name);
                self.version += 1;
            }
        }
        self.retry(directory, now, work);
        self.pay(directory, work);
    }

    /// Asks again for what waits for names.
    pub(super) fn retry(&mut self, directory: &Directory, now: Moment, work: &mut Work) {
        let resolver = &mut self.resolver;
        let (freed, missed) = self
            .held
            .retry(now.instant, |draft| resolver.resolve(draft, directory));
        work.missed.extend(missed);
        for (origin, resolved) in freed {
            self.resolved(origin, resolved, work);
        }
    }

    /// Sends what is owed to users who are known by now; not before what is repeated has caught up.
    fn pay(&mut self, directory: &Directory, work: &mut Work) {
        if self.repeats() {
            return;
        }
        for event in self.resolver.owed(directory) {
            self.send(Origin::Owed, event, work);
        }
    }
}
