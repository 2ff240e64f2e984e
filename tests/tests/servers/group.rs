//! A group of servers, and a switch by which an agent is moved from one to another.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use serde_json::Value;
use test_support::agent::token;
use test_support::nats::{LARGE, Nats};
use test_support::postgres::Cluster;
use test_support::{Floh, Setup, Site, Upstream, eventually};

use crate::fixture::{AGENT, connector, forwards};

/// The key that all servers share.
pub(crate) const MASTER_KEY: &str = "87bUxcLXIXNBlLlDazbZU6BeaOPxZpaiMah1u/DzyAU=";

/// Servers on one database, joined by NATS.
pub(crate) struct Group {
    pub(crate) servers: Vec<Floh>,
    pub(crate) nats: Nats,
    _cluster: Cluster,
    database: String,
}

impl Group {
    /// Starts so many servers, or returns `None` if this machine has no PostgreSQL or no NATS.
    pub(crate) async fn start(count: usize) -> Option<Self> {
        let cluster = Cluster::start()?;
        let nats = Nats::start(LARGE).await?;
        let database = cluster.create_database("servers");
        let mut group = Self { servers: Vec::new(), nats, _cluster: cluster, database };
        for _ in 0..count {
            let server = group.more().await;
            group.servers.push(server);
        }
        Some(group)
    }

    /// Returns how one more server is started.
    pub(crate) fn setup(&self) -> Setup {
        let setup = Setup::default().env("FLOH_DATABASE_URL", &self.database).env("FLOH_MASTER_KEY", MASTER_KEY);
        setup.env("FLOH_NATS_URL", &self.nats.url())
    }

    /// Starts one more server.
    pub(crate) async fn more(&self) -> Floh {
        self.setup().start().await
    }

    /// Makes the connector `crm`, and returns the site of an agent that forwards it to a service by way of a switch.
    pub(crate) async fn crm(&self, service: &Upstream, switch: &Switch) -> Site {
        self.servers[0].admin().post("/api/connectors", &connector("crm")).await.expect(201);
        self.site(service, switch).await
    }

    /// Returns another site of the agent of `crm`.
    pub(crate) async fn site(&self, service: &Upstream, switch: &Switch) -> Site {
        let (_, secret) = token(&self.servers[0], AGENT, &["crm"]).await;
        Site::new(&self.servers[0], &secret, &forwards("crm", service)).server(switch.url())
    }
}

/// Returns the agent as a server lists it, once it is as a test asks for.
pub(crate) async fn listed_at(server: &Floh, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    eventually(&format!("an agent that is {what}"), || async {
        let list = server.admin().get("/api/connectors/agents").await.expect(200);
        let agents = list["items"].as_array().unwrap();
        assert!(agents.len() < 2, "{list}");
        agents.first().filter(|agent| is(agent)).cloned()
    })
    .await
}

/// An address behind which is one server, and then another one.
pub(crate) struct Switch {
    address: SocketAddr,
    target: Arc<Mutex<SocketAddr>>,
    connections: Arc<Mutex<JoinSet<()>>>,
}

impl Switch {
    /// Opens one that leads to a server.
    pub(crate) async fn to(server: &Floh) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let target = Arc::new(Mutex::new(server.address()));
        let connections = Arc::<Mutex<JoinSet<()>>>::default();
        let (lead, open) = (Arc::clone(&target), Arc::clone(&connections));
        tokio::spawn(async move {
            while let Ok((mut inside, _)) = listener.accept().await {
                let target = *lead.lock().unwrap();
                open.lock().unwrap().spawn(async move {
                    if let Ok(mut outside) = TcpStream::connect(target).await {
                        drop(copy_bidirectional(&mut inside, &mut outside).await);
                    }
                });
            }
        });
        Self { address, target, connections }
    }

    /// Returns its address for agents.
    pub(crate) fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// Leads to another server from now on, and cuts what is open.
    pub(crate) fn turn_to(&self, server: &Floh) {
        *self.target.lock().unwrap() = server.address();
        self.connections.lock().unwrap().abort_all();
    }
}
