//! What is opened before rights are given up.

use std::sync::{Arc, Mutex, PoisonError};

use bootwire::{OpenServer, Router, Server, ServerError};
use bootwire_netcheck::is_without_ipv6;
use bootwire_site::unanswered::{self, Unanswered};
use bootwire_site::{Config, server};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::ServiceError;
use crate::boots::Follow;
use crate::memory::Load;
use crate::notes::Notes;
use crate::passed::Passed;
use crate::reporting::Reporting;
use crate::totals::Totals;

/// The number of files open at a time has bounds of its own; the soft limit that most systems
/// give, 1024, is below them.
pub(crate) fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    // Where that is refused, the limit there is will do for most.
    let _ = setrlimit(Resource::Nofile, raised);
}

/// Transfer ports are taken when the first client asks for them; by then the server has no right
/// to the privileged ones.
pub(crate) fn expect_unprivileged_ports(config: &Config) -> Result<(), ServiceError> {
    let Some(ports) = &config.document.ports else {
        return Ok(());
    };
    let first_free = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(1024);
    if *ports.0.start() < first_free {
        let why = format!(
            "ports below {first_free} take a privilege, which the sandbox gives up before transfers \
             use them; take higher ones, or --sandbox off"
        );
        return Err(ServiceError::setting(config, "ports", why));
    }
    Ok(())
}

/// What the sockets are opened with.
pub(crate) struct Opening<'a> {
    pub(crate) config: &'a Config,
    pub(crate) portable_io: bool,
    pub(crate) totals: &'a Arc<Totals>,
    pub(crate) reporting: &'a Reporting,
    pub(crate) follow: &'a Follow,
    pub(crate) notes: &'a Notes,
}

impl Opening<'_> {
    /// Opens the sockets, or takes those it was started with.
    pub(crate) fn open(&self, passed: Passed) -> Result<OpenServer, ServiceError> {
        let config = self.config;
        passed.introduce(config, self.notes);
        if let Some(server) = config.server_on(passed.sockets()) {
            return self.with_observers(server).map_err(ServiceError::listen);
        }
        match self.with_observers(config.server(server::LISTEN)) {
            Err(ServerError::Bind { source, .. })
                if config.document.listen.is_none() && is_without_ipv6(&source) =>
            {
                self.notes
                    .note("no IPv6 on this machine: listening on IPv4 alone");
                self.with_observers(config.server(server::LISTEN_IPV4))
            }
            opened => opened,
        }
        .map_err(ServiceError::listen)
    }

    /// With those who hear of what it does. Nobody is answered before the workers start.
    fn with_observers(&self, server: Server) -> Result<OpenServer, ServerError> {
        let (follow, secrets) = (self.follow.clone(), self.reporting.secrets());
        let unanswered = Unanswered::of(self.config);
        let (totals, log) = (Arc::clone(self.totals), self.reporting.log.clone());
        let (load, notes) = (Mutex::new(Load::default()), self.notes.clone());
        let server = server
            .portable_io(self.portable_io)
            .observe_batches(move |records| {
                let secrets = secrets.read().unwrap_or_else(PoisonError::into_inner);
                follow.observe(records, &secrets);
            })
            .serve(Router::new())
            .observe_batches(move |records| records.iter().for_each(|record| totals.count(record)))
            .stats_every(unanswered::LOOK_EVERY, move |stats| {
                unanswered
                    .news(stats, || log.withheld())
                    .iter()
                    .for_each(|line| notes.note(line));
                let ended = stats.outcomes.iter().sum();
                let mut load = load.lock().unwrap_or_else(PoisonError::into_inner);
                if load.has_gone(stats.active, ended) {
                    bootwire_io::give_back_memory();
                }
            });
        self.reporting.telemetry.attach(server).open()
    }
}
