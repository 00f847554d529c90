//! The truth beside the traffic: who spoke to whom and when, as the simulation made it, in a form of its own.
//!
//! NDJSON. Times are the times of the records that said them, as those carry it. Per interaction, when it is deallocated or the
//! simulation ends (`ended` is then null and so is what goes on):
//!
//! ```json
//! {"call":{"site":"cic1.example.com","interactionId":"2101000007","key":"210100000720260302","media":"Call",
//!  "intercom":false,"direction":"inbound","consulting":null,"started":"2026-03-02T08:00:03.000Z","ended":"…",
//!  "outcome":"caller hung up","queues":["Support"],"ivr":true,"voicemail":false,
//!  "agents":[{"user":"asmith","rang":["…","…"],"talked":["…","…"],"held":[["…","…"]],"wrapUp":["Resolved"]}]}}
//! ```
//!
//! `agents` stand in the order in which they rang or were connected; one who was there twice stands there twice.
//! `rang` and `talked` are null for what was not (both for one who dialled in vain); `talked` ends when the agent left, `held` lies within it.
//! `outcome`: `caller hung up`, `agent hung up`, `hung up in ivr`, `hung up in queue`, `hung up ringing`,
//! `voicemail`, `not answered`, `busy`, `vanished`, `open`. Per agent and status:
//!
//! ```json
//! {"status":{"site":"cic1.example.com","user":"asmith","status":"Available","loggedIn":true,"from":"…","to":"…"}}
//! ```

use super::agent::Agent;
use super::call::Call;
use super::json::Json;
use super::names::WORKGROUPS;
use super::speaker::Speaker;
use super::status::STATUSES;

/// From one moment to another, or still.
type Span = (i64, Option<i64>);

/// What happened in an interaction.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) outcome: &'static str,
    pub(super) ended: Option<i64>,
    queues: Vec<u8>,
    /// Whether an agent has answered since the last of the queues was entered.
    answered: bool,
    pub(super) ivr: bool,
    pub(super) voicemail: bool,
    legs: Vec<Leg>,
}

/// One agent's part in it.
#[derive(Debug)]
struct Leg {
    agent: usize,
    rang: Option<Span>,
    talked: Option<Span>,
    held: Vec<Span>,
    codes: Vec<&'static str>,
}

impl Leg {
    fn new(agent: usize) -> Self {
        Self {
            agent,
            rang: None,
            talked: None,
            held: Vec::new(),
            codes: Vec::new(),
        }
    }

    /// Whether the agent is there, or dials.
    fn is_open(&self) -> bool {
        match (self.rang, self.talked) {
            (None, None) => true,
            (rang, talked) => matches!(rang, Some((_, None))) || matches!(talked, Some((_, None))),
        }
    }
}

impl Told {
    /// It enters a queue; one that an unanswered ring only interrupted is not entered again.
    pub(super) fn queues_in(&mut self, workgroup: u8) {
        self.queues.push(workgroup);
        self.answered = false;
    }

    /// It is back in its queue.
    pub(super) fn queues_again(&mut self, workgroup: u8) {
        if self.answered {
            self.queues_in(workgroup);
        }
    }

    /// It rings at the agent.
    pub(super) fn rings(&mut self, agent: usize, now: i64) {
        self.legs.push(Leg {
            rang: Some((now, None)),
            ..Leg::new(agent)
        });
    }

    /// The agent dials.
    pub(super) fn dials(&mut self, agent: usize) {
        self.legs.push(Leg::new(agent));
    }

    /// The agent is connected, having rung or not.
    pub(super) fn talks(&mut self, agent: usize, now: i64) {
        self.answered = true;
        if self.leg(agent).is_none() {
            self.legs.push(Leg::new(agent));
        }
        if let Some(leg) = self.leg(agent) {
            close(&mut leg.rang, now);
            leg.talked = Some((now, None));
        }
    }

    /// The agent holds the far party, or speaks again.
    pub(super) fn holds(&mut self, agent: usize, held: bool, now: i64) {
        let Some(leg) = self.leg(agent) else { return };
        if held {
            leg.held.push((now, None));
        } else if let Some(last) = leg.held.last_mut() {
            last.1.get_or_insert(now);
        }
    }

    /// The agent is no longer there.
    pub(super) fn leaves(&mut self, agent: usize, now: i64) {
        let Some(leg) = self.leg(agent) else { return };
        close(&mut leg.rang, now);
        close(&mut leg.talked, now);
        if let Some(last) = leg.held.last_mut() {
            last.1.get_or_insert(now);
        }
    }

    /// The agent gives a code.
    pub(super) fn wraps_up(&mut self, agent: usize, code: &'static str) {
        let talked = self
            .legs
            .iter_mut()
            .rev()
            .find(|leg| leg.agent == agent && leg.talked.is_some());
        if let Some(leg) = talked {
            leg.codes.push(code);
        }
    }

    fn leg(&mut self, agent: usize) -> Option<&mut Leg> {
        self.legs
            .iter_mut()
            .rev()
            .find(|leg| leg.agent == agent && leg.is_open())
    }
}

fn close(span: &mut Option<Span>, now: i64) {
    if let Some((_, end)) = span {
        end.get_or_insert(now);
    }
}

/// One interaction's line.
pub(super) fn write_call(
    out: &mut Vec<u8>,
    speaker: &mut Speaker,
    agents: &[Agent],
    call: &Call,
    told: &Told,
) {
    out.raw("{\"call\":{");
    let site = speaker.site().to_owned();
    out.pair("site", &site);
    out.raw("\"interactionId\":\"");
    out.number(call.id);
    out.raw("\",\"key\":\"");
    call.key(speaker, out);
    out.raw("\",");
    out.pair("media", call.media.as_str());
    out.flag("intercom", call.intercom);
    out.pair("direction", if call.outbound { "outbound" } else { "inbound" });
    match call.consulting {
        Some(id) => {
            out.raw("\"consulting\":\"");
            out.number(id);
            out.raw("\",");
        }
        None => out.raw("\"consulting\":null,"),
    }
    out.raw("\"started\":");
    time(out, speaker, Some(call.initiated * 1000));
    out.raw("\"ended\":");
    time(out, speaker, told.ended);
    out.pair(
        "outcome",
        if told.outcome.is_empty() {
            "open"
        } else {
            told.outcome
        },
    );
    out.raw("\"queues\":[");
    for at in &told.queues {
        out.text(WORKGROUPS[usize::from(*at)].name);
        out.push(b',');
    }
    out.close("],");
    out.flag("ivr", told.ivr);
    out.flag("voicemail", told.voicemail);
    out.raw("\"agents\":[");
    for leg in &told.legs {
        write_leg(out, speaker, agents, leg);
    }
    out.close("]}}\n");
}

fn write_leg(out: &mut Vec<u8>, speaker: &mut Speaker, agents: &[Agent], leg: &Leg) {
    out.raw("{");
    out.pair("user", &agents[leg.agent].user);
    for (name, at) in [("rang", leg.rang), ("talked", leg.talked)] {
        out.push(b'"');
        out.raw(name);
        out.raw("\":");
        match at {
            Some(at) => span(out, speaker, at),
            None => out.raw("null,"),
        }
    }
    out.raw("\"held\":[");
    for at in &leg.held {
        span(out, speaker, *at);
    }
    out.close("],\"wrapUp\":[");
    for code in &leg.codes {
        out.text(code);
        out.push(b',');
    }
    out.close("]},");
}

/// One line of an agent's status, which began when [`Agent::since`] says.
pub(super) fn write_status(out: &mut Vec<u8>, speaker: &mut Speaker, agent: &Agent, until: Option<i64>) {
    out.raw("{\"status\":{");
    let site = speaker.site().to_owned();
    out.pair("site", &site);
    out.pair("user", &agent.user);
    out.pair("status", STATUSES[agent.status].text);
    out.flag("loggedIn", agent.logged_in);
    out.raw("\"from\":");
    time(out, speaker, Some(agent.told_since));
    out.raw("\"to\":");
    time(out, speaker, until);
    out.close("}}\n");
}

fn span(out: &mut Vec<u8>, speaker: &mut Speaker, (from, to): Span) {
    out.raw("[");
    time(out, speaker, Some(from));
    time(out, speaker, to);
    out.close("],");
}

fn time(out: &mut Vec<u8>, speaker: &mut Speaker, millis: Option<i64>) {
    match millis {
        Some(millis) => {
            out.push(b'"');
            speaker.calendar.precise(out, millis);
            out.raw("\",");
        }
        None => out.raw("null,"),
    }
}
