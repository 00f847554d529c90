//! JSON by hand, into bytes: what a generator of hundreds of thousands of records a second can afford.
//!
//! Texts are the simulation's own and need no escaping, but for [`Json::text`], which escapes.

/// Writes JSON.
pub(super) trait Json {
    /// As it is.
    fn raw(&mut self, text: &str);
    /// A string, escaped.
    fn text(&mut self, text: &str);
    /// `"name":"value",`, the value as it is.
    fn pair(&mut self, name: &str, value: &str);
    /// `"name":true,` or `"name":false,`.
    fn flag(&mut self, name: &str, value: bool);
    /// A number.
    fn number(&mut self, value: u64);
    /// Two digits.
    fn two(&mut self, value: u8);
    /// Ends an object or list: takes back the comma after its last item.
    fn close(&mut self, with: &str);
}

impl Json for Vec<u8> {
    fn raw(&mut self, text: &str) {
        self.extend_from_slice(text.as_bytes());
    }

    fn text(&mut self, text: &str) {
        self.push(b'"');
        for byte in text.bytes() {
            match byte {
                b'"' | b'\\' => self.extend_from_slice(&[b'\\', byte]),
                b'\n' => self.raw("\\n"),
                _ => self.push(byte),
            }
        }
        self.push(b'"');
    }

    fn pair(&mut self, name: &str, value: &str) {
        self.push(b'"');
        self.raw(name);
        self.raw("\":\"");
        self.raw(value);
        self.raw("\",");
    }

    fn flag(&mut self, name: &str, value: bool) {
        self.push(b'"');
        self.raw(name);
        self.raw(if value { "\":true," } else { "\":false," });
    }

    fn number(&mut self, value: u64) {
        let mut digits = [0; 20];
        let mut at = digits.len();
        let mut rest = value;
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.extend_from_slice(&digits[at..]);
    }

    fn two(&mut self, value: u8) {
        self.extend_from_slice(&[b'0' + value / 10, b'0' + value % 10]);
    }

    fn close(&mut self, with: &str) {
        if self.last() == Some(&b',') {
            self.pop();
        }
        self.raw(with);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let mut out = Vec::new();
        out.raw("{");
        out.pair("a", "b");
        out.flag("c", true);
        out.raw("\"d\":");
        out.number(1_020);
        out.raw(",\"e\":");
        out.text("q\"\\\n");
        out.raw(",");
        out.close("}");
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(
            value,
            serde_json::json!({"a": "b", "c": true, "d": 1020, "e": "q\"\\\n"})
        );
    }
}
