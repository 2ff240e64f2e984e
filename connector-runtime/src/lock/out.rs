//! Where const code writes to: one writer that compares, counts, hashes or keeps what it is given, so
//! that the text of a lock is written down once. (A trait would need const traits.)

use super::bytes;

pub(super) struct Out<'a> {
    to: To<'a>,
    /// Bytes written.
    pub(super) length: usize,
}

enum To<'a> {
    /// Nowhere; only the length counts.
    Count,
    /// Compared with these bytes, until the first that differs.
    Compare { expected: &'a [u8], equal: bool },
    /// Hashed (FNV-1a).
    Hash { hash: u32 },
    /// Kept, as far as there is room.
    Keep { buffer: &'a mut [u8] },
}

impl<'a> Out<'a> {
    pub(super) const fn count() -> Self {
        Self { to: To::Count, length: 0 }
    }

    pub(super) const fn compare(expected: &'a [u8]) -> Self {
        Self { to: To::Compare { expected, equal: true }, length: 0 }
    }

    pub(super) const fn hash() -> Self {
        Self { to: To::Hash { hash: 0x811c_9dc5 }, length: 0 }
    }

    pub(super) const fn keep(buffer: &'a mut [u8]) -> Self {
        Self { to: To::Keep { buffer }, length: 0 }
    }

    /// Returns whether what was compared is the same from end to end.
    pub(super) const fn matched(&self) -> bool {
        match &self.to {
            To::Compare { expected, equal } => *equal && self.length == expected.len(),
            _ => false,
        }
    }

    /// Returns whether nothing more need be written, as the comparison is over.
    pub(super) const fn is_done(&self) -> bool {
        matches!(self.to, To::Compare { equal: false, .. })
    }

    pub(super) const fn hashed(&self) -> u32 {
        match self.to {
            To::Hash { hash } => hash,
            _ => 0,
        }
    }

    pub(super) const fn bytes(&mut self, bytes: &[u8]) {
        let length = self.length;
        let mut at = 0;
        match &mut self.to {
            To::Count => {}
            To::Compare { expected, equal } => {
                if !*equal || expected.len() < length + bytes.len() {
                    *equal = false;
                    return;
                }
                while at < bytes.len() {
                    if expected[length + at] != bytes[at] {
                        *equal = false;
                        return;
                    }
                    at += 1;
                }
            }
            To::Hash { hash } => {
                let mut value = *hash;
                while at < bytes.len() {
                    value = (value ^ bytes[at] as u32).wrapping_mul(0x0100_0193);
                    at += 1;
                }
                *hash = value;
            }
            To::Keep { buffer } => {
                while at < bytes.len() && length + at < buffer.len() {
                    buffer[length + at] = bytes[at];
                    at += 1;
                }
            }
        }
        self.length += bytes.len();
    }

    pub(super) const fn str(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Writes a JSON string.
    pub(super) const fn quoted(&mut self, text: &str) {
        let text = text.as_bytes();
        self.str("\"");
        let (mut plain, mut at) = (0, 0);
        while at < text.len() {
            let byte = text[at];
            if byte < 0x20 || byte == b'"' || byte == b'\\' {
                self.bytes(bytes::slice(text, plain, at));
                match byte {
                    b'"' => self.str("\\\""),
                    b'\\' => self.str("\\\\"),
                    b'\n' => self.str("\\n"),
                    _ => {
                        self.str("\\u00");
                        self.hex(byte as u32, 2);
                    }
                }
                plain = at + 1;
            }
            at += 1;
        }
        self.bytes(bytes::from(text, plain));
        self.str("\"");
    }

    pub(super) const fn hex(&mut self, value: u32, digits: u32) {
        let mut left = digits;
        while left > 0 {
            left -= 1;
            let digit = (value >> (4 * left)) & 0xf;
            self.bytes(&[b"0123456789abcdef"[digit as usize]]);
        }
    }

    pub(super) const fn decimal(&mut self, value: u64) {
        let mut digits = [0; 20];
        let (mut at, mut rest) = (20, value);
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.bytes(bytes::from(&digits, at));
    }

    pub(super) const fn signed(&mut self, value: i64) {
        if value < 0 {
            self.str("-");
        }
        self.decimal(value.unsigned_abs());
    }

    /// Writes a number so that reading it gives the same one: as a decimal fraction where a short one
    /// does, else by its bits.
    pub(super) const fn float(&mut self, value: f64) {
        let (mut scaled, mut places) = (value.abs(), 0);
        let mut power = 1.0;
        const EXACT: f64 = 9_007_199_254_740_992.0;
        while places < 15 && scaled < EXACT {
            scaled = value.abs() * power;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 2^53, and compared")]
            let whole = scaled as u64;
            #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
            let back = whole as f64 / power;
            if scaled < EXACT && back == value.abs() {
                if value < 0.0 {
                    self.str("-");
                }
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a power of ten below 10^15"
                )]
                let power = power as u64;
                self.decimal(whole / power);
                self.str(".");
                if places == 0 {
                    return self.str("0");
                }
                let mut digit = power / 10;
                while digit > 0 {
                    self.bytes(&[b'0' + (whole / digit % 10) as u8]);
                    digit /= 10;
                }
                return;
            }
            places += 1;
            power *= 10.0;
        }
        self.str("bits:");
        self.hex((value.to_bits() >> 32) as u32, 8);
        #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
        self.hex(value.to_bits() as u32, 8);
    }
}

/// Returns what a function writes.
pub(super) fn text(write: impl Fn(&mut Out<'_>)) -> String {
    let mut count = Out::count();
    write(&mut count);
    let mut buffer = vec![0; count.length];
    write(&mut Out::keep(&mut buffer));
    String::from_utf8_lossy(&buffer).into_owned()
}
