//! What statuses mean at a site: their definitions, by status id without regard to case, and those that workgroups
//! give to their users.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::mapping::Status;
use crate::cic::{Definition, Workgroup};
use crate::event::{Name, lower};

/// See the module.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Definitions {
    by_id: Arc<BTreeMap<Name, Known>>,
    /// By workgroup in lower case; those that give none are left out.
    workgroups: Arc<BTreeMap<Name, Given>>,
}

/// The statuses that a workgroup gives; empty: none.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Given {
    no_answer: Box<str>,
    on_call: Box<str>,
}

/// A definition, and whether CIC still has it: who is in such a status keeps its meaning, who takes it later waits.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Known {
    definition: Definition,
    gone: bool,
}

impl Definitions {
    /// The definition, also one that is gone.
    pub(super) fn ever(&self, id: &str) -> Option<&Definition> {
        self.by_id.get(&*lower(id)).map(|known| &known.definition)
    }

    /// Whether CIC has it.
    pub(super) fn has(&self, id: &str) -> bool {
        self.by_id.get(&*lower(id)).is_some_and(|known| !known.gone)
    }

    /// Takes a message in; says which ids, in lower case, mean something else now.
    pub(super) fn update(&mut self, snapshot: bool, set: &[Definition], removed: &[Box<str>]) -> Vec<Name> {
        let mut news = Vec::new();
        for definition in set {
            let id = lower(&definition.id);
            let known = self.by_id.get(&*id);
            if known.is_some_and(|known| !known.gone && known.definition == *definition) {
                continue;
            }
            let id = Name::from(&*id);
            let known = Known {
                definition: definition.clone(),
                gone: false,
            };
            Arc::make_mut(&mut self.by_id).insert(id.clone(), known);
            news.push(id);
        }
        let left_out = |id: &str| snapshot && !set.iter().any(|one| *lower(&one.id) == *id);
        let is_gone = |id: &str| left_out(id) || removed.iter().any(|one| *lower(one) == *id);
        let gone: Vec<Name> = self
            .by_id
            .iter()
            .filter(|(id, known)| !known.gone && is_gone(id))
            .map(|(id, _)| id.clone())
            .collect();
        for id in gone {
            if let Some(known) = Arc::make_mut(&mut self.by_id).get_mut(&id) {
                known.gone = true;
            }
        }
        news
    }

    /// Whether a workgroup gives the status to who does not answer. One that takes calls says nothing of that kind.
    pub(super) fn is_no_answer(&self, status: Status<'_>) -> bool {
        let takes_calls = status.definition.is_some_and(|known| known.acd);
        !takes_calls && self.workgroups.values().any(|given| status.is(&given.no_answer))
    }

    /// Whether a workgroup gives the status to who is on its calls.
    pub(super) fn is_on_call(&self, status: Status<'_>) -> bool {
        self.workgroups.values().any(|given| status.is(&given.on_call))
    }

    /// Takes what workgroups say of statuses; whether any of it is new.
    pub(super) fn update_workgroups(
        &mut self,
        snapshot: bool,
        set: &[Workgroup],
        removed: &[Box<str>],
    ) -> bool {
        let mut all = if snapshot {
            BTreeMap::new()
        } else {
            (*self.workgroups).clone()
        };
        for id in removed {
            all.remove(&*lower(id));
        }
        for workgroup in set {
            let id = Name::from(&*lower(&workgroup.id));
            // What a snapshot leaves out is unknown, not unset.
            let mut given = self.workgroups.get(&id).cloned().unwrap_or_default();
            for (known, said) in [
                (&mut given.no_answer, &workgroup.no_answer),
                (&mut given.on_call, &workgroup.on_call),
            ] {
                if let Some(said) = said {
                    known.clone_from(said);
                }
            }
            if given == Given::default() {
                all.remove(&id);
            } else {
                all.insert(id, given);
            }
        }
        let differs = all != *self.workgroups;
        if differs {
            self.workgroups = Arc::new(all);
        }
        differs
    }
}
