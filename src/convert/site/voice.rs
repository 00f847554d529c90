//! A record of a call: which conversation it belongs to, and what it changes there.

use super::super::conversation::stage::Stage;
use super::super::conversation::voice::Around;
use super::super::conversation::{Conversation, Making, name};
use super::super::interaction::Interaction;
use super::super::reading::Reading;
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
    // The conversation is taken out while its interaction is read, and put back changed.
    let before = interaction.conversation.take();
    let view = interaction.view(delta, before.as_ref());
    let reading = view.reading;
    let users = reading.users();
    let stage = view.stage(&users);
    let named_anew = view.named_anew();
    let first = before.as_ref().is_none_or(Conversation::is_over);
    if first && matches!(stage, Stage::Ended(_)) {
        interaction.conversation = before;
        return Reason::AlreadyEnded;
    }
    let initiated = reading.initiated(t);
    let mut around = Around {
        reading,
        settings,
        named_anew,
        additional_info: Vec::new(),
    };
    let mut conversation = match before {
        Some(conversation) if !first => conversation,
        before => {
            let adopted = t.millis() - initiated.millis() > settings.adopt_after;
            around.additional_info = additional_info(settings, reading, adopted);
            next_life(
                making,
                settings,
                reading,
                before,
                site,
                id,
                initiated,
                adopted.then_some(t),
            )
        }
    };
    let unknown = stage == Stage::Unknown;
    if first {
        conversation.begin(making, initiated, &stage, &around);
    }
    conversation.apply(making, t, stage, &around);
    let under = reading.workgroup().map(name);
    interaction.ever_inside |= conversation
        .parties
        .iter()
        .any(|party| party.role != Role::External);
    interaction.ever_connected |= conversation.connected_user().is_some();
    interaction.conversation = Some(conversation);
    if under.is_some() {
        interaction.under = under;
    }
    if unknown {
        Reason::UnknownState
    } else {
        Reason::NoChange
    }
}

/// A conversation's first life, or the one after `before`.
#[allow(
    clippy::too_many_arguments,
    reason = "each is one field of the Identity table"
)]
fn next_life(
    making: &Making<'_>,
    settings: &Settings,
    reading: Reading<'_>,
    before: Option<Conversation>,
    site: &str,
    id: &str,
    initiated: Time,
    adopted: Option<Time>,
) -> Conversation {
    let key = match (&before, reading.get(Attribute::CallIdKey)) {
        (Some(before), _) => before.key.clone(),
        (None, "") => name(&format!("{id}@{}", initiated.basic())),
        (None, key) => name(key),
    };
    let life = before.map_or(1, |before| before.life + 1);
    let text = match adopted {
        Some(t) if life == 1 => format!("adopted@{t}"),
        _ => life.to_string(),
    };
    Conversation {
        id: making.ids.conversation(site, &key, &text),
        key,
        life,
        inbound: reading.inbound(),
        tag: settings
            .tag_attribute
            .as_deref()
            .and_then(|wanted| reading.configured(wanted)),
        parties: Vec::new(),
        last: None,
        wrapped: Vec::new(),
    }
}

/// The configured attributes, and that the conversation was adopted.
fn additional_info(settings: &Settings, reading: Reading<'_>, adopted: bool) -> Vec<(Name, Name)> {
    let configured = settings.additional_info.iter();
    let mut info: Vec<(Name, Name)> = configured
        .filter_map(|wanted| Some((name(wanted), reading.configured(wanted)?)))
        .collect();
    if adopted {
        info.push((name("adopted"), name("true")));
    }
    info
}
