//! The transfers.

use std::time::Duration;

use bootwire_admin::api::{SortOrder, Transfer};
use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Cell, Row, Table};

use super::state::State;
use super::text::{fitted, plain, rate, short};
use crate::size;

/// A column.
pub(super) struct Column {
    pub(super) order: SortOrder,
    title: &'static str,
    width: u16,
    /// Whether the highest come first when it is chosen.
    pub(super) descends: bool,
    right: bool,
    /// Which are shown where there is not room for all: the lowest.
    rank: u8,
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
    width: u16,
    descends: bool,
    rank: u8,
) -> Column {
    Column {
        order,
        title,
        width,
        descends,
        right: descends,
        rank,
    }
}

/// Least width of the paths, for which columns to their side are left out.
const PATH_LEAST: u16 = 20;

/// All of them, from left to right.
pub(super) const COLUMNS: [Column; 10] = [
    column(SortOrder::Started, "#", 8, false, 6),
    column(SortOrder::Peer, "CLIENT", 21, false, 0),
    column(SortOrder::Machine, "MACHINE", 17, false, 3),
    column(SortOrder::Path, "PATH", PATH_LEAST, false, 0),
    column(SortOrder::Progress, "PROGRESS", 16, true, 1),
    column(SortOrder::Size, "SIZE", 9, true, 5),
    column(SortOrder::Rate, "RATE", 10, true, 0),
    column(SortOrder::RoundTrip, "RTT", 8, true, 7),
    column(SortOrder::Resent, "RESENT", 7, true, 4),
    column(SortOrder::Idle, "WAITS FOR", 14, true, 2),
];

/// Those that fit, and what is left for the paths.
fn fitting(width: u16) -> (Vec<&'static Column>, u16) {
    let of = |rank: u8| COLUMNS.iter().filter(move |column| column.rank <= rank);
    let taken = |rank: u8| of(rank).map(|column| column.width + 1).sum::<u16>() - 1;
    let rank = (0..COLUMNS.len() as u8)
        .rev()
        .find(|&rank| taken(rank) <= width);
    let rank = rank.unwrap_or(0);
    let path = (width + PATH_LEAST).saturating_sub(taken(rank));
    (of(rank).collect(), path)
}

pub(super) fn draw(state: &mut State, frame: &mut Frame<'_>, area: Rect) {
    let height = usize::from(area.height.saturating_sub(1));
    state.scroll(height);
    let (columns, path) = fitting(area.width);
    let chosen = state.chosen;
    // Only what is on the screen becomes text.
    let rows = state
        .rows
        .iter()
        .skip(state.first)
        .take(height)
        .map(|transfer| {
            let cells = columns.iter().map(|column| cell(column, transfer, path));
            let style = match chosen == Some(transfer.id) {
                true => Style::new().add_modifier(Modifier::REVERSED),
                false => Style::new(),
            };
            Row::new(cells).style(style)
        });
    let titles = columns.iter().map(|column| title(column, state));
    let header = Row::new(titles).style(Style::new().add_modifier(Modifier::BOLD));
    let widths = columns.iter().map(|column| match column.order {
        SortOrder::Path => Constraint::Length(path),
        _ => Constraint::Length(column.width),
    });
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

fn cell<'a>(column: &Column, transfer: &Transfer, path: u16) -> Cell<'a> {
    let known = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
    let text = match column.order {
        SortOrder::Started => transfer.id.to_string(),
        SortOrder::Peer => plain(&transfer.peer),
        SortOrder::Machine => known(transfer.machine.as_deref().map(plain)),
        SortOrder::Path => {
            let sent = if transfer.op == "write" { "↑ " } else { "" };
            fitted(&format!("{sent}{}", plain(&transfer.path)), path.into())
        }
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
