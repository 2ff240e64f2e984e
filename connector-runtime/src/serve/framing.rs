//! Checks how HTTP/1 requests are framed, before the HTTP engine reads them.
//!
//! The engine is lenient where proxies differ: it accepts a bare line feed as the end of a line, a list of transfer
//! codings that ends in `chunked`, a length beside `chunked`, and no `Host`. A proxy that reads such a request in
//! another way forwards as one request what is two here. Therefore each byte passes through here once. The first one
//! that breaks a rule is replaced by [`REFUSED`], which the engine refuses: with 400 in a head, and with an error in a
//! body; and nothing after it is read.
//!
//! The rules (RFC 9112): a line ends with CR LF, and CR stands nowhere else; no line continues another; HTTP/1.1 has
//! exactly one `Host`, HTTP/1.0 at most one, which is one host; `Transfer-Encoding` is `chunked`, once, only in HTTP/1.1, and without
//! `Content-Length`; `Content-Length` is one number; a chunk's size is hexadecimal digits.

#[cfg(test)]
mod tests;

/// What the engine reads in place of a byte that breaks a rule: NUL is allowed nowhere, and the engine looks at a head
/// only when its end has come.
pub(super) const REFUSED: &[u8] = b"\0\r\n\r\n";
/// The begin of every HTTP/2 connection, which has another framing.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Bytes that turn one host into two, or into something else. The engine refuses control characters.
const NOT_IN_HOST: &[u8] = b" \t,/\\@?#";
/// How an answer begins that switches to another protocol.
const SWITCHES: &[u8] = b"HTTP/1.1 101 ";
/// The most bytes of a line that are kept to be read. No line of the rules needs more.
const MAX_KEPT: usize = 256;
/// The most hexadecimal digits of a chunk's size.
const MAX_SIZE_DIGITS: usize = 15;

/// Reads the bytes of a connection as its client sends them.
#[derive(Debug)]
pub(super) struct Framing {
    place: Place,
    /// The current line without its end, up to [`MAX_KEPT`].
    line: Vec<u8>,
    /// Whether the line is longer than what is kept of it.
    is_cut: bool,
    /// The last eight bytes of the line, which name the version in a request line.
    last: u64,
    /// Whether the byte before was CR.
    after_cr: bool,
    /// How many bytes of [`HTTP2_PREFACE`] have come; `None` once the connection is known to be HTTP/1 or HTTP/2.
    preface: Option<usize>,
    head: Head,
}

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    RequestLine,
    HeaderLine,
    ChunkSize,
    /// The line end after the bytes of a chunk.
    ChunkEnd,
    TrailerLine,
    /// So many bytes of a body or a chunk.
    Data {
        left: u64,
        is_chunk: bool,
    },
    /// The connection speaks another protocol now: nothing is checked.
    Other,
    /// A rule was broken; the engine ends the connection.
    Broken,
}

/// What the head of the current request says.
#[derive(Debug, Default)]
struct Head {
    is_1_1: bool,
    hosts: u32,
    length: Option<u64>,
    is_chunked: bool,
    /// Whether it asks for another protocol.
    upgrades: bool,
}

/// A rule was broken.
#[derive(Debug, PartialEq, Eq)]
struct Refused;

impl Framing {
    pub(super) fn new() -> Self {
        Self {
            place: Place::RequestLine,
            line: Vec::new(),
            is_cut: false,
            last: 0,
            after_cr: false,
            preface: Some(0),
            head: Head::default(),
        }
    }

    /// Returns whether enough has come to tell HTTP/1 from HTTP/2.
    pub(super) fn knows_version(&self) -> bool {
        self.preface.is_none()
    }

    /// Notes what the server sends. If it begins to answer a request for another protocol with that protocol, nothing is
    /// checked from now on. Only the begin of the answer counts: what a body holds may have come from anybody.
    pub(super) fn answer(&mut self, sent: &[u8]) {
        if std::mem::take(&mut self.head.upgrades) && sent.starts_with(SWITCHES) {
            self.place = Place::Other;
        }
    }

    /// Reads bytes that have come. Returns how many of them may be used: fewer than there are if the next one breaks a
    /// rule.
    pub(super) fn read(&mut self, bytes: &[u8]) -> usize {
        self.read_preface(bytes);
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match self.place {
                Place::Other => return bytes.len(),
                Place::Broken => return at,
                Place::Data { left, is_chunk } => {
                    let here = u64::try_from(bytes.len() - at).unwrap_or(u64::MAX).min(left);
                    at += usize::try_from(here).unwrap_or(usize::MAX);
                    self.place = match left - here {
                        0 if is_chunk => Place::ChunkEnd,
                        0 => Place::RequestLine,
                        left => Place::Data { left, is_chunk },
                    };
                }
                _ => {
                    if self.read_byte(byte).is_err() {
                        self.place = Place::Broken;
                        return at;
                    }
                    at += 1;
                }
            }
        }
        bytes.len()
    }

    fn read_preface(&mut self, bytes: &[u8]) {
        let Some(at) = self.preface else { return };
        let wanted = &HTTP2_PREFACE[at..];
        let count = wanted.len().min(bytes.len());
        if bytes[..count] != wanted[..count] {
            self.preface = None;
        } else if count == wanted.len() {
            self.preface = None;
            self.place = Place::Other;
        } else {
            self.preface = Some(at + count);
        }
    }

    /// Reads a byte of a line.
    fn read_byte(&mut self, byte: u8) -> Result<(), Refused> {
        match (byte, self.after_cr) {
            (b'\n', true) => {
                self.after_cr = false;
                self.place = self.end_line()?;
                self.line.clear();
                (self.is_cut, self.last) = (false, 0);
            }
            (b'\n', false) | (_, true) => return Err(Refused),
            (b'\r', false) => self.after_cr = true,
            (byte, false) => {
                self.last = self.last << 8 | u64::from(byte);
                if self.line.len() < MAX_KEPT {
                    self.line.push(byte);
                } else {
                    self.is_cut = true;
                }
            }
        }
        Ok(())
    }

    /// Reads the line that has ended.
    fn end_line(&mut self) -> Result<Place, Refused> {
        let is_empty = self.line.is_empty();
        match self.place {
            // Empty lines before a request are allowed (RFC 9112 section 2.2).
            Place::RequestLine if is_empty => Ok(Place::RequestLine),
            Place::RequestLine => {
                self.head = Head { is_1_1: self.last == u64::from_be_bytes(*b"HTTP/1.1"), ..Head::default() };
                Ok(Place::HeaderLine)
            }
            Place::HeaderLine if is_empty => self.end_head(),
            Place::HeaderLine => self.header().map(|()| Place::HeaderLine),
            Place::ChunkSize => match self.chunk_size()? {
                0 => Ok(Place::TrailerLine),
                left => Ok(Place::Data { left, is_chunk: true }),
            },
            Place::ChunkEnd if is_empty => Ok(Place::ChunkSize),
            Place::TrailerLine if is_empty => Ok(Place::RequestLine),
            Place::TrailerLine if !self.continues_another() => Ok(Place::TrailerLine),
            _ => Err(Refused),
        }
    }

    fn continues_another(&self) -> bool {
        matches!(self.line.first(), Some(b' ' | b'\t'))
    }

    fn header(&mut self) -> Result<(), Refused> {
        if self.continues_another() {
            return Err(Refused);
        }
        let colon = self.line.iter().position(|&byte| byte == b':');
        // A line without a colon is the engine's to refuse.
        let Some((name, value)) = colon.map(|colon| (&self.line[..colon], self.line[colon + 1..].trim_ascii())) else {
            return Ok(());
        };
        let head = &mut self.head;
        if name.eq_ignore_ascii_case(b"host") {
            head.hosts += 1;
            if head.hosts > 1 || value.iter().any(|byte| NOT_IN_HOST.contains(byte)) {
                return Err(Refused);
            }
        } else if name.eq_ignore_ascii_case(b"content-length") {
            let is_number = !self.is_cut && !value.is_empty() && value.iter().all(u8::is_ascii_digit);
            let length = std::str::from_utf8(value).ok().filter(|_| is_number).and_then(|text| text.parse().ok());
            if length.is_none() || head.length.is_some() {
                return Err(Refused);
            }
            head.length = length;
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if self.is_cut || !head.is_1_1 || head.is_chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Refused);
            }
            head.is_chunked = true;
        } else if name.eq_ignore_ascii_case(b"upgrade") {
            head.upgrades = true;
        }
        Ok(())
    }

    fn end_head(&mut self) -> Result<Place, Refused> {
        let Head { is_1_1, hosts, length, is_chunked, .. } = self.head;
        if is_1_1 && hosts != 1 {
            return Err(Refused);
        }
        match (length, is_chunked) {
            (Some(_), true) => Err(Refused),
            (None, true) => Ok(Place::ChunkSize),
            (None | Some(0), false) => Ok(Place::RequestLine),
            (Some(left), false) => Ok(Place::Data { left, is_chunk: false }),
        }
    }

    /// Reads the size of a chunk. An extension after `;` is passed over.
    fn chunk_size(&self) -> Result<u64, Refused> {
        let digits = self.line.split(|&byte| byte == b';').next().unwrap_or_default();
        if digits.is_empty() || digits.len() > MAX_SIZE_DIGITS || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(Refused);
        }
        let digits = std::str::from_utf8(digits).map_err(|_| Refused)?;
        u64::from_str_radix(digits, 16).map_err(|_| Refused)
    }
}
