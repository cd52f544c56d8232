//! The progress bar.

use std::io::IsTerminal;

use bootwire::client::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// With a size: how much of it, how fast, how long still.
const SIZED: &str =
    "{bytes:>10} of {total_bytes} [{wide_bar:.cyan/blue}] {bytes_per_sec:>12}, {eta} left{msg}";

/// Without: how much, how fast.
const UNSIZED: &str = "{bytes:>10} {spinner} {bytes_per_sec:>12}{msg}";

/// A bar on standard error if that is a terminal and `wanted`; else one that shows nothing.
#[derive(Clone)]
pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(crate) fn new(wanted: bool) -> Self {
        if wanted && std::io::stderr().is_terminal() {
            Self(ProgressBar::no_length().with_style(style(UNSIZED)))
        } else {
            Self(ProgressBar::hidden())
        }
    }

    pub(crate) fn show(&self, progress: &Progress) {
        if self.0.is_hidden() {
            return;
        }
        if let Some(size) = progress.size.filter(|_| self.0.length().is_none()) {
            self.0.set_style(style(SIZED));
            self.0.set_length(size);
        }
        self.0.set_position(progress.bytes);
        if progress.blocks_resent > 0 {
            self.0
                .set_message(format!(", {} resent", progress.blocks_resent));
        }
    }

    /// Takes the bar away, for whatever is said next.
    pub(crate) fn clear(&self) {
        self.0.finish_and_clear();
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
        for template in [SIZED, UNSIZED] {
            ProgressStyle::with_template(template).unwrap();
        }
    }
}
