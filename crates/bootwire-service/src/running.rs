//! A server that runs: it serves, reads its configuration again, and ends.

use std::time::{Duration, Instant};

use bootwire::{ServerError, ServerHandle};
use bootwire_admin::api::Draining;
use bootwire_admin::site::Order;

use crate::admin::Endpoint;
use crate::boots::Follow;
use crate::manager::{Manager, Telling};
use crate::notes::Notes;
use crate::reporting::Reporting;
use crate::served::Served;
use crate::signals::{Signal, Signals};
use crate::totals::Totals;
use crate::{ServiceError, size};

/// A server at work.
pub(crate) struct Running {
    pub(crate) drain: Duration,
    pub(crate) served: Served,
    pub(crate) handle: ServerHandle,
    pub(crate) reporting: Reporting,
    pub(crate) follow: Follow,
    pub(crate) admin: Option<Endpoint>,
    pub(crate) manager: Manager,
    pub(crate) notes: Notes,
    /// Tells the service manager in the background, as long as it is there.
    pub(crate) telling: Telling,
}

impl Running {
    /// Runs until a signal ends it or a worker dies.
    pub(crate) async fn run(
        mut self,
        mut signals: Signals,
        totals: &Totals,
    ) -> Result<(), ServiceError> {
        let began = Instant::now();
        let died = self.serve(&mut signals).await;
        if let Some(admin) = &self.admin {
            admin.running.draining();
        }
        let running = self.handle.stats().active;
        self.manager.stopping(running, self.drain);
        if running > 0 {
            self.notes.note(&format!(
                "draining: {} running, at most {} s; a second signal stops at once",
                size::count(running, "transfer", "transfers"),
                self.drain.as_secs()
            ));
        }
        match signals.or_end(self.handle.drain(self.drain)).await {
            Some(drained) if drained.cut_off > 0 => {
                let cut_off = size::count(drained.cut_off, "transfer", "transfers");
                self.notes.note(&format!("{cut_off} cut off"));
            }
            Some(_) => {}
            None => self.notes.note("stopped at once"),
        }
        // What it says in the end is still passed on.
        let _ = signals.or_end(self.follow.close()).await;
        let _ = signals.or_end(self.reporting.finish()).await;
        if let Some(admin) = self.admin {
            admin.running.stop().await;
        }
        self.notes.note(&totals.summary(began.elapsed()));
        drop(self.telling);
        if died {
            return Err(ServerError::Worker.into());
        }
        Ok(())
    }

    /// Answers whether a worker died.
    async fn serve(&mut self, signals: &mut Signals) -> bool {
        loop {
            // Who asked for it, and waits for what comes of it.
            let mut asked = None;
            let at_once = tokio::select! {
                () = self.handle.failed() => return true,
                signal = signals.next() => match signal {
                    Signal::End => return false,
                    Signal::Reload => true,
                },
                order = Endpoint::order(&mut self.admin) => match order {
                    Order::Reload(done) => {
                        asked = Some(done);
                        true
                    }
                    Order::Drain(done) => {
                        let active = self.handle.stats().active;
                        let limit_ms = u64::try_from(self.drain.as_millis()).unwrap_or(u64::MAX);
                        let _ = done.send(Draining { active, limit_ms });
                        return false;
                    }
                },
                () = self.served.changed() => false,
            };
            if at_once {
                self.reporting.log.reopen();
                if signals.or_end(self.served.site.still()).await.is_none() {
                    return false;
                }
            }
            self.manager.reloading();
            // Opening a site is large, and rare.
            let reload = Box::pin(self.served.reload(&self.handle));
            let Some(result) = signals.or_end(reload).await else {
                return false;
            };
            let taken = result.reloaded || !self.served.has_file();
            self.manager.reloaded(&self.handle.view(), taken);
            self.reporting.hide(self.served.site.secrets());
            if let Some(admin) = &self.admin {
                admin.control.renew(&self.served.site);
            }
            if let Some(done) = asked {
                let _ = done.send(result);
            }
            self.reporting.watch_cache(self.served.caching());
        }
    }
}
