//! `floh agent check`: what it prints, and its exit code.

use test_support::agent::token;
use test_support::{Exit, Gate, Reply, Site, Upstream};
use tokio::net::TcpSocket;

use crate::fixture::{AGENT, crm, forwards, listed, service};

/// Returns the line of a check.
fn line<'e>(exit: &'e Exit, verdict: &str, check: &str) -> &'e str {
    let found = exit.stdout.lines().find(|line| {
        let rest = line.strip_prefix(verdict).map(str::trim_start);
        rest.is_some_and(|rest| rest.starts_with(&format!("{check}  ")))
    });
    found.unwrap_or_else(|| panic!("no line `{verdict} {check}` in {exit:?}"))
}

#[tokio::test]
async fn a_check_tells_what_is_well() {
    let service = service(&Gate::shut()).await;
    let (floh, site) = crm(&service).await;
    let exit = site.check().await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
    for (check, words) in [
        ("server", "it answers"),
        ("token", "the agent was registered"),
        ("crm: allowed", "allow list"),
        ("crm: reachable", "takes connections"),
        ("crm: health", "it is well"),
    ] {
        assert!(line(&exit, "ok", check).contains(words), "{exit:?}");
    }
    assert_eq!(listed(&floh).await["state"], "lost", "it serves nothing");

    // Beside a running agent of the same folder, which is not disturbed.
    let agent = site.start().await;
    let exit = site.check().await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
    assert!(line(&exit, "warning", "server").contains("an agent is running here"), "{exit:?}");
    assert_eq!((agent.registrations(), &listed(&floh).await["state"]), (1, &"connected".into()));
}

#[tokio::test]
async fn a_check_tells_what_is_wrong_and_how_to_mend_it() {
    let service = service(&Gate::shut()).await;
    let (floh, site) = crm(&service).await;
    let toml = forwards("crm", &service);

    let exit = Site::new(&floh, "floh_no_such_token_0123456789abcdef", &toml).check().await;
    assert_eq!(exit.code, Some(1), "{exit:?}");
    assert!(line(&exit, "failed", "token").contains("make a new agent token"), "{exit:?}");
    assert!(line(&exit, "ok", "crm: health").contains("it is well"), "the rest is looked at all the same: {exit:?}");

    let (_, foreign) = token(&floh, "agent-other", &["crm"]).await;
    let exit = Site::new(&floh, &foreign, &toml).check().await;
    assert_eq!(exit.code, Some(1), "{exit:?}");
    assert!(line(&exit, "failed", "token").contains("bound to agent agent-other"), "{exit:?}");

    // Bound and not listening: nobody else gets the port, and nothing answers there.
    let nobody = TcpSocket::new_v4().unwrap();
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let closed = nobody.local_addr().unwrap();
    let exit = site.clone().server(format!("ws://{closed}")).check().await;
    assert_eq!(exit.code, Some(1), "{exit:?}");
    assert!(line(&exit, "failed", "server").contains("check --server"), "{exit:?}");

    let other = Upstream::start(|_| Reply::text(404, "nothing here")).await;
    let exit = site.clone().server(format!("ws://{}", other.address())).check().await;
    assert_eq!(exit.code, Some(1), "{exit:?}");
    assert!(line(&exit, "failed", "server").contains("answers 404"), "{exit:?}");
    assert!(!exit.stdout.contains("floh_"), "no token is printed: {exit:?}");

    let away = format!("{toml}[connectors.away]\nurl = \"http://{closed}\"\n");
    let away = away.replace("allow = [", &format!("allow = [\"{closed}\", "));
    let (_, both) = token(&floh, AGENT, &["crm", "away", "shut"]).await;
    let exit = Site::new(&floh, &both, &away).check().await;
    assert_eq!(exit.code, Some(1), "{exit:?}");
    assert!(line(&exit, "failed", "away: reachable").contains("refused"), "{exit:?}");
    assert!(line(&exit, "ok", "crm: health").contains("it is well"), "{exit:?}");

    let shut = format!("{toml}[connectors.shut]\nurl = \"http://127.0.0.1:1\"\n");
    let exit = Site::new(&floh, &both, &shut).check().await;
    assert_eq!(exit.code, Some(1), "{exit:?}");
    assert!(line(&exit, "failed", "shut: allowed").contains("add \"127.0.0.1:1\" to allow"), "{exit:?}");

    let exit = Site::new(&floh, &both, "id = \"a\"\nport = 1\n").check().await;
    assert_eq!(exit.code, Some(2), "{exit:?}");
    assert!(exit.stderr.contains("agent.toml") && exit.stderr.contains("port"), "{exit:?}");
}
