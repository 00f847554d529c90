//! What each part is told, out of the one configuration.

use std::time::Duration;

use crate::cic::Wanted;
use crate::config::Config;
use crate::event::Lane;
use crate::{convert, names};

/// What conversion is told.
pub fn conversion(config: &Config) -> convert::Settings {
    let conversation = &config.conversation;
    let attributes = conversation
        .additional_info
        .iter()
        .chain(&conversation.tag_attribute);
    convert::Settings {
        source_id: config.genesys.source_id.clone(),
        wanted: Wanted::new(attributes.map(String::as_str)),
        tag_attribute: conversation.tag_attribute.clone(),
        additional_info: conversation.additional_info.clone(),
        number_prefix: conversation.number_prefix.clone(),
        country_code: conversation.country_code.clone().unwrap_or_default(),
        wrap_up_required: conversation.wrap_up_required.clone(),
        wrap_up_grace: millis(conversation.wrap_up_grace),
        adopt_after: millis(conversation.adopt_after),
        settle: millis(conversation.settle),
        orphan_after: millis(conversation.orphan_after),
        max_silence: millis(conversation.max_silence_call),
        duplicate_window: millis(config.cic.duplicate_window),
        presence: convert::presence::Settings::default(),
    }
}

/// What resolving is told; `wait` when unknown names may become known.
pub fn names(config: &Config, wait: bool) -> names::Settings {
    let lanes = &config.lanes;
    let switches = [
        (Lane::Conversations, lanes.conversations),
        (Lane::Presence, lanes.presence),
        (Lane::RoutingStatus, lanes.routing_status),
        (Lane::OutOfOffice, lanes.out_of_office),
    ];
    names::Settings {
        users: config.conversation.users.clone(),
        ignore_workgroups: config.directory.ignore_workgroups.clone(),
        lanes_off: switches
            .into_iter()
            .filter_map(|(lane, on)| (!on).then_some(lane))
            .collect(),
        wait,
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
