//! The frame: what the server does as a whole, and the line of keys.

use std::time::{Duration, SystemTime};

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph, Sparkline};

use super::keys::KEYS;
use super::state::{Screen, State};
use super::text::{plain, rate};
use super::{list, machine};
use crate::size;

pub(super) fn draw(state: &mut State, frame: &mut Frame<'_>) {
    let tall = frame.area().height >= 16;
    let chart = if tall { 3 } else { 0 };
    let [head, chart, body, foot] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Length(chart),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(vec![server(state), figures(state)]), head);
    if tall {
        throughput(state, frame, chart);
    }
    match state.screen {
        Screen::List => list::draw(state, frame, body),
        Screen::Machine => machine::draw(state, frame, body),
        Screen::Help => help(frame, body),
    }
    frame.render_widget(keys(state), foot);
}

/// Who it is.
fn server(state: &State) -> Line<'static> {
    let status = &state.status;
    let name = format!("{} {}", plain(&status.name), plain(&status.version));
    let mut spans = vec![Span::styled(name, Modifier::BOLD)];
    if let Some(why) = &state.gone {
        spans.push(Span::styled(
            format!("  {}: {}", plain(&state.place), plain(why)),
            Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
        ));
        return Line::from(spans);
    }
    if !status.ready {
        spans.push(Span::styled("  drains", Color::Yellow));
    }
    let listen = status.listen.iter().map(|address| plain(address));
    spans.push(Span::raw(format!(
        "  {}",
        listen.collect::<Vec<_>>().join(" ")
    )));
    if let (Some(started), Some(now)) = (time(&status.started), state.samples.back()) {
        let up = time(&now.time).and_then(|now| now.duration_since(started).ok());
        if let Some(up) = up {
            let whole = Duration::from_secs(up.as_secs());
            spans.push(Span::raw(format!(
                "  up {}",
                humantime::format_duration(whole)
            )));
        }
    }
    if !state.load.is_empty() {
        let busiest = state.load.iter().copied().fold(0.0, f64::max);
        let told = format!("  busiest worker {:.0} %", busiest * 100.0);
        let style = if busiest > 0.9 {
            Style::new().fg(Color::Red)
        } else {
            Style::new()
        };
        spans.push(Span::styled(told, style));
    }
    Line::from(spans)
}

/// What it does now.
fn figures(state: &State) -> Line<'static> {
    let now = state.samples.back().cloned().unwrap_or_default();
    let count = |name: &str| state.status.counts.get(name).copied().unwrap_or(0);
    let running = state
        .running()
        .max(usize::try_from(now.active).unwrap_or(0));
    let mut spans = vec![
        Span::styled(
            size::count(running as u64, "transfer", "transfers"),
            Modifier::BOLD,
        ),
        Span::styled(format!("  {} out", rate(now.bytes_out)), Color::Cyan),
    ];
    if now.bytes_in > 0 || count("writes") > 0 {
        spans.push(Span::raw(format!("  {} in", rate(now.bytes_in))));
    }
    spans.push(Span::raw(format!("  {}/s complete", now.completed)));
    // What is wrong has a colour, and is there even if it is nothing now but was before.
    let lost = state
        .exporters
        .iter()
        .map(|one| one.dropped + one.failed)
        .sum::<u64>()
        + count("records_dropped");
    let ended = |names: &[&str]| names.iter().map(|name| count(name)).sum::<u64>();
    let refused = ended(&[
        "not_allowed",
        "low_port",
        "rate_limited",
        "unproven_dropped",
        "over_limit",
    ]);
    for (figure, total, words, colour) in [
        (now.failed, now.failed, "/s failed", Color::Red),
        (now.refused, refused, "/s refused", Color::Yellow),
        (
            now.blocks_resent,
            now.blocks_resent,
            " blocks/s resent",
            Color::Yellow,
        ),
        (
            count("kernel_drops"),
            count("kernel_drops"),
            " dropped by the kernel",
            Color::Red,
        ),
        (lost, lost, " records lost by exporters", Color::Red),
    ] {
        if total > 0 {
            let style = if figure > 0 {
                Style::new().fg(colour)
            } else {
                Style::new()
            };
            spans.push(Span::styled(format!("  {figure}{words}"), style));
        }
    }
    Line::from(spans)
}

/// Bytes sent, second by second, the newest on the right.
fn throughput(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let width = usize::from(area.width);
    let skipped = state.samples.len().saturating_sub(width);
    let seconds: Vec<u64> = state
        .samples
        .iter()
        .skip(skipped)
        .map(|sample| sample.bytes_out)
        .collect();
    let most = seconds.iter().copied().max().unwrap_or(0);
    let space = width.saturating_sub(seconds.len());
    let data: Vec<u64> = std::iter::repeat_n(0, space).chain(seconds).collect();
    let chart = Sparkline::default()
        .data(&data)
        .max(most.max(1))
        .style(Color::Cyan);
    frame.render_widget(chart, area);
    if most > 0 {
        let label = format!("{} at most", rate(most));
        let label = Line::styled(label, Color::DarkGray);
        frame.render_widget(label, Rect { height: 1, ..area });
    }
}

/// What can be done.
fn keys(state: &State) -> Line<'static> {
    if state.typing {
        return Line::from(vec![
            Span::styled("filter: ", Modifier::BOLD),
            Span::raw(plain(&state.filter)),
            Span::styled("▏", Color::Cyan),
            Span::styled("  Enter keeps it, Esc ends it", Color::DarkGray),
        ]);
    }
    let mut spans = Vec::new();
    let told: &[(&str, &str)] = match state.screen {
        Screen::List => &[
            ("↑↓", "choose"),
            ("Enter", "machine"),
            ("←→", "sort"),
            ("r", "reverse"),
            ("/", "filter"),
            ("?", "keys"),
            ("q", "quit"),
        ],
        Screen::Machine => &[("Esc", "back"), ("r", "look again"), ("Ctrl-C", "quit")],
        Screen::Help => &[("Esc", "back"), ("Ctrl-C", "quit")],
    };
    for (key, does) in told {
        spans.push(Span::styled(format!(" {key} "), Modifier::REVERSED));
        spans.push(Span::raw(format!(" {does}  ")));
    }
    if state.screen == Screen::List && !state.filter.is_empty() {
        let told = format!(
            "{} of {} with {:?}",
            state.rows.len(),
            state.running(),
            state.filter
        );
        spans.push(Span::styled(plain(&told), Color::Cyan));
    }
    Line::from(spans)
}

fn help(frame: &mut Frame<'_>, area: Rect) {
    let mut lines = vec![Line::default()];
    lines.extend(KEYS.iter().map(|(key, does)| {
        Line::from(vec![
            Span::styled(format!("  {key:<12}"), Modifier::BOLD),
            Span::raw(*does),
        ])
    }));
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines), area);
}

/// A time of the API.
pub(super) fn time(text: &str) -> Option<SystemTime> {
    humantime::parse_rfc3339(text).ok()
}
