//! Ids are functions of the input: the same record makes the same id on every machine and after every crash.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::{Array, Role, lower};

/// A UUID of version 4 form, made by [`Ids`]: SHA-256 over fields joined by U+001F, the first 16 bytes, with the
/// version and variant bits set.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id(pub [u8; 16]);

impl Id {
    /// The id over `fields`.
    pub fn over<T: AsRef<[u8]>>(fields: &[T]) -> Self {
        // Nearly all fit in here, and one update costs less than many.
        let mut joined = [0; 256];
        let length: usize = fields.iter().map(|field| field.as_ref().len() + 1).sum();
        let digest = if length <= joined.len() {
            let mut end = 0;
            for field in fields.iter().map(AsRef::as_ref) {
                joined[end..end + field.len()].copy_from_slice(field);
                joined[end + field.len()] = 0x1f;
                end += field.len() + 1;
            }
            Sha256::digest(&joined[..end.saturating_sub(1)])
        } else {
            let mut hash = Sha256::new();
            for (n, field) in fields.iter().enumerate() {
                if n > 0 {
                    hash.update([0x1f]);
                }
                hash.update(field);
            }
            hash.finalize()
        };
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }

    /// The 36 characters of the hyphenated form.
    pub fn text(&self) -> [u8; 36] {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'-'; 36];
        let mut at = 0;
        for (n, byte) in self.0.iter().enumerate() {
            if matches!(n, 4 | 6 | 8 | 10) {
                at += 1;
            }
            text[at] = HEX[usize::from(byte >> 4)];
            text[at + 1] = HEX[usize::from(byte & 15)];
            at += 2;
        }
        text
    }

    /// Reads the hyphenated form, any version.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        let mut nibbles = 0;
        for (at, char) in text.bytes().enumerate() {
            if matches!(at, 8 | 13 | 18 | 23) {
                if char != b'-' {
                    return None;
                }
                continue;
            }
            let digit = char::from(char).to_digit(16)? as u8;
            *bytes.get_mut(nibbles / 2)? |= digit << (4 * (1 - nibbles % 2));
            nibbles += 1;
        }
        (nibbles == 32).then_some(Self(bytes))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// It is a hash already.
impl std::hash::Hash for Id {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let [a, b, c, d, e, f, _, g, ..] = self.0;
        state.write_u64(u64::from_le_bytes([a, b, c, d, e, f, g, self.0[15]]));
    }
}

/// Text for people, bytes in what machines keep.
impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_bytes(&self.0);
        }
        serializer.serialize_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return deserializer.deserialize_bytes(Bytes);
        }
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no UUID"))
    }
}

struct Bytes;

impl serde::de::Visitor<'_> for Bytes {
    type Value = Id;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("16 bytes")
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Id, E> {
        let bytes = bytes
            .try_into()
            .map_err(|_| E::invalid_length(bytes.len(), &self))?;
        Ok(Id(bytes))
    }
}

/// Makes the ids of the Identity table for one `sourceId`.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Ids {
    source_id: Arc<str>,
}

impl Ids {
    /// For an explicit `[genesys] source_id`.
    pub fn new(source_id: impl Into<Arc<str>>) -> Self {
        Self {
            source_id: source_id.into(),
        }
    }

    /// The sourceId that stands for a CIC `source` where none is configured.
    pub fn source(source: &str) -> String {
        Id::over(&["sourceId", source]).to_string()
    }

    /// The sourceId these ids are made for.
    pub fn source_id(&self) -> &str {
        &self.source_id
    }

    /// A conversation: its key and which of its lives.
    pub fn conversation(&self, site: &str, key: &str, life: &str) -> Id {
        Id::over(&["conversation", &self.source_id, site, key, life])
    }

    /// The `n`-th party of `role` in a conversation, from 1; the same for every `sourceId`.
    pub fn communication(conversation: Id, role: Role, n: u32) -> Id {
        Id::over(&[
            b"communication".as_slice(),
            &conversation.text(),
            role.as_str().as_bytes(),
            number(n, &mut [0; 10]),
        ])
    }

    /// The `n`-th transfer of a conversation, from 1.
    pub fn command(&self, conversation: Id, n: u32) -> Id {
        Id::over(&[
            b"command".as_slice(),
            &conversation.text(),
            number(n, &mut [0; 10]),
        ])
    }

    /// The `n`-th event of `array` about a communication or command, from 1.
    pub fn event(&self, conversation: Id, array: Array, about: Id, n: u32) -> Id {
        Id::over(&[
            b"event".as_slice(),
            &conversation.text(),
            array.as_str().as_bytes(),
            &about.text(),
            number(n, &mut [0; 10]),
        ])
    }

    /// The `n`-th event of `array` about a user from the record `record`, from 1.
    pub fn user_event(&self, site: &str, user: &str, array: &str, record: &str, n: u32) -> Id {
        Id::over(&[
            b"event".as_slice(),
            self.source_id.as_bytes(),
            site.as_bytes(),
            lower(user).as_bytes(),
            array.as_bytes(),
            record.as_bytes(),
            number(n, &mut [0; 10]),
        ])
    }

    /// What orders the events of a user of a site.
    pub fn user(&self, site: &str, user: &str) -> Id {
        Id::over(&["user", &self.source_id, site, &*lower(user)])
    }
}

/// A number in decimal.
fn number(mut n: u32, digits: &mut [u8; 10]) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            return &digits[at..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_version_4_uuid_and_reads_back() {
        let id = Id::over(&["conversation", "a", "b"]);
        let text = id.to_string();
        assert_eq!(text.len(), 36);
        assert_eq!(&text[14..15], "4");
        assert!(matches!(&text[19..20], "8" | "9" | "a" | "b"));
        assert_eq!(Id::parse(&text), Some(id));
        assert_eq!(Id::parse("6a3af858-942f-489d-9700-5f9bcdcdae9"), None);
        assert_eq!(Id::parse("6a3af858x942f-489d-9700-5f9bcdcdae9b"), None);
    }

    /// Short or long, ids are over the same bytes.
    #[test]
    fn an_id_over_much_text_is_made_alike() {
        for length in 240..=260 {
            let (text, joined) = ("x".repeat(length), format!("a\u{1f}{}", "x".repeat(length)));
            assert_eq!(Id::over(&["a", &text]), Id::over(&[&joined]), "{length}");
        }
        let id = Id::over(&["a"]);
        let ids = Ids::new("s");
        let by_hand = Id::over(&["command", &id.to_string(), "4294967295"]);
        assert_eq!(ids.command(id, u32::MAX), by_hand);
        assert_eq!(ids.command(id, 0), Id::over(&["command", &id.to_string(), "0"]));
    }

    #[test]
    fn fields_are_kept_apart() {
        assert_ne!(Id::over(&["ab", "c"]), Id::over(&["a", "bc"]));
    }

    /// The first bytes of SHA-256("a\x1fb"), reckoned by another implementation.
    #[test]
    fn the_hash_is_sha_256_over_fields_joined_by_a_unit_separator() {
        let id = Id::over(&["a", "b"]).to_string();
        assert_eq!(id, "f04cdced-9736-469d-a610-3f08a4daaf8c");
    }
}
