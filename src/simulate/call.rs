//! An interaction as CIC shows it: its attributes, all of them or those that changed.

use super::agent::Agent;
use super::json::Json;
use super::names::{LANGUAGES, SKILLS, WORKGROUPS};
use super::speaker::Speaker;
use super::truth::Told;

/// What kind of interaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Media {
    #[default]
    Call,
    Chat,
    Email,
    Callback,
}

impl Media {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Call => "Call",
            Self::Chat => "Chat",
            Self::Email => "Email",
            Self::Callback => "Callback",
        }
    }
}

/// An interaction. A slot is used again after deallocation; `epoch` goes on.
#[derive(Debug, Default)]
pub(super) struct Call {
    pub(super) id: u64,
    pub(super) media: Media,
    pub(super) outbound: bool,
    /// With a colleague, not with outside.
    pub(super) intercom: bool,
    pub(super) letter: u8,
    /// The agents named.
    pub(super) users: Vec<usize>,
    pub(super) workgroup: Option<u8>,
    /// The interaction that this one consults about.
    pub(super) consulting: Option<u64>,
    /// The slot of the interaction that this one serves: a consult leg's original, a callback's own.
    pub(super) parent: Option<usize>,
    /// The colleague at the other end of an intercom call.
    pub(super) colleague: Option<usize>,
    /// The id of the call that answers a callback.
    pub(super) answering: Option<u64>,
    pub(super) line: u8,
    pub(super) remote: u32,
    pub(super) withheld: bool,
    pub(super) skill: u8,
    pub(super) language: u8,
    pub(super) muted: bool,
    /// Whether those named are connected.
    pub(super) talking: bool,
    pub(super) code: Option<&'static str>,
    /// How many agents have been connected: the number of the last segment.
    pub(super) segment: u32,
    pub(super) initiated: i64,
    pub(super) queued: i64,
    pub(super) assigned: i64,
    pub(super) connected: i64,
    pub(super) ended: i64,
    /// Which timers still count.
    pub(super) epoch: u32,
    /// Where it stands in the site's list of open ones.
    pub(super) place: usize,
    pub(super) told: Option<Box<Told>>,
}

/// What of an interaction a message says; sums of these.
pub(super) mod says {
    /// Letter and display text.
    pub(in crate::simulate) const STATE: u32 = 1;
    pub(in crate::simulate) const USER: u32 = 1 << 1;
    pub(in crate::simulate) const WORKGROUP: u32 = 1 << 2;
    pub(in crate::simulate) const SKILLS: u32 = 1 << 3;
    pub(in crate::simulate) const CONNECT: u32 = 1 << 4;
    pub(in crate::simulate) const MUTED: u32 = 1 << 5;
    pub(in crate::simulate) const END: u32 = 1 << 6;
    pub(in crate::simulate) const WRAP_UP: u32 = 1 << 7;
    /// Links to other interactions.
    pub(in crate::simulate) const LINKS: u32 = 1 << 8;
    /// What never changes.
    pub(in crate::simulate) const KEYS: u32 = 1 << 9;
    /// What changes nothing for anybody: durations, capabilities.
    pub(in crate::simulate) const NOISE: u32 = 1 << 10;
    /// Custom attributes of handlers.
    pub(in crate::simulate) const CUSTOM: u32 = 1 << 11;
    /// All that a queue shows of an interaction that enters it.
    pub(in crate::simulate) const ALL: u32 = (1 << 11) - 1;
}

/// The names of inbound lines; a line's calls reach the number at its place.
pub(super) fn line_name(out: &mut Vec<u8>, line: u8) {
    out.raw("SIP Trunk ");
    out.number(u64::from(line) + 1);
}

impl Call {
    pub(super) fn is_over(&self) -> bool {
        matches!(self.letter, b'I' | b'E' | 0)
    }

    /// Whether a line shows it, from its beginning to its end.
    pub(super) fn has_line(&self) -> bool {
        self.media == Media::Call
    }

    fn state_string(&self) -> &'static str {
        match (self.letter, self.workgroup) {
            (b'A', Some(_)) => "ACD - Alerting",
            (b'A', None) => "Alerting",
            (b'C', Some(_)) => "ACD - Assigned",
            (b'C', None) => "Connected",
            (b'H' | b'X' | b'P', _) => "On Hold",
            (b'M', _) => "Voice Mail",
            (b'O', Some(_)) => "ACD - Wait Agent",
            (b'O', None) => "Offering",
            (b'R', _) => "Proceeding",
            (b'S', _) if self.outbound => "Dialing",
            (b'I', _) => "Disconnected [Local Disconnect]",
            (b'E', _) => "Disconnected [Remote Disconnect]",
            _ => "Initializing",
        }
    }

    /// `Eic_CallIdKey`: the id and the date.
    pub(super) fn key(&self, speaker: &mut Speaker, out: &mut Vec<u8>) {
        out.number(self.id);
        let date = speaker.calendar.date(self.initiated);
        out.extend_from_slice(&date);
    }

    /// Writes the attributes that `bits` names, as pairs with a comma after each.
    pub(super) fn attributes(&self, speaker: &mut Speaker, agents: &[Agent], out: &mut Vec<u8>, bits: u32) {
        let says = |bit| bits & bit != 0;
        if says(says::KEYS) {
            self.keys(speaker, agents, out);
        }
        if says(says::STATE) {
            let letter = [self.letter];
            out.pair("Eic_State", std::str::from_utf8(&letter).unwrap_or_default());
            out.pair("Eic_CallStateString", self.state_string());
        }
        if says(says::USER) {
            self.user(speaker, agents, out);
        }
        if says(says::WORKGROUP) {
            out.raw("\"Eic_WorkgroupName\":\"");
            if let Some(at) = self.workgroup {
                out.raw(if speaker.says_scopes() {
                    "Workgroup Queue:"
                } else {
                    ""
                });
                out.raw(WORKGROUPS[usize::from(at)].name);
            }
            out.raw("\",");
            speaker.stamp(out, "Eic_WorkgroupQueueTimestamp", self.queued);
        }
        if says(says::SKILLS) && self.workgroup.is_some() {
            out.raw("\"Eic_AcdSkillSet\":\"");
            out.raw(LANGUAGES[usize::from(self.language)]);
            out.push(b',');
            out.raw(SKILLS[usize::from(self.skill)]);
            out.raw("\",");
        }
        if says(says::CONNECT) && self.connected != 0 {
            speaker.stamp(out, "Eic_ConnectTime", self.connected);
            self.segments(out);
        }
        if says(says::MUTED) {
            out.pair("Eic_Muted", if self.muted { "1" } else { "0" });
        }
        if says(says::END) && self.ended != 0 {
            speaker.stamp(out, "Eic_TerminationTime", self.ended);
        }
        if says(says::WRAP_UP)
            && let Some(code) = self.code
        {
            out.pair("Eic_WrapUpCodeSet", code);
        }
        if says(says::LINKS) {
            self.links(out);
        }
        if says(says::NOISE) {
            self.noise(speaker, out);
        }
        if says(says::CUSTOM) {
            self.custom(speaker, out);
        }
    }

    fn keys(&self, speaker: &mut Speaker, agents: &[Agent], out: &mut Vec<u8>) {
        out.raw("\"Eic_CallId\":\"");
        out.number(self.id);
        out.raw("\",\"Eic_CallIdKey\":\"");
        self.key(speaker, out);
        out.raw("\",");
        out.pair("Eic_ObjectType", self.media.as_str());
        out.pair("Eic_CallDirection", if self.outbound { "O" } else { "I" });
        if self.media == Media::Call {
            out.pair("Eic_CallType", if self.intercom { "I" } else { "E" });
            out.raw("\"Eic_LineName\":\"");
            line_name(out, self.line);
            out.raw("\",");
        }
        speaker.stamp(out, "Eic_InitiationTime", self.initiated);
        match (self.media, self.colleague) {
            (Media::Email, _) => {
                out.raw("\"Eic_RemoteAddress\":\"customer");
                out.number(u64::from(self.remote));
                out.raw("@example.net\",\"Eic_LocalAddress\":\"service@example.com\",\"Eic_EmailSubject\":\"Question ");
                out.number(u64::from(self.remote));
                out.raw("\",");
            }
            (_, Some(colleague)) => {
                out.pair("Eic_RemoteId", &agents[colleague].user);
                out.pair("Eic_RemoteName", &agents[colleague].display);
            }
            _ => self.far_number(out),
        }
        out.raw("\"Eic_LocalTnRaw\":\"sip:+1800555");
        out.number(2000 + u64::from(self.line));
        out.raw("@example.com\",");
    }

    fn far_number(&self, out: &mut Vec<u8>) {
        if self.withheld {
            out.pair("Eic_RemoteTnRaw", "PRIV");
            return;
        }
        out.raw("\"Eic_RemoteTnNormalized\":\"+1555");
        out.number(u64::from(self.remote));
        out.raw("\",\"Eic_RemoteAddress\":\"sip:+1555");
        out.number(u64::from(self.remote));
        out.raw("@carrier.example.net\",\"Eic_RemoteName\":\"Müller, Caller ");
        out.number(u64::from(self.remote % 1000));
        out.raw("\",");
    }

    fn user(&self, speaker: &mut Speaker, agents: &[Agent], out: &mut Vec<u8>) {
        out.raw("\"Eic_UserName\":\"");
        for (at, user) in self.users.iter().enumerate() {
            if at > 0 {
                out.push(b'|');
            }
            out.raw(if speaker.says_scopes() { "User Queue:" } else { "" });
            out.raw(&agents[*user].user);
        }
        out.raw("\",");
        match *self.users {
            [user] => {
                out.pair("Eic_StationName", &agents[user].station);
                speaker.stamp(out, "Eic_UserQueueTimestamp", self.assigned);
            }
            _ => out.pair("Eic_StationName", ""),
        }
    }

    fn segments(&self, out: &mut Vec<u8>) {
        let required = self
            .workgroup
            .is_some_and(|at| WORKGROUPS[usize::from(at)].wrap_up);
        out.raw("\"Eic_WrapupConnectionSegments\":\"");
        out.number(u64::from(self.segment));
        out.raw(if required { ":WrapUpRequired\"," } else { ":\"," });
    }

    fn links(&self, out: &mut Vec<u8>) {
        for (name, link) in [
            ("Eic_ConsultingCallId", self.consulting),
            ("Eic_CallbackAssociatedCallId", self.answering),
        ] {
            if let Some(id) = link {
                out.push(b'"');
                out.raw(name);
                out.raw("\":\"");
                out.number(id);
                out.raw("\",");
            }
        }
    }

    fn noise(&self, speaker: &mut Speaker, out: &mut Vec<u8>) {
        let since = if self.connected != 0 {
            self.connected
        } else {
            self.initiated
        };
        out.raw("\"Eic_ConnectDurationTime\":\"");
        out.number(speaker.second().abs_diff(since));
        out.raw("\",");
        out.pair(
            "Eic_Capabilities",
            if self.letter == b'C' { "1062" } else { "38" },
        );
    }

    fn custom(&self, speaker: &mut Speaker, out: &mut Vec<u8>) {
        out.pair("Attendant_Profile", "Main \\\"2026\\\"");
        out.raw("\"CustomerNumber\":\"K-");
        out.number(u64::from(self.remote));
        out.raw("\",\"CallLog\":");
        let second = speaker.second() % 60;
        out.text(if second % 2 == 0 {
            "Entered menu \"Main\"\nPressed 2"
        } else {
            "Played prompt \"Please hold\""
        });
        out.push(b',');
    }
}
