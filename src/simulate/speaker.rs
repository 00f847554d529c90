//! How a site says a message: when, under which number, in which form.

use super::json::Json;
use super::settings::{Form, Settings};
use super::stamp::Calendar;
use std::collections::VecDeque;
use std::sync::Arc;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The record's time, in ms since 1970.
    pub time: i64,
    /// The site: the record's key.
    pub site: Arc<str>,
    /// The site's number, from 0.
    pub site_number: usize,
    /// Names and values, in the binary form only.
    pub headers: Vec<(&'static str, String)>,
    /// The record's value.
    pub value: Vec<u8>,
}

pub(super) const QUEUE: &str = "urn:inin.com:queues:queueContentsMessage";
pub(super) const CHANGED: &str = "urn:inin.com:interactions:interactionChangedMessage";
pub(super) const DEALLOCATED: &str = "urn:inin.com:interactions:interactionDeallocatedMessage";
pub(super) const ALERTING: &str = "urn:inin.com:interactions:interactionAlertingMessage";
pub(super) const WRAP_UP: &str = "urn:inin.com:interactions:wrapupAssignment";
pub(super) const EMAIL: &str = "urn:inin.com:interactions.email:emailContentsMessage";
pub(super) const CHAT: &str = "urn:inin.com:interactions.chat:chatContentsMessage";
pub(super) const CALLBACK: &str = "urn:inin.com:interactions.callback:callbackMessage";
pub(super) const STATUS: &str = "urn:inin.com:status:userStatusMessage";
pub(super) const DEFINITIONS: &str = "urn:inin.com:status:statusMessagesMessage";
pub(super) const USER_ACTIVATION: &str = "urn:inin.com:activations:userActivationMessage";
pub(super) const WORKGROUP_ACTIVATION: &str = "urn:inin.com:activations:workgroupActivationMessage";
pub(super) const SUBSCRIPTION: &str = "urn:inin.com:queues:queueSubscriptionStateMessage";

/// Says a site's messages.
#[derive(Debug)]
pub(super) struct Speaker {
    site: Arc<str>,
    site_number: usize,
    form: Form,
    start: i64,
    rate: u64,
    precise: bool,
    /// The number of the first record in `said`, of all sites' records.
    pub(super) number: u64,
    /// What is said and not yet fetched.
    pub(super) said: VecDeque<Said>,
    pub(super) calendar: Calendar,
}

impl Speaker {
    pub(super) fn new(settings: &Settings, site: &str, site_number: usize) -> Self {
        Self {
            site: site.into(),
            site_number,
            form: settings.form,
            start: settings.start,
            rate: u64::from(settings.rate.max(1)),
            precise: settings.precise,
            number: 0,
            said: VecDeque::new(),
            calendar: Calendar::default(),
        }
    }

    /// Whether this site says names with their queue's kind before them, as handlers do.
    pub(super) fn says_scopes(&self) -> bool {
        self.site_number % 3 == 2
    }

    pub(super) fn site(&self) -> &str {
        &self.site
    }

    fn next_number(&self) -> u64 {
        self.number + self.said.len() as u64
    }

    fn millis(&self) -> i64 {
        self.start + (self.next_number() * 1000 / self.rate) as i64
    }

    /// The second that the next record will carry, and with it every stamp of what happens now.
    pub(super) fn second(&self) -> i64 {
        self.millis().div_euclid(1000)
    }

    /// The time that the next record will carry, in ms.
    pub(super) fn moment(&self) -> i64 {
        let millis = self.millis();
        if self.precise {
            millis
        } else {
            millis - millis.rem_euclid(1000)
        }
    }

    /// Begins a message; its fields follow, each with a comma after it, and [`Speaker::end`].
    pub(super) fn begin(&mut self, kind: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(768);
        if self.form == Form::Structured {
            out.raw("{\"specversion\":\"1.0\",\"id\":\"");
            self.id(&mut out);
            out.raw("\",\"source\":\"");
            out.raw(&self.site);
            out.raw("\",\"type\":\"");
            out.raw(kind);
            out.raw("\",\"time\":\"");
            self.time(&mut out);
            out.raw("\",\"datacontenttype\":\"application/json\",\"data\":");
        }
        out.raw("{\"__type\":\"");
        out.raw(kind);
        out.raw("\",");
        out
    }

    /// Ends a message and says it.
    pub(super) fn end(&mut self, mut out: Vec<u8>, kind: &str) {
        let headers = match self.form {
            Form::Structured => {
                out.close("}}");
                Vec::new()
            }
            Form::Bare => {
                out.close("}");
                Vec::new()
            }
            Form::Binary => {
                out.close("}");
                self.headers(kind)
            }
        };
        let said = Said {
            time: self.millis(),
            site: self.site.clone(),
            site_number: self.site_number,
            headers,
            value: out,
        };
        self.said.push_back(said);
    }

    /// `"name":"20260302T080000Z",`, or empty where there is no such time.
    pub(super) fn stamp(&mut self, out: &mut Vec<u8>, name: &str, second: i64) {
        out.push(b'"');
        out.raw(name);
        out.raw("\":\"");
        if second != 0 {
            self.calendar.basic(out, second);
        }
        out.raw("\",");
    }

    fn time(&mut self, out: &mut Vec<u8>) {
        let moment = self.moment();
        if self.precise {
            self.calendar.precise(out, moment);
        } else {
            self.calendar.extended(out, moment.div_euclid(1000));
        }
    }

    /// No two records have the same id, nor two runs that begin at different times.
    fn id(&self, out: &mut Vec<u8>) {
        out.number(self.start.unsigned_abs());
        out.push(b'-');
        out.number(self.next_number());
    }

    fn headers(&mut self, kind: &str) -> Vec<(&'static str, String)> {
        let (mut id, mut time) = (Vec::new(), Vec::new());
        self.id(&mut id);
        self.time(&mut time);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap_or_default();
        vec![
            ("ce_specversion", "1.0".to_owned()),
            ("ce_id", text(id)),
            ("ce_source", self.site.to_string()),
            ("ce_type", kind.to_owned()),
            ("ce_time", text(time)),
        ]
    }
}
