//! A record of a call: which conversation it belongs to, and what it changes there.

use super::super::conversation::stage::Stage;
use super::super::conversation::{Conversation, Making, name};
use super::super::interaction::{Interaction, View};
use super::super::reason::Reason;
use super::super::settings::Settings;
use crate::cic::{Attribute, Attributes};
use crate::event::{Name, Role};
use crate::time::Time;

/// A record of a call.
pub(super) fn voice(
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
