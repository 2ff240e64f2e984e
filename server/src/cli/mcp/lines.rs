//! Standard input as lines, standard output as lines. Each has a thread of its own, because a read of standard input
//! cannot be interrupted, and neither may hold up the other.

use std::io::{self, BufRead, Write};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use tokio::sync::{mpsc, oneshot};

/// The longest line that is read, in bytes. The server refuses messages of more than 10 MiB, and says so itself.
pub(super) const MAX_LINE: usize = 16 << 20;
/// How long it may take to write what is left at the end.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// Lines that wait in each direction.
const WAITING: usize = 16;

/// A line of standard input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Without its end.
    Whole(Vec<u8>),
    /// More than [`MAX_LINE`] bytes; they were read and forgotten.
    TooLong,
}

/// Starts reading standard input; the channel ends when it does.
///
/// # Errors
/// If the operating system cannot spawn a thread.
pub(super) fn input() -> io::Result<mpsc::Receiver<Line>> {
    let (send, lines) = mpsc::channel(WAITING);
    thread::Builder::new().name("mcp-input".to_owned()).spawn(move || {
        let mut stdin = io::stdin().lock();
        loop {
            match read_line(&mut stdin, MAX_LINE) {
                Ok(Some(line)) => {
                    if send.blocking_send(line).is_err() {
                        return;
                    }
                }
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(%error, "standard input cannot be read");
                    return;
                }
            }
        }
    })?;
    Ok(lines)
}

/// Reads a line that is not blank; none at the end.
pub(super) fn read_line(from: &mut impl BufRead, most: usize) -> io::Result<Option<Line>> {
    loop {
        let (mut line, mut too_long) = (Vec::new(), false);
        let ended = loop {
            let seen = match from.fill_buf() {
                Ok(seen) => seen,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let end = seen.iter().position(|byte| *byte == b'\n');
            let part = &seen[..end.unwrap_or(seen.len())];
            too_long |= line.len() + part.len() > most;
            if too_long {
                line = Vec::new();
            } else {
                line.extend_from_slice(part);
            }
            let (used, empty) = (part.len() + usize::from(end.is_some()), seen.is_empty());
            from.consume(used);
            if end.is_some() || empty {
                break empty;
            }
        };
        if too_long {
            return Ok(Some(Line::TooLong));
        }
        if !line.trim_ascii().is_empty() {
            return Ok(Some(Line::Whole(line)));
        }
        if ended {
            return Ok(None);
        }
    }
}

/// Standard output.
pub(super) struct Output {
    messages: mpsc::Sender<String>,
    written: oneshot::Receiver<()>,
}

/// Starts writing to standard output: each message a line, at once.
///
/// # Errors
/// If the operating system cannot spawn a thread.
pub(super) fn output() -> io::Result<Output> {
    let (messages, mut receive) = mpsc::channel::<String>(WAITING);
    let (done, written) = oneshot::channel();
    thread::Builder::new().name("mcp-output".to_owned()).spawn(move || {
        let mut stdout = io::stdout().lock();
        while let Some(mut message) = receive.blocking_recv() {
            message.push('\n');
            if let Err(error) = stdout.write_all(message.as_bytes()).and_then(|()| stdout.flush()) {
                tracing::debug!(%error, "nobody reads standard output");
                break;
            }
        }
        // Whoever waits for it may be gone.
        let _unheard = done.send(()).is_err();
    })?;
    Ok(Output { messages, written })
}

impl Output {
    /// Returns where messages are put. It is closed when nobody reads them any more.
    pub(super) fn messages(&self) -> mpsc::Sender<String> {
        self.messages.clone()
    }

    /// Waits until everything is written, or nobody has read it for a while. All senders must be gone.
    pub(super) async fn finish(self) {
        drop(self.messages);
        // Errors mean that the thread has ended without a word, or waits for a reader that does not read.
        drop(tokio::time::timeout(LAST_WORDS, self.written).await);
    }
}

/// Waits until nobody can read standard output any more: a client that was killed while it waited for an answer.
pub(super) async fn output_gone() {
    let (tell, gone) = oneshot::channel();
    let watch = move || {
        let stdout = io::stdout();
        // No event is asked for: those that mean the end of the other side are always told.
        let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
        while let Err(rustix::io::Errno::INTR) = poll(&mut watched, None) {}
        let _unheard = tell.send(()).is_err();
    };
    if thread::Builder::new().name("mcp-watch".to_owned()).spawn(watch).is_err() || gone.await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_ends_and_a_limit() {
        let lines = |text: &[u8], most| {
            let mut from = std::io::BufReader::with_capacity(3, text);
            std::iter::from_fn(|| read_line(&mut from, most).unwrap()).collect::<Vec<_>>()
        };
        let whole = |text: &str| Line::Whole(text.into());
        assert_eq!(lines(b"abc\n\n \t\r\ndef\r\nghi", 8), [whole("abc"), whole("def\r"), whole("ghi")]);
        assert_eq!(
            lines(b"12345678\n123456789\n1\n123456789", 8),
            [whole("12345678"), Line::TooLong, whole("1"), Line::TooLong]
        );
        assert!(lines(b"", 8).is_empty() && lines(b"\n\n", 8).is_empty());
        assert_eq!(MAX_LINE, 16 << 20);
    }
}
