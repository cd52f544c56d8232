//! Whether everything that a configuration names is there and works.

mod programs;
mod report;
mod trial;

use std::net::ToSocketAddrs;
use std::path::Path;
use std::time::{Duration, Instant};

use bootwire::client::Client;
use bootwire::router::App;
use bootwire::{Answer, BoxFuture, Endpoint, Refusal, Reply, Request, Router, Server};
use bootwire_telemetry::log::JOURNAL;

use crate::config::Config;
use crate::config::model::LogFormat;
use crate::site::Site;
use report::Report;

pub use report::{Finding, Level};

/// How long an origin or an inventory may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is fetched over the loopback.
const PROBE: &str = "/.bootwire/check";

impl Site {
    /// Looks at everything the configuration names, and at what lies elsewhere if the site may ask. What
    /// is found is told at once, as some of it may take long. Meant for a site that is [opened to look
    /// at](crate::SiteBuilder::look).
    pub async fn check(&self, mut tell: impl FnMut(&Finding) + Send) {
        self.look_at_all(&mut Report::new(&mut tell)).await;
    }

    fn look_at_all<'a>(&'a self, report: &'a mut Report<'_>) -> BoxFuture<'a, ()> {
        Box::pin(self.report(report))
    }

    async fn report(&self, report: &mut Report<'_>) {
        let config = self.config();
        let files = config.files.iter().map(|file| config.location.show(file));
        let files: Vec<String> = files.collect();
        let routes = crate::size::count(self.routes().len() as u64, "route", "routes");
        report.ok(
            "configuration",
            format_args!("{}, {routes}", files.join(", ")),
        );
        for warning in &config.warnings {
            report.warn("configuration", warning);
        }
        for problem in self.problems() {
            report.fail("file", problem);
        }
        look_for_journal(config, report);
        if self.may_ask() {
            self.ask_everybody(report).await;
        }
        programs::look(config, self.executable(), report);
        trial::render(self, report).await;
        match fetch(&self.app()).await {
            Ok(told) => report.ok("transfer", told),
            Err(why) => report.fail("transfer", why),
        }
    }

    async fn ask_everybody(&self, report: &mut Report<'_>) {
        for (name, address, result) in self.try_origins(PATIENCE).await {
            let what = format!("origin {name}");
            match result {
                Ok(None) => report.ok(&what, address),
                Ok(Some(why)) => report.warn(&what, format_args!("{address}: {why}")),
                Err(why) => report.fail(&what, format_args!("{address}: {why}")),
            }
        }
        if let Some((shown, result)) = self.try_inventory(PATIENCE).await {
            match result {
                Ok(()) => report.ok("inventory", shown),
                Err(why) => report.fail("inventory", format_args!("{shown}: {why}")),
            }
        }
        if let Some(statsd) = &self.config().document.metrics.statsd {
            match find_host(&statsd.address).await {
                Ok(()) => report.ok("statsd", &statsd.address),
                Err(why) => report.fail("statsd", format_args!("{}: {why}", statsd.address)),
            }
        }
        for (shown, result) in self.exports().try_all(PATIENCE).await {
            match result {
                Ok(()) => report.ok("export", shown),
                Err(why) => report.fail("export", format_args!("{shown}: {why}")),
            }
        }
    }
}

/// Whether a host and port has an address. Datagrams need no more: nobody answers them.
async fn find_host(address: &str) -> Result<(), String> {
    let address = address.to_owned();
    let look = tokio::task::spawn_blocking(move || address.to_socket_addrs().map(drop));
    match tokio::time::timeout(PATIENCE, look).await {
        Ok(Ok(found)) => found.map_err(|error| error.to_string()),
        Ok(Err(lost)) => Err(lost.to_string()),
        Err(_) => Err("no answer from the name server".to_owned()),
    }
}

/// Whether journald is there, if the log goes to it.
fn look_for_journal(config: &Config, report: &mut Report<'_>) {
    let log = &config.document.log;
    if log.format != LogFormat::Journald {
        return;
    }
    let socket = log.file.as_deref().unwrap_or_else(|| Path::new(JOURNAL));
    let shown = socket.display();
    match socket.metadata() {
        Ok(_) => report.ok("log", format_args!("journald at {shown}")),
        Err(why) => report.fail("log", format_args!("no journald at {shown}: {why}")),
    }
}

/// An application behind a route of our own.
struct Behind(App);

impl Endpoint<Reply> for Behind {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Reply, Refusal>> {
        Box::pin(async move {
            match self.0.call(request).await? {
                Answer::Reply(reply) => Ok(reply),
                Answer::Accept(_) => Err(Refusal::internal()),
            }
        })
    }
}

/// A server on the loopback, with a transfer from it.
async fn fetch(app: &App) -> Result<String, String> {
    let text = "as a client gets it\n".repeat(100);
    let content = text.clone();
    let router = Router::new()
        .read(PROBE, move || {
            let content = content.clone();
            async { content }
        })
        .fallback(Behind(app.clone()));
    let server = Server::bind("127.0.0.1:0")
        .workers(1)
        .serve(router)
        .start()
        .map_err(|error| error.to_string())?;
    let Some(&address) = server.local_addrs().first() else {
        return Err("no address to listen on".to_owned());
    };
    let began = Instant::now();
    let mut got = Vec::new();
    let fetched = Client::new(address).get(PROBE, &mut got).await;
    let took = began.elapsed();
    server.drain(Duration::from_secs(1)).await;
    fetched.map_err(|error| format!("from this machine to itself: {error}"))?;
    if got != text.as_bytes() {
        return Err("what arrived is not what was sent".to_owned());
    }
    Ok(format!(
        "{} bytes from this machine to itself in {:.1} ms",
        got.len(),
        took.as_secs_f64() * 1e3
    ))
}
