//! The status definitions of a site, and the message that says them.

use super::json::Json;

/// A status definition, as `urn:inin.com:status:statusMessage` has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Definition {
    pub(super) id: &'static str,
    pub(super) system: &'static str,
    pub(super) text: &'static str,
    pub(super) group: &'static str,
    pub(super) acd: bool,
    pub(super) do_not_disturb: bool,
    pub(super) after_call: bool,
    /// Whether a return may be given with it.
    pub(super) dated: bool,
    /// Whether it is the site's own.
    pub(super) own: bool,
}

const PLAIN: Definition = Definition {
    id: "",
    system: "",
    text: "",
    group: "Unavailable",
    acd: false,
    do_not_disturb: false,
    after_call: false,
    dated: false,
    own: false,
};

const fn system(id: &'static str, text: &'static str) -> Definition {
    Definition {
        id,
        system: id,
        text,
        ..PLAIN
    }
}

pub(super) const AVAILABLE: usize = 0;
pub(super) const NO_ACD: usize = 1;
pub(super) const DO_NOT_DISTURB: usize = 2;
pub(super) const LUNCH: usize = 3;
pub(super) const TRAINING: usize = 4;
pub(super) const MEETING: usize = 5;
pub(super) const AWAY: usize = 6;
pub(super) const FOLLOW_UP: usize = 7;
pub(super) const NOT_ANSWERING: usize = 8;
pub(super) const GONE_HOME: usize = 9;
pub(super) const OUT_OF_OFFICE: usize = 10;
pub(super) const VACATION: usize = 11;
pub(super) const AFTER_CALL: usize = 12;
pub(super) const COFFEE: usize = 13;
pub(super) const COACHING: usize = 14;
pub(super) const HOME_OFFICE: usize = 15;

/// Every status, by the constants above.
pub(super) const STATUSES: [Definition; 16] = [
    Definition {
        acd: true,
        group: "Available",
        ..system("Available", "Available")
    },
    Definition {
        group: "Available",
        ..system("available, no acd", "Available, No ACD")
    },
    Definition {
        do_not_disturb: true,
        ..system("Do Not disturb", "Do Not Disturb")
    },
    system("At Lunch", "At Lunch"),
    system("At a training session", "At a Training Session"),
    system("In a meeting", "In a meeting"),
    system("Away from desk", "Away From Desk"),
    Definition {
        group: "Follow Up",
        ..system("Follow Up", "Follow Up")
    },
    system("AcdAgentNotAnswering", "ACD - Agent Not Answering"),
    Definition {
        dated: true,
        ..system("Gone Home", "Gone Home")
    },
    Definition {
        dated: true,
        ..system("Out of the office", "Out of the Office")
    },
    Definition {
        dated: true,
        ..system("On Vacation", "On Vacation")
    },
    Definition {
        id: "ACW",
        text: "After Call Work",
        group: "Follow Up",
        after_call: true,
        ..PLAIN
    },
    Definition {
        id: "Coffee",
        text: "Coffee Break",
        group: "Break",
        own: true,
        ..PLAIN
    },
    Definition {
        id: "Coaching",
        text: "Coaching",
        own: true,
        ..PLAIN
    },
    Definition {
        group: "Available",
        ..system("Working at Home", "Working at Home")
    },
];

/// The fields of a `statusMessagesMessage` after `__type`: every definition, as a whole.
pub(super) fn write_definitions(out: &mut Vec<u8>) {
    out.flag("isDelta", false);
    out.raw("\"statusMessagesAdded\":[");
    for status in &STATUSES {
        out.raw("{");
        out.pair("statusId", status.id);
        out.pair("systemId", status.system);
        out.pair("messageText", status.text);
        out.pair("iconUri", "/icws/status/icon");
        out.pair("groupTag", status.group);
        out.flag("canHaveDate", status.dated);
        out.flag("canHaveTime", status.dated);
        out.flag("isDoNotDisturbStatus", status.do_not_disturb);
        out.flag(
            "isSelectableStatus",
            !status.after_call && status.id != "AcdAgentNotAnswering",
        );
        out.flag("isPersistentStatus", status.dated);
        out.flag("isForwardStatus", false);
        out.flag("isAfterCallWorkStatus", status.after_call);
        out.flag("isAcdStatus", status.acd);
        out.flag("isAllowFollowUpStatus", status.acd);
        out.close("},");
    }
    out.close("],\"statusMessagesChanged\":[],\"statusMessagesRemoved\":[]");
}
