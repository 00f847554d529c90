//! An agent: status, activations, phone, and what CIC says of them.

use super::json::Json;
use super::names::{User, WORKGROUPS};
use super::speaker::Speaker;
use super::status::{AVAILABLE, STATUSES};

/// One agent of a site.
#[derive(Debug)]
pub(super) struct Agent {
    pub(super) user: String,
    pub(super) display: String,
    pub(super) station: String,
    /// The workgroups, and whether active in them.
    pub(super) workgroups: Vec<(u8, bool)>,
    pub(super) status: usize,
    pub(super) since: i64,
    pub(super) logged_in: bool,
    pub(super) on_phone: bool,
    pub(super) phone_since: i64,
    /// The return given with the status.
    pub(super) until: Option<i64>,
    /// The slot of the interaction that rings at the agent or is theirs.
    pub(super) call: Option<usize>,
    /// The segment in which the agent was connected last.
    pub(super) segment: u32,
    /// Which timers of the status still count.
    pub(super) epoch: u32,
    /// Since when the truth's open interval lasts.
    pub(super) told_since: i64,
}

impl Agent {
    pub(super) fn new(user: &User, workgroups: Vec<(u8, bool)>) -> Self {
        Self {
            user: user.name.clone(),
            display: user.display.clone(),
            station: user.station.clone(),
            workgroups,
            status: AVAILABLE,
            since: 0,
            logged_in: true,
            on_phone: false,
            phone_since: 0,
            until: None,
            call: None,
            segment: 0,
            epoch: 0,
            told_since: 0,
        }
    }

    /// Whether anything may ring here.
    pub(super) fn is_free(&self) -> bool {
        self.logged_in && self.status == AVAILABLE && self.call.is_none()
    }

    pub(super) fn serves(&self, workgroup: u8) -> bool {
        self.workgroups.contains(&(workgroup, true))
    }

    /// One of a `userStatusList`, with a comma after it.
    pub(super) fn write(&self, speaker: &mut Speaker, out: &mut Vec<u8>) {
        out.raw("{");
        out.pair("userId", &self.user);
        out.pair("statusId", STATUSES[self.status].id);
        speaker.stamp(out, "statusChanged", self.since);
        out.flag("onPhone", self.on_phone);
        speaker.stamp(out, "onPhoneChanged", self.phone_since);
        out.flag("loggedIn", self.logged_in);
        out.raw("\"stations\":[");
        if self.logged_in {
            out.text(&self.station);
        }
        out.raw("],\"icServers\":[],\"notes\":\"\",\"forwardNumber\":\"\",");
        if let Some(until) = self.until {
            out.raw("\"until\":{");
            speaker.stamp(out, "untilDateTime", until);
            out.raw("\"hasDate\":true,\"hasTime\":true},");
        }
        out.close("},");
    }

    /// The dictionary of the agent's activations.
    pub(super) fn write_activations(&self, out: &mut Vec<u8>) {
        out.raw("\"activationsChanged\":{");
        for (workgroup, active) in &self.workgroups {
            out.flag(WORKGROUPS[usize::from(*workgroup)].name, *active);
        }
        out.close("}");
    }
}
