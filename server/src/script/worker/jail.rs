//! The confinement of a worker, which it sets up itself before it reads a byte of any script.
//!
//! The order matters. The user is changed first, because that clears the signal of the parent's death; the rule set of
//! landlock needs a file, so files are forbidden after it; the filter of system calls comes last, because it kills a
//! process that still does any of this. Without landlock and seccomp the limit of no open files remains: nothing can be
//! opened, and no socket be created.

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::script::message::Confinement;

/// The user and group of nobody.
const NOBODY: u32 = 65_534;
/// Sets up the confinement, as much of it as the system supports.
///
/// `room` are the bytes of address space beyond what the program has at its start.
pub(super) fn confine(room: u64) -> Confinement {
    let size = address_space();
    close_files();
    let user = drop_user();
    die_with_parent();
    close_memory();
    let files = forbid_files();
    limit(size.map(|size| size + room));
    let calls = forbid_calls();
    Confinement { calls, files, user }
}

/// Closes file descriptors that the server may have left open, except the three standard ones.
fn close_files() {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return };
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    for number in numbers.filter(|number| *number > 2).collect::<Vec<_>>() {
        // The descriptor of the folder itself was among them, and is closed already.
        nix::unistd::close(number).ok();
    }
}

/// Gives up root's rights. Some containers have no other user; the rest of the confinement holds there too.
fn drop_user() -> bool {
    use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
    if !Uid::effective().is_root() {
        return false;
    }
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    setgroups(&[]).and_then(|()| setresgid(group, group, group)).and_then(|()| setresuid(user, user, user)).is_ok()
}

#[cfg(target_os = "linux")]
fn die_with_parent() {
    use rustix::process::{Signal, set_parent_process_death_signal};
    // A parent that died before this is noticed at the pipe's end.
    set_parent_process_death_signal(Some(Signal::KILL)).ok();
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent() {}

/// Other processes of the same user cannot read the memory, which holds the secrets of the script that runs.
#[cfg(target_os = "linux")]
fn close_memory() {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    set_dumpable_behavior(DumpableBehavior::NotDumpable).ok();
}

#[cfg(not(target_os = "linux"))]
fn close_memory() {}

/// Files cannot be opened, processes not started, core dumps not written, and memory has a limit.
fn limit(size: Option<u64>) {
    let most = |resource, value| {
        setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) }).ok();
    };
    if let Some(size) = size {
        most(Resource::As, size);
    }
    most(Resource::Core, 0);
    most(Resource::Fsize, 0);
    most(Resource::Nproc, 0);
    most(Resource::Nofile, 0);
}

/// Returns the bytes of address space that the program has now. Once confined, it can no longer ask.
fn address_space() -> Option<u64> {
    let sizes = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = sizes.split(' ').next()?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

#[cfg(target_os = "linux")]
fn forbid_files() -> bool {
    use landlock::{ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetStatus, Scope};
    // The newest known version; what the kernel does not support is left out.
    const NEWEST: ABI = ABI::V6;
    let ruled = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(NEWEST)))
        .and_then(|rules| rules.scope(Scope::from_all(NEWEST)))
        .and_then(Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self);
    ruled.is_ok_and(|status| status.ruleset != RulesetStatus::NotEnforced)
}

#[cfg(not(target_os = "linux"))]
fn forbid_files() -> bool {
    false
}

#[cfg(target_os = "linux")]
fn forbid_calls() -> bool {
    filter().is_some_and(|filter| seccompiler::apply_filter(&filter).is_ok())
}

#[cfg(not(target_os = "linux"))]
fn forbid_calls() -> bool {
    false
}

/// The system calls that running scripts was seen to need, and what an abort needs. Any other one kills.
#[cfg(target_os = "linux")]
fn filter() -> Option<seccompiler::BpfProgram> {
    use seccompiler::SeccompCmpArgLen::{Dword, Qword};
    use seccompiler::SeccompCmpOp::{Eq, MaskedEq};
    use seccompiler::{SeccompAction, SeccompCondition, SeccompFilter, SeccompRule};

    let when = |argument, length, operator, value| {
        let condition = SeccompCondition::new(argument, length, operator, value).ok()?;
        SeccompRule::new(vec![condition]).ok()
    };
    let pipe = || Some(vec![when(0, Dword, Eq, 0)?]);
    // Memory that is never code.
    let executable = u64::try_from(libc::PROT_EXEC).ok()?;
    let no_code = || Some(vec![when(2, Qword, MaskedEq(executable), 0)?]);
    let time_limit = vec![
        SeccompRule::new(vec![
            SeccompCondition::new(0, Dword, Eq, 0).ok()?,
            SeccompCondition::new(1, Dword, Eq, libc::RLIMIT_CPU.into()).ok()?,
        ])
        .ok()?,
    ];
    // Only to itself: other workers and, without root, the server run as the same user.
    let myself = vec![when(0, Dword, Eq, std::process::id().into())?];
    // The allocator names its memory.
    let naming = vec![when(0, Dword, Eq, u64::try_from(libc::PR_SET_VMA).ok()?)?];
    let rules = [
        (libc::SYS_read, pipe()?),
        (libc::SYS_write, pipe()?),
        (libc::SYS_brk, vec![]),
        (libc::SYS_mmap, no_code()?),
        (libc::SYS_mprotect, no_code()?),
        (libc::SYS_munmap, vec![]),
        (libc::SYS_mremap, vec![]),
        (libc::SYS_madvise, vec![]),
        (libc::SYS_prctl, naming),
        (libc::SYS_prlimit64, time_limit),
        (libc::SYS_clock_gettime, vec![]),
        (libc::SYS_gettimeofday, vec![]),
        (libc::SYS_getrandom, vec![]),
        (libc::SYS_futex, vec![]),
        (libc::SYS_restart_syscall, vec![]),
        (libc::SYS_sigaltstack, vec![]),
        (libc::SYS_rt_sigaction, vec![]),
        (libc::SYS_rt_sigprocmask, vec![]),
        (libc::SYS_rt_sigreturn, vec![]),
        (libc::SYS_getpid, vec![]),
        (libc::SYS_gettid, vec![]),
        (libc::SYS_tgkill, myself),
        (libc::SYS_exit, vec![]),
        (libc::SYS_exit_group, vec![]),
    ];
    let architecture = std::env::consts::ARCH.try_into().ok()?;
    let filter =
        SeccompFilter::new(rules.into_iter().collect(), SeccompAction::KillProcess, SeccompAction::Allow, architecture);
    filter.ok()?.try_into().ok()
}
