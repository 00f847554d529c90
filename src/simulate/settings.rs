//! What a simulation is told.

/// How a record carries an ICWS message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// CloudEvents, structured: the value holds it all.
    #[default]
    Structured,
    /// CloudEvents, binary: headers and the message.
    Binary,
    /// The message alone: one site only, for it does not say which it is.
    Bare,
}

/// How often something other than a plain call happens, in thousandths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shares {
    /// Of what comes in: web chats.
    pub chats: u32,
    /// Of what comes in: emails.
    pub emails: u32,
    /// Of what comes in: callbacks, which an agent answers by calling back.
    pub callbacks: u32,
    /// Of what agents dial: colleagues.
    pub intercom: u32,
    /// Of what agents dial: numbers, on behalf of a workgroup.
    pub for_workgroup: u32,
    /// Of talks with outside: those during which the agent asks a colleague.
    pub consults: u32,
    /// Of talks: those sent on to another user.
    pub transfers_to_user: u32,
    /// Of talks: those sent on to a workgroup.
    pub transfers_to_workgroup: u32,
    /// Of calls that talk: those that vanish without a letter.
    pub vanish: u32,
    /// Of changes of letter and names: those said in two records.
    pub split: u32,
}

impl Default for Shares {
    fn default() -> Self {
        Self {
            chats: 20,
            emails: 20,
            callbacks: 10,
            intercom: 60,
            for_workgroup: 300,
            consults: 15,
            transfers_to_user: 50,
            transfers_to_workgroup: 60,
            vanish: 8,
            split: 250,
        }
    }
}

/// What a simulation is told. The same settings make the same bytes.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Agents, shared out over the sites.
    pub agents: usize,
    /// CIC sites.
    pub sites: usize,
    /// Repeats a run.
    pub seed: u64,
    /// Records per second of record time, all sites together. Above what so many agents say, their time runs faster
    /// than the records' time; below it, they have less to do.
    pub rate: u32,
    /// The time of the first record, in ms since 1970.
    pub start: i64,
    /// How a record carries a message.
    pub form: Form,
    /// Whether CloudEvents times have ms, as an exporter's clock may give them; CIC's own stamps never do.
    pub precise: bool,
    /// Of the records, those that only repeat what is known, in thousandths. Beside them much of what agents and
    /// calls cause makes no event either: about half of all records make one.
    pub noise: u32,
    /// How often something other than a plain call happens.
    pub shares: Shares,
    /// Whether the truth is kept beside.
    pub truth: bool,
}

/// 2026-03-02T08:00:00Z, a Monday.
pub const DEFAULT_START: i64 = 1_772_438_400_000;

impl Default for Settings {
    fn default() -> Self {
        Self {
            agents: 50,
            sites: 1,
            seed: 1,
            rate: 100,
            start: DEFAULT_START,
            form: Form::default(),
            precise: false,
            noise: 120,
            shares: Shares::default(),
            truth: false,
        }
    }
}

impl Settings {
    /// How many records fall into so much record time.
    pub fn records_in(&self, time: std::time::Duration) -> u64 {
        u64::try_from(time.as_millis() * u128::from(self.rate) / 1000).unwrap_or(u64::MAX)
    }
}
