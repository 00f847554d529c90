//! What conversion can be told: every value has the contract's default.

use super::presence;
use crate::cic::Wanted;

/// Everything that conversion can be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `[genesys] source_id`; absent: the id over the record's source.
    pub source_id: Option<String>,
    /// The names of attributes to keep beside those that conversion reads: tag and additional info.
    pub wanted: Wanted,
    /// The attribute that becomes `tagId`.
    pub tag_attribute: Option<String>,
    /// Attributes that go into the external party's `additionalInfo`.
    pub additional_info: Vec<String>,
    /// Put before an E.164 number.
    pub number_prefix: String,
    /// Country code of numbers that do not say theirs, digits only; empty: none.
    pub country_code: String,
    /// Workgroups after whose calls wrap-up is required.
    pub wrap_up_required: Vec<String>,
    /// How long an ended interaction hears wrap-up codes, in ms.
    pub wrap_up_grace: i64,
    /// An interaction older than this when first judged is adopted, in ms.
    pub adopt_after: i64,
    /// How long a record that leaves open who is there waits for the next, in ms.
    pub settle: i64,
    /// How long an interaction that a full snapshot no longer shows is kept, in ms.
    pub orphan_after: i64,
    /// How long a call may say nothing before it counts as gone, in ms.
    pub max_silence: i64,
    /// How long a record's id is remembered, in ms.
    pub duplicate_window: i64,
    /// Presence and routing status.
    pub presence: presence::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        const MINUTE: i64 = 60_000;
        Self {
            source_id: None,
            wanted: Wanted::default(),
            tag_attribute: None,
            additional_info: Vec::new(),
            number_prefix: "tel:".into(),
            country_code: String::new(),
            wrap_up_required: Vec::new(),
            wrap_up_grace: 120 * MINUTE,
            adopt_after: 2 * MINUTE,
            settle: 2_000,
            orphan_after: MINUTE,
            max_silence: 12 * 60 * MINUTE,
            duplicate_window: 5 * MINUTE,
            presence: presence::Settings::default(),
        }
    }
}

impl Settings {
    /// No wait lasts longer than this, in ms.
    pub(crate) fn longest_wait(&self) -> i64 {
        self.settle.max(self.presence.longest_wait_ms())
    }
}
