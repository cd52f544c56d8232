//! A server and its successor, set up beside each other.

use std::path::PathBuf;

use super::old::Old;
use super::tree::tree;
use super::{Case, Migration, checked, compare};
use crate::harness::{Builder, Isolation, Ports, give_to_nobody, is_root};

/// Two networks between the test, where the clients are, and `there`, where the servers are: `eth1`
/// there has 10.1.0.1, `eth2` has 10.2.0.1. What has a name has a place in /run, so that is the test's
/// own.
pub(super) const NETWORKS: &str = "
    mkdir -p /run/netns; mount -t tmpfs none /run/netns
    ip netns add there; ip -n there link set lo up
    for net in 1 2; do
        ip link add client$net address 52:54:00:12:34:0$net type veth peer name eth$net netns there
        ip addr add 10.$net.0.7/24 dev client$net; ip link set client$net up
        ip -n there addr add 10.$net.0.1/24 dev eth$net; ip -n there link set eth$net up
    done";

/// A directory that both serve in turn, and where the servers listen.
pub(super) struct Trial {
    builder: Builder,
    /// The old server's.
    port: u16,
    ports: Option<Ports>,
    wrapper: &'static [&'static str],
}

impl Trial {
    /// `None` where the old server is not started by root, who alone may become nobody.
    fn on(port: Option<u16>) -> Option<Self> {
        if !is_root() {
            return None;
        }
        let ports = port.is_none().then(Ports::one);
        let free = ports.as_ref().map(Ports::first);
        Some(Self {
            builder: tree(),
            port: port.or(free).expect("one of both"),
            ports,
            wrapper: &[],
        })
    }

    /// For servers that listen where they are told.
    pub(super) fn on_a_free_port() -> Option<Self> {
        Self::on(None)
    }

    /// On port 69, in a network that is only the calling test's, with nothing but loopback.
    pub(super) fn on_port_69(test: &str) -> Option<Self> {
        (is_root() && Isolation::enter(test, "")).then(|| Self::on(Some(69)))?
    }

    /// On port 69, behind [`NETWORKS`].
    pub(super) fn behind_networks(test: &str) -> Option<Self> {
        let trial =
            (is_root() && Isolation::enter(test, NETWORKS)).then(|| Self::on(Some(69)))??;
        Some(Self {
            builder: trial.builder.host("0.0.0.0"),
            wrapper: &["ip", "netns", "exec", "there"],
            ..trial
        })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The directory that is served.
    pub(super) fn root(&self) -> String {
        text(self.builder.root())
    }

    /// Puts a file beside the directory.
    pub(super) fn beside(&mut self, name: &str, content: &str) -> String {
        let path = self.builder.place().join(name);
        std::fs::write(&path, content).expect("a file");
        text(path)
    }

    /// Migrates by `order`, starts the old server by `program` and `words`, and compares the two.
    /// `code` is how `migrate` ends.
    pub(super) fn run(
        self,
        order: &[String],
        code: i32,
        (program, words): (&str, &[String]),
        cases: &[Case],
    ) {
        give_to_nobody(self.builder.place());
        let migration = Migration::of(order);
        assert_eq!(migration.code, Some(code), "{}", migration.told);
        let old = Old::start(self.wrapper, program, words, self.port);
        let builder = self.builder.config(&migration.config);
        checked(&builder);
        let server = builder.wrapped(self.wrapper).start();
        compare(&old, &server, &migration, cases);
        drop(self.ports);
    }
}

/// Words as owned ones.
pub(super) fn words<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> Vec<String> {
    let words = words.into_iter();
    words.map(|word| word.as_ref().to_owned()).collect()
}

fn text(path: PathBuf) -> String {
    path.into_os_string().into_string().expect("UTF-8")
}
