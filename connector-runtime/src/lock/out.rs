//! Where const code writes to: one writer that compares, counts, hashes or keeps what it is given, so
//! that the text of a lock is written down once. (A trait would need const traits.)

use super::bytes;

pub(super) struct Out<'a> {
    to: To<'a>,
    /// Bytes that were counted or kept.
    pub(super) length: usize,
}

enum To<'a> {
    /// Nowhere; only the length counts.
    Count,
    /// Compared with these bytes, until the first that differs.
    Compare { rest: &'a [u8], equal: bool },
    /// Hashed (FNV-1a). The hash has 32 bits; in 64 a step of it cannot overflow, so it takes no call.
    Hash { hash: u64 },
    /// Kept, as far as there is room.
    Keep { buffer: &'a mut [u8] },
}

impl<'a> Out<'a> {
    pub(super) const fn count() -> Self {
        Self { to: To::Count, length: 0 }
    }

    pub(super) const fn compare(expected: &'a [u8]) -> Self {
        Self { to: To::Compare { rest: expected, equal: true }, length: 0 }
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
            To::Compare { rest: [], equal } => *equal,
            _ => false,
        }
    }

    /// Returns whether the comparison is over, so that nothing more need be written.
    pub(super) const fn is_done(&self) -> bool {
        matches!(self.to, To::Compare { equal: false, .. })
    }

    pub(super) const fn hashed(&self) -> u32 {
        match self.to {
            #[expect(clippy::cast_possible_truncation, reason = "kept within 32 bits")]
            To::Hash { hash } => hash as u32,
            _ => 0,
        }
    }

    /// Writes bytes. The compiler interprets this for every connector, step by step: a call, such as that of `len`, is
    /// the most expensive step, and a pattern over several bytes takes fewer steps than an index for each.
    pub(super) const fn bytes(&mut self, bytes: &[u8]) {
        match &mut self.to {
            To::Count => self.length += bytes.len(),
            To::Compare { rest, equal } => {
                if !*equal {
                    return;
                }
                let (mut bytes, mut text) = (bytes, *rest);
                while let &[a, b, c, d, ref more @ ..] = bytes {
                    match text {
                        &[e, f, g, h, ref behind @ ..] if a == e && b == f && c == g && d == h => text = behind,
                        _ => *equal = false,
                    }
                    bytes = more;
                }
                while let &[a, ref more @ ..] = bytes {
                    match text {
                        &[b, ref behind @ ..] if a == b => text = behind,
                        _ => *equal = false,
                    }
                    bytes = more;
                }
                *rest = text;
            }
            To::Hash { hash } => {
                let (mut value, mut bytes) = (*hash, bytes);
                while let &[a, b, c, d, ref more @ ..] = bytes {
                    value = ((value ^ a as u64) * FNV_PRIME) & LOW;
                    value = ((value ^ b as u64) * FNV_PRIME) & LOW;
                    value = ((value ^ c as u64) * FNV_PRIME) & LOW;
                    value = ((value ^ d as u64) * FNV_PRIME) & LOW;
                    bytes = more;
                }
                while let &[a, ref more @ ..] = bytes {
                    value = ((value ^ a as u64) * FNV_PRIME) & LOW;
                    bytes = more;
                }
                *hash = value;
            }
            To::Keep { buffer } => {
                let (mut at, length) = (0, self.length);
                while at < bytes.len() && length + at < buffer.len() {
                    buffer[length + at] = bytes[at];
                    at += 1;
                }
                self.length += bytes.len();
            }
        }
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
                        self.hex::<2>(byte as u32);
                    }
                }
                plain = at + 1;
            }
            at += 1;
        }
        self.bytes(bytes::from(text, plain));
        self.str("\"");
    }

    /// Writes the last digits of a number.
    pub(super) const fn hex<const DIGITS: usize>(&mut self, value: u32) {
        let (mut digits, mut at, mut rest) = ([0; DIGITS], DIGITS, value);
        while at > 0 {
            at -= 1;
            digits[at] = b"0123456789abcdef"[(rest & 0xf) as usize];
            rest >>= 4;
        }
        self.bytes(&digits);
    }

    pub(super) const fn decimal(&mut self, value: u64) {
        if value > 9 {
            self.decimal(value / 10);
        }
        self.bytes(&[b'0' + (value % 10) as u8]);
    }

    pub(super) const fn signed(&mut self, value: i64) {
        if value < 0 {
            self.bytes(b"-");
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
        self.hex::<8>((value.to_bits() >> 32) as u32);
        #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
        self.hex::<8>(value.to_bits() as u32);
    }
}

const FNV_PRIME: u64 = 0x0100_0193;
/// The bits of a hash.
const LOW: u64 = 0xffff_ffff;

/// Returns what a function writes.
pub(super) fn text(write: impl Fn(&mut Out<'_>)) -> String {
    let mut count = Out::count();
    write(&mut count);
    let mut buffer = vec![0; count.length];
    write(&mut Out::keep(&mut buffer));
    String::from_utf8_lossy(&buffer).into_owned()
}
