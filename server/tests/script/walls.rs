//! What keeps a worker in, as the system tells it.

use server::script::{Pool, Sandbox};
use test_support::until;

use super::support::{Call, pool, settings};

fn read(id: u32, what: &str) -> String {
    std::fs::read_to_string(format!("/proc/{id}/{what}")).unwrap()
}

async fn worker(pool: &Pool) -> u32 {
    Call::new("function main() {}").value(pool).await;
    pool.waiting_workers()[0]
}

#[tokio::test]
async fn a_worker_has_no_files_no_rights_and_no_environment() {
    let pool = pool();
    let id = worker(&pool).await;
    let status = read(id, "status");
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    assert_eq!(field("Seccomp:"), "2", "the filter of system calls is on");
    assert_eq!(field("NoNewPrivs:"), "1");
    assert_eq!(field("CapEff:"), "0000000000000000");
    if rustix::process::getuid().is_root() {
        assert_eq!(field("Uid:"), "65534\t65534\t65534\t65534");
        assert_eq!(field("Gid:"), "65534\t65534\t65534\t65534");
        assert_eq!(field("Groups:"), "");
    }
    assert_eq!(read(id, "environ"), "TZ=UTC0\0");
    let mut files: Vec<_> =
        std::fs::read_dir(format!("/proc/{id}/fd")).unwrap().map(|file| file.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["0", "1", "2"]);
    let limits = read(id, "limits");
    let none = |name: &str| {
        limits.lines().any(|line| {
            line.starts_with(name) && line.split_whitespace().rev().nth(1) == Some("0")
                || line.starts_with(name) && line.contains(" 0 ")
        })
    };
    for name in ["Max open files", "Max processes", "Max file size", "Max core file size"] {
        assert!(none(name), "{name}\n{limits}");
    }
    assert!(!limits.lines().any(|line| line.starts_with("Max address space") && line.contains("unlimited")));
}

#[tokio::test]
async fn an_idle_worker_is_small() {
    let pool = pool();
    let id = worker(&pool).await;
    let memory = read(id, "smaps_rollup");
    let field = |name: &str| -> u64 {
        let line = memory.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    };
    let own = field("Private_Clean:") + field("Private_Dirty:");
    println!("{own} KiB are the worker's own, {} KiB resident", field("Rss:"));
    // The figure that counts is the release build's; this catches what is out of all proportion.
    assert!(own < 16 << 10, "{memory}");
}

#[tokio::test]
async fn workers_end_when_nobody_holds_their_pipe() {
    let all = {
        let pool = Pool::new(settings()).unwrap();
        pool.prepare();
        until("they stand by", || pool.waiting_workers().len() == settings().spares).await;
        pool.waiting_workers()
    };
    until("they end", || all.iter().all(|id| !is_running(*id))).await;
}

fn is_running(id: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z"))
}
