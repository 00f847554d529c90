//! The status definitions of a site, by status id without regard to case.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::user::lower;
use crate::cic::Definition;
use crate::event::Name;

/// See the module.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Definitions {
    by_id: Arc<BTreeMap<Name, Known>>,
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
}
