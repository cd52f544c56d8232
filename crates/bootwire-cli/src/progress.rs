//! The progress bar.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bootwire::client::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// With a size: how much of it, how fast, how long still.
const SIZED: &str =
    "{bytes:>10} of {total_bytes} [{wide_bar:.cyan/blue}] {bytes_per_sec:>12}, {eta} left{msg}";

/// Without: how much, how fast.
const UNSIZED: &str = "{bytes:>10} {spinner} {bytes_per_sec:>12}{msg}";

/// Before there is an answer: who is asked, and since when.
const WAITING: &str = "{spinner} no answer from {msg} yet, after {elapsed}";

/// Answers take milliseconds: after this time somebody who looks wonders.
const WORTH_TELLING: Duration = Duration::from_secs(1);

/// The same for a line in somebody's log.
const WORTH_LOGGING: Duration = Duration::from_secs(3);

/// A bar on standard error if that is a terminal and `wanted`; else one that shows nothing.
#[derive(Clone)]
pub(crate) struct Bar {
    bar: ProgressBar,
    wanted: bool,
    /// Whether the server has answered.
    answered: Arc<AtomicBool>,
}

impl Bar {
    pub(crate) fn new(wanted: bool) -> Self {
        let bar = if wanted && std::io::stderr().is_terminal() {
            ProgressBar::no_length().with_style(style(UNSIZED))
        } else {
            ProgressBar::hidden()
        };
        Self {
            bar,
            wanted,
            answered: Arc::default(),
        }
    }

    pub(crate) fn show(&self, progress: &Progress) {
        let is_first = !self.answered.swap(true, Ordering::Relaxed);
        if self.bar.is_hidden() {
            return;
        }
        if is_first {
            self.bar.disable_steady_tick();
            self.bar.set_message("");
            self.bar.set_style(style(UNSIZED));
            self.bar.reset();
        }
        if let Some(size) = progress.size.filter(|_| self.bar.length().is_none()) {
            self.bar.set_style(style(SIZED));
            self.bar.set_length(size);
        }
        self.bar.set_position(progress.bytes);
        if progress.blocks_resent > 0 {
            self.bar
                .set_message(format!(", {} resent", progress.blocks_resent));
        }
    }

    /// Does `work`, which asks `server`, and says so if the answer takes long.
    pub(crate) async fn while_asking<T>(
        &self,
        server: SocketAddr,
        work: impl Future<Output = T>,
    ) -> T {
        let mut work = std::pin::pin!(work);
        let worth = if self.bar.is_hidden() {
            WORTH_LOGGING
        } else {
            WORTH_TELLING
        };
        if let Ok(done) = tokio::time::timeout(worth, &mut work).await {
            return done;
        }
        if !self.wanted || self.answered.load(Ordering::Relaxed) {
            // Nothing to say.
        } else if self.bar.is_hidden() {
            crate::out::note(&format!("no answer from {server} yet, asking again"));
        } else {
            self.bar.set_style(style(WAITING));
            self.bar.set_message(server.to_string());
            self.bar.enable_steady_tick(Duration::from_millis(100));
        }
        work.await
    }

    /// Takes the bar away, for whatever is said next.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_sound() {
        for template in [SIZED, UNSIZED, WAITING] {
            ProgressStyle::with_template(template).unwrap();
        }
    }
}
