//! Presence and routing status of a site's users.

use crate::cic;
use crate::event::{Draft, Ids};
use crate::time::Time;

/// What presence can be told.
#[derive(Clone, Debug, Default)]
pub struct Settings {}

impl Settings {
    /// No wait of a user's lasts longer than this, in ms.
    pub fn longest_wait_ms(&self) -> i64 {
        30_000
    }
}

/// A site's users.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Users {}

/// How an interaction keeps a user busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Handling {
    /// It has a workgroup.
    pub acd: bool,
    /// How far it is.
    pub phase: Phase,
}

/// How far an interaction is with a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Phase {
    /// It rings.
    Ringing,
    /// Connected.
    Connected,
    /// Held, suspended or parked.
    Held,
    /// On its way out.
    Dialing,
}

/// What a change is judged in.
#[derive(Clone, Copy, Debug)]
pub struct Ctx<'a> {
    /// Makes ids.
    pub ids: &'a Ids,
    /// The CIC site.
    pub site: &'a str,
    /// What presence is told.
    pub settings: &'a Settings,
    /// The record, as it goes into ids.
    pub record: &'a str,
    /// `t` of the record.
    pub time: Time,
}

impl Users {
    /// Status definitions.
    pub fn definitions(
        &mut self,
        _: &Ctx<'_>,
        _: bool,
        _: &[cic::Definition],
        _: &[Box<str>],
        _: &mut Vec<Draft>,
    ) {
    }

    /// User statuses.
    pub fn status(&mut self, _: &Ctx<'_>, _: bool, _: &[cic::UserStatus], _: &mut Vec<Draft>) {}

    /// Activations in workgroups.
    pub fn activations(
        &mut self,
        _: &Ctx<'_>,
        _: bool,
        _: &cic::Subject,
        _: &[(Box<str>, bool)],
        _: &mut Vec<Draft>,
    ) {
    }

    /// What an interaction keeps a user busy with; `None`: no longer.
    pub fn handling(&mut self, _: &Ctx<'_>, _: &str, _: &str, _: Option<Handling>, _: &mut Vec<Draft>) {}

    /// The exporter's connection to CIC.
    pub fn connection(&mut self, _: &Ctx<'_>, _: bool) {}

    /// The earliest wait.
    pub fn deadline(&self) -> Option<Time> {
        None
    }

    /// Ends waits before `now`.
    pub fn pass(&mut self, _: &Ctx<'_>, _: Time, _: &mut Vec<Draft>) {}
}
