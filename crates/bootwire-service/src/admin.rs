//! The admin endpoint: opened before rights are given up, served after.

use std::path::Path;
use std::sync::{Arc, PoisonError};

use bootwire::{ServerHandle, TransferRecord};
use bootwire_admin::api::ExporterDrops;
use bootwire_admin::client::default_sockets;
use bootwire_admin::site::{Order, SiteControl};
use bootwire_admin::{Address, Admin, Certificate, ListenError, Listener, Running, TOKEN_LEAST};
use bootwire_boots::Boots;
use bootwire_sandbox::{Access, Reach};
use bootwire_site::{Config, Site};
use bootwire_telemetry::Telemetry;
use bootwire_telemetry::hub::Subscription;
use rustix::fs::{Access as Mode, access};
use tokio::sync::mpsc;

use crate::ServiceError;
use crate::notes::Notes;
use crate::reporting::Reporting;

/// Sockets that are open, and what guards them.
#[derive(Debug, Default)]
pub(crate) struct Door {
    listeners: Vec<Listener>,
    token: Option<String>,
    certificate: Option<Certificate>,
    console: bool,
    records: Option<Subscription<TransferRecord>>,
}

impl Door {
    /// Opens what the configuration says. By default that is a socket in the place where clients look
    /// for one, if it can be had; what is named has to be had.
    ///
    /// # Errors
    /// If what is named cannot be had.
    pub(crate) fn open(
        config: &Config,
        verbose: bool,
        notes: &Notes,
    ) -> Result<Self, ServiceError> {
        let admin = &config.document.admin;
        let mut door = Self {
            console: admin.console,
            ..Self::default()
        };
        if let Some(file) = &admin.token_file {
            let token = token(&config.path(file))
                .map_err(|why| ServiceError::setting(config, "admin.token_file", why))?;
            door.token = Some(token);
        }
        if let (Some(cert), Some(key)) = (&admin.cert, &admin.key) {
            let opened = Certificate::open(&config.path(cert), &config.path(key));
            let opened = opened.map_err(|why| ServiceError::setting(config, "admin.cert", why))?;
            door.certificate = Some(opened);
        }
        let group = match &admin.group {
            None => None,
            Some(name) => Some(group(name).ok_or_else(|| {
                let why = format!("there is no group {name:?}: see getent group");
                ServiceError::setting(config, "admin.group", why)
            })?),
        };
        let Some(places) = &admin.listen else {
            door.open_default(group, verbose, notes);
            return Ok(door);
        };
        for place in places.into_iter().filter(|place| *place != "off") {
            let mut address: Address = place
                .parse()
                .map_err(|why| ServiceError::setting(config, "admin.listen", why))?;
            if let Address::Unix(path) = &address {
                address = Address::Unix(config.path(path));
            }
            let listener = Listener::bind(&address, group);
            door.listeners
                .push(listener.map_err(|why| ServiceError::setting(config, "admin.listen", why))?);
        }
        Ok(door)
    }

    /// Nobody asked for it, so nobody is told where it cannot be, but those who want to know.
    fn open_default(&mut self, group: Option<u32>, verbose: bool, notes: &Notes) {
        let Some(path) = default_sockets().into_iter().next() else {
            return;
        };
        let directory = path.parent().filter(|directory| directory.exists());
        let directory = directory.or_else(|| path.parent()?.parent());
        let is_open = directory.is_some_and(|directory| access(directory, Mode::WRITE_OK).is_ok());
        if !is_open {
            return;
        }
        match Listener::bind(&Address::Unix(path), group) {
            Ok(listener) => self.listeners.push(listener),
            Err(error @ ListenError::Taken(_)) if verbose => {
                notes.note(&format!("admin: {error}; name another place with --admin"));
            }
            Err(error) if verbose => notes.note(&format!("admin: {error}")),
            Err(_) => {}
        }
    }

    /// What has to stay within reach of the sandbox.
    pub(crate) fn reach(&self, reach: &mut Reach) {
        reach.accepts |= !self.listeners.is_empty();
        for listener in &self.listeners {
            // To remove the socket in the end.
            if let Address::Unix(path) = listener.address()
                && let Some(directory) = path.parent()
            {
                reach.add_if_there(directory, Access::Write);
            }
        }
    }

    /// Hears of records from now on, if anybody is to see them: before the first client is answered.
    pub(crate) fn listen(&mut self, reporting: &Reporting) {
        if !self.listeners.is_empty() {
            self.records = Some(reporting.telemetry.hub().subscribe());
        }
    }

    /// Serves what this server does.
    ///
    /// # Errors
    /// If a socket cannot be used.
    pub(crate) fn start(
        self,
        site: &Site,
        server: &ServerHandle,
        reporting: &Reporting,
        boots: Option<&Boots>,
        notes: &Notes,
    ) -> Result<Option<Endpoint>, ServiceError> {
        if self.listeners.is_empty() {
            return Ok(None);
        }
        let (control, orders) = SiteControl::new(site);
        let telemetry = &reporting.telemetry;
        let (secrets, drops) = (reporting.secrets(), telemetry.clone());
        let mut admin = Admin::new(server.view())
            .control(Arc::clone(&control) as _)
            .metrics(telemetry.metrics())
            .exporters(move || exporters(&drops))
            .hide(move |path| {
                let secrets = secrets.read().unwrap_or_else(PoisonError::into_inner);
                secrets.hidden_path(path)
            })
            .line(bootwire_telemetry::log::line)
            .notes(notes.taker())
            .console(self.console);
        if let Some(token) = self.token {
            admin = admin.token(token);
        }
        if let Some(records) = self.records {
            admin = admin.records_since(records);
        }
        if let Some(boots) = boots {
            admin = admin.boots(boots);
        }
        let is_tls = self.certificate.is_some();
        if let Some(certificate) = self.certificate {
            admin = admin.certificate(certificate);
        }
        let running = admin
            .start(self.listeners)
            .map_err(|error| ServiceError::Setting {
                place: "admin".to_owned(),
                source: error.into(),
            })?;
        for address in running.addresses() {
            notes.note(&describe(address, is_tls, self.console));
        }
        Ok(Some(Endpoint {
            running,
            control,
            orders,
        }))
    }
}

/// The endpoint at work.
pub(crate) struct Endpoint {
    pub(crate) running: Running,
    pub(crate) control: Arc<SiteControl>,
    orders: mpsc::Receiver<Order>,
}

impl Endpoint {
    /// The next order.
    pub(crate) async fn order(endpoint: &mut Option<Self>) -> Order {
        match endpoint {
            None => std::future::pending().await,
            Some(endpoint) => match endpoint.orders.recv().await {
                Some(order) => order,
                None => std::future::pending().await,
            },
        }
    }
}

/// What exporters got and lost.
fn exporters(telemetry: &Telemetry) -> Vec<ExporterDrops> {
    let drops = telemetry.drops().into_iter();
    let shown = drops.map(|one| ExporterDrops {
        name: one.name,
        sent: one.sent,
        dropped: one.dropped,
        failed: one.failed,
    });
    shown.collect()
}

/// One line for the log.
fn describe(address: &Address, is_tls: bool, console: bool) -> String {
    match address {
        Address::Unix(path) => format!("admin: {} (see bootwire top)", path.display()),
        Address::Tcp(at) => {
            let scheme = if is_tls { "https" } else { "http" };
            let what = if console { "console" } else { "admin" };
            format!("{what}: {scheme}://{at}/")
        }
    }
}

/// The token in a file; blanks and line ends around it do not count.
fn token(file: &Path) -> Result<String, String> {
    let shown = file.display();
    let text =
        std::fs::read_to_string(file).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let token = text.trim();
    let is_fit = token.bytes().all(|byte| byte.is_ascii_graphic());
    if token.len() < TOKEN_LEAST || !is_fit {
        return Err(format!(
            "{shown}: a token has {TOKEN_LEAST} letters, digits and signs of ASCII or more: make one with \
             openssl rand -hex 24"
        ));
    }
    Ok(token.to_owned())
}

/// The number of a group.
fn group(name: &str) -> Option<u32> {
    if let Ok(number) = name.parse() {
        return Some(number);
    }
    let groups = std::fs::read_to_string("/etc/group").ok()?;
    let mut lines = groups.lines().map(|line| line.split(':'));
    lines.find_map(|mut fields| {
        let found = fields.next()? == name;
        let number = fields.nth(1)?;
        found.then(|| number.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_long_and_without_blanks() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        std::fs::write(&file, " 0123456789abcdef\n").unwrap();
        assert_eq!(token(&file).unwrap(), "0123456789abcdef");
        for wrong in [
            "",
            "0123456789abcde",
            "0123456789 abcdef",
            "0123456789abcdefé",
        ] {
            std::fs::write(&file, wrong).unwrap();
            let told = token(&file).unwrap_err();
            assert!(told.contains("openssl rand"), "{told}");
        }
    }

    #[test]
    fn groups_have_numbers() {
        assert_eq!(group("0"), Some(0));
        assert_eq!(group("root"), Some(0));
        assert_eq!(group("no such group"), None);
    }
}
