//! What an interaction's attributes mean: letters, directions, names in lists, numbers withheld.

/// `Eic_State`, the documented letters. The display text beside it is customisable and never read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Letter {
    /// `A`: rings at a user.
    Alerting,
    /// `C`.
    Connected,
    /// `H`.
    Held,
    /// `M`: with voicemail.
    Messaging,
    /// `O`: in a queue, not ringing yet.
    Offering,
    /// `P`.
    Parked,
    /// `R`: an outgoing call awaits its answer.
    Proceeding,
    /// `X`: held by ACD in favour of something else.
    Suspended,
    /// `S`: dialing, or with the system.
    System,
    /// `I`: this side hung up.
    InternalDisconnect,
    /// `E`: the outside party hung up.
    ExternalDisconnect,
}

impl Letter {
    /// From the attribute; `None` for the empty string and letters not documented.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.trim() {
            "A" | "a" => Self::Alerting,
            "C" | "c" => Self::Connected,
            "H" | "h" => Self::Held,
            "M" | "m" => Self::Messaging,
            "O" | "o" => Self::Offering,
            "P" | "p" => Self::Parked,
            "R" | "r" => Self::Proceeding,
            "X" | "x" => Self::Suspended,
            "S" | "s" => Self::System,
            "I" | "i" => Self::InternalDisconnect,
            "E" | "e" => Self::ExternalDisconnect,
            _ => return None,
        })
    }

    /// Whether it says that the interaction is over.
    pub fn is_end(self) -> bool {
        matches!(self, Self::InternalDisconnect | Self::ExternalDisconnect)
    }
}

/// A queue's or user's name without its scope: `Workgroup Queue:Support` is `Support`.
pub fn unscoped(name: &str) -> &str {
    const QUEUE: &[u8] = b"queue";
    let name = name.trim();
    let Some(colon) = name.bytes().position(|byte| byte == b':') else {
        return name;
    };
    let (scope, rest) = (name[..colon].trim_end().as_bytes(), &name[colon + 1..]);
    let ends = scope
        .last_chunk()
        .is_some_and(|end: &[u8; QUEUE.len()]| end.eq_ignore_ascii_case(QUEUE));
    if ends { rest.trim() } else { name }
}

/// The names of a list, split at `|` `,` `;`, without scopes.
pub fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(['|', ',', ';'])
        .map(unscoped)
        .filter(|name| !name.is_empty())
}

/// A telephone number as the API wants it: scheme, host, parameters and punctuation cut; E.164 with `prefix`
/// before it. `None` when withheld or no number at all.
pub fn number(address: &str, country_code: &str, prefix: &str) -> Option<String> {
    let address = address.trim();
    if ["BLCKD", "NOCLID", "OOA", "PRIV"]
        .iter()
        .any(|word| address.eq_ignore_ascii_case(word))
    {
        return None;
    }
    let rest = match address.split_once(':') {
        Some((scheme, rest)) if scheme.bytes().all(|byte| byte.is_ascii_alphabetic()) => rest,
        _ => address,
    };
    let rest = rest.split(['@', ';']).next().unwrap_or_default();
    let plus = rest.trim_start().starts_with('+');
    let mut digits = String::with_capacity(rest.len());
    digits.extend(rest.chars().filter(char::is_ascii_digit));
    if digits.is_empty() {
        return None;
    }
    if plus {
        return Some([prefix, "+", &digits].concat());
    }
    if !country_code.is_empty() {
        let national = digits.trim_start_matches('0');
        // Short numbers are extensions, which have no country.
        if digits.len() >= 7 {
            let code = country_code.trim_start_matches('+');
            return Some(match digits.strip_prefix("00") {
                Some(international) => [prefix, "+", international].concat(),
                None if digits.len() > 10 && digits.starts_with(code) => [prefix, "+", &digits].concat(),
                None => [prefix, "+", code, national].concat(),
            });
        }
    }
    Some(digits)
}
