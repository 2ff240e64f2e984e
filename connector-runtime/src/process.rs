//! What is done about the process itself, so that its secrets stay in it: variables with secrets are wiped after they were
//! read, other processes cannot read its memory, and it leaves no core dump.
//!
//! Removing a variable is not enough, and not possible without `unsafe`: the system keeps the text that a process was
//! started with, and shows it in `/proc/<pid>/environ` and to every child. So its bytes are overwritten where they are,
//! through `/proc/self/mem`. This is done once, before the process has other threads.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;

use parking_lot::Mutex;
use rustix::process::{Resource, Rlimit, setrlimit};
use zeroize::Zeroizing;

use crate::Secret;

/// The most bytes of environment that are searched; Linux lets a process have 6 MiB at most.
const MAX_ENVIRONMENT: u64 = 8 << 20;

/// The variables that were read as secrets and are not wiped yet.
static READ: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Reads a secret from a variable, which [`seal`] wipes later; an empty one counts as not set.
pub fn secret_variable(name: &str) -> Option<Secret> {
    note_secret_variable(name);
    variable(name).map(Secret::from)
}

/// Reads a variable; an empty one counts as not set.
#[expect(clippy::disallowed_methods, reason = "the one place of this crate that reads the environment")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Notes a variable that holds a secret and was read elsewhere, for [`seal`].
pub fn note_secret_variable(name: &str) {
    READ.lock().push(name.to_owned());
}

/// Wipes the variables that were read as secrets, makes the memory of the process unreadable to other processes of its
/// user, and forbids core dumps. Returns what could not be done, each as a sentence for the log.
///
/// Call it after all settings were read, and before other threads start.
pub fn seal() -> Vec<String> {
    let mut failed = Vec::new();
    let names = std::mem::take(&mut *READ.lock());
    if let Err(error) = wipe(&names) {
        failed.push(format!(
            "secrets in variables ({}) stay readable in /proc/<pid>/environ: {error}; give them in files instead",
            names.join(", ")
        ));
    }
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        failed.push(format!("core dumps, which contain secrets, cannot be forbidden: {error}"));
    }
    // Last, because the process itself can no longer open its memory then.
    if let Err(error) = close_memory() {
        failed.push(format!("other processes of this user can read this one's memory: {error}"));
    }
    failed
}

#[cfg(target_os = "linux")]
fn close_memory() -> io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Other systems have no such switch.
#[cfg(not(target_os = "linux"))]
fn close_memory() -> io::Result<()> {
    Ok(())
}

/// Overwrites the values of variables in the text that the process was started with.
fn wipe(names: &[String]) -> io::Result<()> {
    if !names.iter().any(|name| variable(name).is_some()) {
        return Ok(());
    }
    let (start, length) = environment_place()?;
    let mut text = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 1));
    File::open("/proc/self/environ")?.take(length).read_to_end(&mut text)?;
    let memory = OpenOptions::new().write(true).open("/proc/self/mem")?;
    for (offset, value) in values(&text, names) {
        memory.write_all_at(&vec![0; value], start + offset)?;
    }
    match names.iter().find(|name| variable(name).is_some()) {
        Some(left) => Err(io::Error::other(format!("{left} is still there"))),
        None => Ok(()),
    }
}

/// Returns where the values of variables are in an environment: offset and length of each.
fn values(environment: &[u8], names: &[String]) -> Vec<(u64, usize)> {
    let mut found = Vec::new();
    let mut offset = 0;
    for entry in environment.split(|byte| *byte == 0) {
        if let Some(at) = entry.iter().position(|byte| *byte == b'=')
            && names.iter().any(|name| name.as_bytes() == &entry[..at])
        {
            found.push((u64::try_from(offset + at + 1).unwrap_or_default(), entry.len() - at - 1));
        }
        offset += entry.len() + 1;
    }
    found
}

/// Returns where in memory the system has put the environment, and how long it is.
fn environment_place() -> io::Result<(u64, u64)> {
    let unknown = || io::Error::other("/proc/self/stat does not say where the environment is");
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The name of the program, in brackets, may contain anything. After it comes field 3.
    let (_, fields) = stat.rsplit_once(')').ok_or_else(unknown)?;
    let mut fields = fields.split_ascii_whitespace();
    // proc(5): fields 50 and 51 are env_start and env_end.
    let start: u64 = fields.nth(47).and_then(|field| field.parse().ok()).ok_or_else(unknown)?;
    let end: u64 = fields.next().and_then(|field| field.parse().ok()).ok_or_else(unknown)?;
    let length = end.checked_sub(start).filter(|length| (1..=MAX_ENVIRONMENT).contains(length));
    Ok((start, length.ok_or_else(unknown)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_whole_names() {
        let environment = b"A=one\0SECRET=two\0XSECRET=three\0SECRET_2=four\0=odd\0none\0SECRET=again\0EMPTY=\0";
        let names = ["SECRET".to_owned(), "EMPTY".to_owned()];
        let found = values(environment, &names);
        let text = |(offset, length): &(u64, usize)| {
            let offset = usize::try_from(*offset).unwrap();
            String::from_utf8_lossy(&environment[offset..offset + length]).into_owned()
        };
        assert_eq!(found.iter().map(text).collect::<Vec<_>>(), ["two", "again", ""]);
    }

    #[test]
    fn a_sealed_process_leaves_no_dump_and_shows_nothing() {
        use rustix::process::{DumpableBehavior, dumpable_behavior, getrlimit};
        assert_eq!(seal(), Vec::<String>::new());
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        let cores = getrlimit(Resource::Core);
        assert_eq!((cores.current, cores.maximum), (Some(0), Some(0)));
    }

    #[test]
    fn the_place_of_the_environment_is_found() {
        let (_, length) = environment_place().unwrap();
        assert_eq!(std::fs::read("/proc/self/environ").unwrap().len() as u64, length);
    }
}
