//! The little of HTTP/1.1 that a client and a server of tests need: heads, headers, lines.

use std::io;

use tokio::io::AsyncReadExt;

/// Returns the first value of a header in a head. The name's case does not matter.
pub(crate) fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    headers(head).find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Returns the headers of a head in their order.
pub(crate) fn headers(head: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    lines.map(|(name, value)| (name.trim(), value.trim()))
}

/// Reads up to the empty line, with it.
pub(crate) async fn read_head(read: &mut (impl AsyncReadExt + Unpin)) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(read.read_u8().await?);
    }
    String::from_utf8(head).map_err(io::Error::other)
}

/// Reads a line, without its end.
pub(crate) async fn read_line(read: &mut (impl AsyncReadExt + Unpin)) -> io::Result<String> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.push(read.read_u8().await?);
    }
    line.truncate(line.len() - 2);
    String::from_utf8(line).map_err(io::Error::other)
}
