//! The transfers.

use std::time::Duration;

use bootwire_admin::api::{SortOrder, Transfer};
use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Cell, Row, Table};

use super::state::State;
use super::view::{plain, rate};
use crate::size;

/// A column.
pub(super) struct Column {
    pub(super) order: SortOrder,
    title: &'static str,
    width: Constraint,
    /// Whether the highest come first when it is chosen.
    pub(super) descends: bool,
    right: bool,
    /// Shown on terminals of this width and more.
    from: u16,
}

impl Column {
    /// How it is called on the command line.
    pub(super) fn word(&self) -> String {
        match self.order {
            SortOrder::RoundTrip => "round-trip".to_owned(),
            order => format!("{order:?}").to_lowercase(),
        }
    }
}

const fn column(
    order: SortOrder,
    title: &'static str,
    width: Constraint,
    descends: bool,
    from: u16,
) -> Column {
    Column {
        order,
        title,
        width,
        descends,
        right: descends,
        from,
    }
}

/// All of them, from left to right.
pub(super) const COLUMNS: [Column; 10] = [
    column(SortOrder::Started, "#", Constraint::Length(8), false, 100),
    column(SortOrder::Peer, "CLIENT", Constraint::Length(21), false, 0),
    column(
        SortOrder::Machine,
        "MACHINE",
        Constraint::Length(17),
        false,
        80,
    ),
    column(SortOrder::Path, "PATH", Constraint::Fill(1), false, 0),
    column(
        SortOrder::Progress,
        "PROGRESS",
        Constraint::Length(16),
        true,
        60,
    ),
    column(SortOrder::Size, "SIZE", Constraint::Length(9), true, 110),
    column(SortOrder::Rate, "RATE", Constraint::Length(10), true, 0),
    column(
        SortOrder::RoundTrip,
        "RTT",
        Constraint::Length(8),
        true,
        120,
    ),
    column(SortOrder::Resent, "RESENT", Constraint::Length(7), true, 90),
    column(
        SortOrder::Idle,
        "WAITS FOR",
        Constraint::Length(14),
        true,
        70,
    ),
];

pub(super) fn draw(state: &mut State, frame: &mut Frame<'_>, area: Rect) {
    let height = usize::from(area.height.saturating_sub(1));
    state.scroll(height);
    let columns: Vec<&Column> = COLUMNS
        .iter()
        .filter(|column| area.width >= column.from)
        .collect();
    let chosen = state.chosen;
    // Only what is on the screen becomes text.
    let rows = state
        .rows
        .iter()
        .skip(state.first)
        .take(height)
        .map(|transfer| {
            let cells = columns.iter().map(|column| cell(column, transfer));
            let style = match chosen == Some(transfer.id) {
                true => Style::new().add_modifier(Modifier::REVERSED),
                false => Style::new(),
            };
            Row::new(cells).style(style)
        });
    let titles = columns.iter().map(|column| title(column, state));
    let header = Row::new(titles).style(Style::new().add_modifier(Modifier::BOLD));
    let widths = columns.iter().map(|column| column.width);
    let table = Table::new(rows, widths).header(header).column_spacing(1);
    frame.render_widget(table, area);
    if state.rows.is_empty() && area.height > 2 {
        let told = match (state.running(), state.filter.is_empty()) {
            (0, _) => "no transfer runs",
            (_, true) => "",
            (_, false) => "no transfer has this in path, address, machine or route",
        };
        let below = Rect {
            y: area.y + 2,
            height: 1,
            ..area
        };
        frame.render_widget(Line::from(told).centered().style(Color::DarkGray), below);
    }
}

fn title<'a>(column: &Column, state: &State) -> Cell<'a> {
    let mut text = column.title.to_owned();
    let mut style = Style::new();
    if column.order == state.sort {
        text.push(if state.descending { '▼' } else { '▲' });
        style = style.fg(Color::Cyan);
    }
    let line = Line::styled(text, style);
    Cell::from(if column.right {
        line.right_aligned()
    } else {
        line
    })
}

fn cell<'a>(column: &Column, transfer: &Transfer) -> Cell<'a> {
    let known = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
    let text = match column.order {
        SortOrder::Started => transfer.id.to_string(),
        SortOrder::Peer => plain(&transfer.peer),
        SortOrder::Machine => known(transfer.machine.as_deref().map(plain)),
        SortOrder::Path if transfer.op == "write" => format!("↑ {}", plain(&transfer.path)),
        SortOrder::Path => plain(&transfer.path),
        SortOrder::Progress => return Cell::from(progress(transfer)),
        SortOrder::Size => known(transfer.size.map(short)),
        SortOrder::Rate => known(transfer.rate.map(rate)),
        SortOrder::RoundTrip => known(
            transfer
                .round_trip_us
                .map(|us| size::span(Duration::from_micros(us))),
        ),
        SortOrder::Resent => transfer.blocks_resent.to_string(),
        SortOrder::Idle => return Cell::from(waits(transfer)),
    };
    let mut line = Line::from(text);
    if column.order == SortOrder::Resent && transfer.blocks_resent > 0 {
        line = line.style(Color::Yellow);
    }
    Cell::from(if column.right {
        line.right_aligned()
    } else {
        line
    })
}

/// `██████░░░░  62 %`; of a size that is not known, the bytes.
fn progress<'a>(transfer: &Transfer) -> Text<'a> {
    const WIDTH: usize = 10;
    let Some(done) = transfer.progress() else {
        return Text::from(Line::from(short(transfer.bytes)).right_aligned());
    };
    let full = ((done * WIDTH as f64) as usize).min(WIDTH);
    Text::from(Line::from(vec![
        Span::styled("█".repeat(full), Color::Green),
        Span::styled("░".repeat(WIDTH - full), Color::DarkGray),
        Span::raw(format!(" {:>3.0} %", done * 100.0)),
    ]))
}

/// What it waits for, and how long its client was silent if that is long.
fn waits<'a>(transfer: &Transfer) -> Text<'a> {
    let idle = Duration::from_micros(transfer.idle_us);
    let style = match &*transfer.phase {
        "network" => Style::new().fg(Color::Red),
        "handler" | "content" => Style::new().fg(Color::Yellow),
        _ => Style::new(),
    };
    let mut text = plain(&transfer.phase);
    let mut style = style;
    if idle >= Duration::from_secs(1) {
        text = format!("{text} {} s", idle.as_secs());
        style = style.fg(Color::Red);
    }
    Text::from(Line::styled(text, style).right_aligned())
}

/// Bytes in few letters: `12 MiB`.
pub(super) fn short(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        _ => size::bytes(bytes),
    }
}
