//! What is known, and what is to be seen of it.

use std::collections::{HashMap, VecDeque};

use bootwire_admin::api::{
    ExporterDrops, History, Sample, SortOrder, Status, Transfer, TransfersEvent,
};
use bootwire_admin::client::Event;
use bootwire_admin::sort;

use super::feed::{Known, News};

/// Seconds that are kept for the chart.
const SAMPLES: usize = 900;

/// What is on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Screen {
    /// The transfers.
    #[default]
    List,
    /// One machine.
    Machine,
    /// The keys.
    Help,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) place: String,
    pub(super) status: Status,
    /// Why there is nothing new, if the server does not answer.
    pub(super) gone: Option<String>,
    pub(super) samples: VecDeque<Sample>,
    pub(super) exporters: Vec<ExporterDrops>,
    pub(super) load: Vec<f64>,
    transfers: HashMap<u64, Transfer>,
    /// Those that are to be seen, in their order.
    pub(super) rows: Vec<Transfer>,
    pub(super) sort: SortOrder,
    pub(super) descending: bool,
    pub(super) filter: String,
    /// Whether the filter is being typed.
    pub(super) typing: bool,
    /// The transfer that is chosen. It stays chosen where it goes.
    pub(super) chosen: Option<u64>,
    /// The first row on the screen.
    pub(super) first: usize,
    pub(super) screen: Screen,
    /// The machine that was asked for, and what is known of it.
    pub(super) asked: String,
    pub(super) known: Option<Known>,
    changed: bool,
}

impl State {
    pub(super) fn new(place: String, status: Status, history: History) -> Self {
        Self {
            place,
            load: status.load.clone(),
            exporters: status.exporters.clone(),
            status,
            samples: history.samples.into(),
            changed: true,
            ..Self::default()
        }
    }

    /// Whether there is something to draw.
    pub(super) const fn is_changed(&self) -> bool {
        self.changed
    }

    pub(super) const fn drawn(&mut self) {
        self.changed = false;
    }

    pub(super) fn hear(&mut self, news: News) {
        self.changed = true;
        match news {
            News::Gone(why) => self.gone = Some(why),
            News::Machine(known) if known.name == self.asked => self.known = Some(*known),
            // Of another than is looked at by now.
            News::Machine(_) => {}
            News::Event(event) => {
                self.gone = None;
                match *event {
                    Event::Transfers(event) => self.moved(event),
                    Event::Stats(stats) => {
                        if self.samples.len() >= SAMPLES {
                            self.samples.pop_front();
                        }
                        self.samples.push_back(stats.sample);
                        self.status.counts = stats.counts;
                        self.load = stats.load;
                        self.exporters = stats.exporters;
                    }
                    Event::Hello(hello) => {
                        if hello.instance != self.status.instance {
                            self.samples.clear();
                        }
                        self.status.instance = hello.instance;
                        self.status.version = hello.version;
                    }
                    _ => {}
                }
            }
        }
    }

    fn moved(&mut self, event: TransfersEvent) {
        if event.reset {
            self.transfers.clear();
        }
        for id in &event.ended {
            self.transfers.remove(id);
        }
        for transfer in event.began {
            self.transfers.insert(transfer.id, transfer);
        }
        for progress in &event.progress {
            if let Some(transfer) = self.transfers.get_mut(&progress.id) {
                transfer.advance(progress);
            }
        }
        self.arrange();
    }

    /// How many transfers run.
    pub(super) fn running(&self) -> usize {
        self.transfers.len()
    }

    /// Makes the rows anew: what is filtered, and in which order, has changed.
    pub(super) fn arrange(&mut self) {
        self.changed = true;
        let wanted =
            |transfer: &&Transfer| self.filter.is_empty() || transfer.contains(&self.filter);
        self.rows = self.transfers.values().filter(wanted).cloned().collect();
        sort(&mut self.rows, self.sort, self.descending);
    }

    /// The row that is chosen.
    pub(super) fn row(&self) -> Option<usize> {
        let chosen = self.chosen?;
        self.rows.iter().position(|transfer| transfer.id == chosen)
    }

    /// Chooses the row so many further on.
    pub(super) fn choose(&mut self, by: isize) {
        self.changed = true;
        let Some(last) = self.rows.len().checked_sub(1) else {
            self.chosen = None;
            return;
        };
        let row = match self.row() {
            Some(row) => row.saturating_add_signed(by).min(last),
            None if by < 0 => last,
            None => self.first.min(last),
        };
        self.chosen = Some(self.rows[row].id);
    }

    /// The first row to show, so that what is chosen is among `height` rows.
    pub(super) fn scroll(&mut self, height: usize) {
        let most = self.rows.len().saturating_sub(height);
        if let Some(row) = self.row() {
            let least = (row + 1).saturating_sub(height);
            self.first = self.first.clamp(least.min(row), row);
        }
        self.first = self.first.min(most);
    }

    /// Looks at the machine of the chosen transfer; its name.
    pub(super) fn enter(&mut self) -> Option<String> {
        let transfer = &self.rows[self.row()?];
        let address = transfer
            .peer
            .rsplit_once(':')
            .map_or(&*transfer.peer, |(address, _)| address);
        let name = transfer.machine.clone();
        let name = name.unwrap_or_else(|| address.trim_matches(['[', ']']).to_owned());
        self.asked.clone_from(&name);
        self.known = None;
        self.screen = Screen::Machine;
        self.changed = true;
        Some(name)
    }

    pub(super) fn show(&mut self, screen: Screen) {
        self.screen = screen;
        self.changed = true;
    }
}
