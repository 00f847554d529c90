//! The attributes of an interaction: names without regard to case, values always text.
//!
//! CIC sends dozens; conversion reads a few. Those are kept by what they mean, the ones that the configuration
//! asks for by name, all others are passed over while reading.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};

macro_rules! attributes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// An attribute that conversion reads.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum Attribute { $($(#[$doc])* $name,)* }

        impl Attribute {
            /// Every attribute.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name that CIC's documents write.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

attributes! {
    /// The unique key of an interaction; opaque.
    CallIdKey = "Eic_CallIdKey";
    /// The interaction's type, `Call` for instance.
    ObjectType = "Eic_ObjectType";
    /// The one-letter state.
    State = "Eic_State";
    /// `I` inbound, `O` outbound.
    Direction = "Eic_CallDirection";
    /// `E` external, `I` intercom.
    CallType = "Eic_CallType";
    /// The queue it is on.
    Workgroup = "Eic_WorkgroupName";
    /// When it entered that queue.
    WorkgroupTime = "Eic_WorkgroupQueueTimestamp";
    /// The user it is assigned to; a list while several ring.
    User = "Eic_UserName";
    /// The station it is on.
    Station = "Eic_StationName";
    /// The line it came in by.
    Line = "Eic_LineName";
    /// When it was created.
    Initiated = "Eic_InitiationTime";
    /// The far party's number, normalised.
    RemoteNumberNormalized = "Eic_RemoteTnNormalized";
    /// The far party's number as it came.
    RemoteNumberRaw = "Eic_RemoteTnRaw";
    /// The far party's number.
    RemoteNumber = "Eic_RemoteTn";
    /// The far party's address.
    RemoteAddress = "Eic_RemoteAddress";
    /// The far party's name.
    RemoteName = "Eic_RemoteName";
    /// The near number as it came.
    LocalNumberRaw = "Eic_LocalTnRaw";
    /// The near number.
    LocalNumber = "Eic_LocalTn";
    /// The near address.
    LocalAddress = "Eic_LocalAddress";
    /// `1` when muted.
    Muted = "Eic_Muted";
    /// The skills and languages asked for.
    Skills = "Eic_AcdSkillSet";
    /// The conference it belongs to.
    Conference = "Eic_ConferenceId";
    /// On a consult leg: the call consulted about.
    Consulting = "Eic_ConsultingCallId";
    /// The call tied to a callback.
    CallbackCall = "Eic_CallbackAssociatedCallId";
    /// Wrap-up codes assigned.
    WrapUpCodes = "Eic_WrapUpCodeSet";
    /// Segments, with the word that wrap-up is required.
    Segments = "Eic_WrapupConnectionSegments";
}

impl Attribute {
    fn bit(self) -> u32 {
        1 << self as u32
    }

    /// By name, without regard to case.
    fn find(name: &str) -> Option<Self> {
        let mut fits = *OF_LENGTH.get(name.len())?;
        while fits != 0 {
            let attribute = Self::ALL[fits.trailing_zeros() as usize];
            if attribute.name().eq_ignore_ascii_case(name) {
                return Some(attribute);
            }
            fits &= fits - 1;
        }
        None
    }
}

/// By the length of a name, the attributes whose names are as long, a bit each: most names are none of them.
const OF_LENGTH: [u32; 40] = {
    let mut table = [0; 40];
    let mut n = 0;
    while n < Attribute::ALL.len() {
        table[Attribute::ALL[n].name().len()] |= 1 << n;
        n += 1;
    }
    table
};

/// The attributes of one interaction in one message: what changed, not what is.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(from = "Written")]
pub struct Attributes {
    /// Bit n: [`Attribute`] n is there. The order of the list above is part of the state's format.
    #[serde(rename = "p")]
    present: u32,
    /// The values, then the length of each, from the last to the first: one piece of memory, since there are many of
    /// these. Backwards, a length is digits of six bits, the least last; the seventh bit says that another follows.
    #[serde(rename = "v")]
    text: Box<str>,
    #[serde(rename = "k", skip_serializing_if = "<[_]>::is_empty")]
    kept: Box<[(Box<str>, Box<str>)]>,
}

/// A value for each attribute, in their order.
type Values<'a> = [&'a str; Attribute::ALL.len()];

/// Another digit of the length follows, going backwards.
const MORE: u8 = 0x40;
const LONGEST: usize = u32::MAX as usize;

impl Attributes {
    /// The value, when the message carries the attribute; `""` means that it was unset.
    pub fn get(&self, attribute: Attribute) -> Option<&str> {
        if self.present & attribute.bit() == 0 {
            return None;
        }
        let before = (self.present & (attribute.bit() - 1)).count_ones();
        let mut lengths = self.lengths();
        let begin: usize = lengths.by_ref().take(before as usize).sum();
        self.text.get(begin..begin + lengths.next()?)
    }

    /// How long the values are, in their order.
    fn lengths(&self) -> impl Iterator<Item = usize> {
        let mut digits = self.text.bytes().rev();
        std::iter::from_fn(move || {
            let mut length = 0;
            loop {
                let digit = digits.next()?;
                // Where it is damaged it is no length, but stays one that can be added.
                length = (length << 6 | usize::from(digit & (MORE - 1))) & LONGEST;
                if digit & MORE == 0 {
                    return Some(length);
                }
            }
        })
    }

    /// The attributes that the configuration asked for: name as configured, value.
    pub fn kept(&self) -> impl Iterator<Item = (&str, &str)> {
        self.kept.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Whether the message carries none that conversion reads.
    pub fn is_empty(&self) -> bool {
        self.present == 0 && self.kept.is_empty()
    }

    /// Whether the message carries one of `attributes`.
    pub fn carries(&self, attributes: &[Attribute]) -> bool {
        attributes
            .iter()
            .any(|attribute| self.present & attribute.bit() != 0)
    }

    /// Adds one, as if the message had carried it.
    pub fn set(&mut self, attribute: Attribute, value: &str) {
        let mut values = Values::default();
        self.fill(&mut values);
        values[attribute as usize] = value;
        let present = self.present | attribute.bit();
        self.text = text(present, &values);
        self.present = present;
    }

    /// Applies a later message over this one.
    pub fn merge(&mut self, later: &Self) {
        if later.present != 0 {
            let mut values = Values::default();
            self.fill(&mut values);
            later.fill(&mut values);
            let present = self.present | later.present;
            self.text = text(present, &values);
            self.present = present;
        }
        if later.kept.is_empty() {
            return;
        }
        let mut kept = std::mem::take(&mut self.kept).into_vec();
        for (name, value) in &later.kept {
            match kept.iter_mut().find(|(known, _)| known == name) {
                Some((_, old)) => old.clone_from(value),
                None => kept.push((name.clone(), value.clone())),
            }
        }
        self.kept = kept.into();
    }

    fn fill<'a>(&'a self, values: &mut Values<'a>) {
        let (mut left, mut begin) = (self.present, 0);
        for length in self.lengths().take(self.present.count_ones() as usize) {
            if let Some(value) = values.get_mut(left.trailing_zeros() as usize) {
                *value = self.text.get(begin..begin + length).unwrap_or_default();
            }
            begin += length;
            left &= left - 1;
        }
    }
}

/// The values of `present`, as [`Attributes`] keeps them.
fn text(present: u32, values: &Values<'_>) -> Box<str> {
    let there = || {
        let all = values.iter().enumerate();
        all.filter_map(|(n, value)| (present & 1 << n != 0).then_some(*value))
    };
    let mut text = String::with_capacity(there().map(|value| value.len() + 1).sum());
    there().for_each(|value| text.push_str(value));
    for value in there().rev() {
        let (mut left, mut more) = (value.len(), 0);
        loop {
            text.push(char::from((left & 0x3f) as u8 | more));
            (left, more) = (left >> 6, MORE);
            if left == 0 {
                break;
            }
        }
    }
    text.into()
}

/// As they were written by whatever version.
#[derive(serde::Deserialize)]
struct Written {
    #[serde(rename = "p")]
    present: u32,
    #[serde(rename = "v")]
    text: Option<Box<str>>,
    /// Before format 3 of the state: where each value ends, in [`END`] digits of seven bits, then the values.
    #[serde(rename = "t")]
    ends: Option<Box<str>>,
    #[serde(rename = "k", default)]
    kept: Box<[(Box<str>, Box<str>)]>,
}

const END: usize = 4;

impl From<Written> for Attributes {
    fn from(written: Written) -> Self {
        let present = written.present & (Attribute::ALL.iter().fold(0, |all, one| all | one.bit()));
        let text = written.text.unwrap_or_else(|| {
            let ends = written.ends.unwrap_or_default();
            let (digits, all) = ends
                .split_at_checked(present.count_ones() as usize * END)
                .unwrap_or_default();
            let mut values = Values::default();
            let (mut left, mut begin) = (present, 0);
            for digits in digits.as_bytes().chunks(END) {
                let end = digits.iter().fold(0, |end, digit| end << 7 | usize::from(*digit));
                values[left.trailing_zeros() as usize] = all.get(begin..end).unwrap_or_default();
                begin = end;
                left &= left - 1;
            }
            self::text(present, &values)
        });
        Self {
            present,
            text,
            kept: written.kept,
        }
    }
}

/// Names that the configuration asks for beside [`Attribute`], as it writes them.
#[derive(Clone, Debug, Default)]
pub struct Wanted(Vec<Box<str>>);

impl Wanted {
    /// Every name once, the case of the first.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut wanted: Vec<Box<str>> = Vec::new();
        for name in names {
            if !wanted.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                wanted.push(name.into());
            }
        }
        Self(wanted)
    }

    fn find(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|known| known.eq_ignore_ascii_case(name))
            .map(|known| &**known)
    }
}

/// A map of attributes as it stands in the message, borrowed from it.
pub(super) struct RawAttributes<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl RawAttributes<'_> {
    /// What is known or wanted of it.
    pub(super) fn select(&self, wanted: &Wanted) -> Attributes {
        let mut values = Values::default();
        let (mut present, mut kept) = (0, Vec::new());
        for (name, value) in &self.0 {
            if let Some(attribute) = Attribute::find(name) {
                present |= attribute.bit();
                values[attribute as usize] = value.trim();
            } else if let Some(name) = wanted.find(name) {
                kept.push((name.into(), value.as_ref().into()));
            }
        }
        Attributes {
            present,
            text: text(present, &values),
            kept: kept.into(),
        }
    }
}

impl<'de: 'a, 'a> serde::Deserialize<'de> for RawAttributes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = RawAttributes<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of attributes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::with_capacity(24);
        while let Some((Text(name), Text(value))) = map.next_entry()? {
            pairs.push((name, value));
        }
        Ok(RawAttributes(pairs))
    }
}

/// A JSON value as text, borrowed where it can be: CIC writes strings, exporters sometimes numbers and booleans.
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(value.to_owned())))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(if value { "1" } else { "0" })))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(value.to_string())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(value.to_string())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(value.to_string())))
    }

    fn visit_unit<E>(self) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed("")))
    }
}
