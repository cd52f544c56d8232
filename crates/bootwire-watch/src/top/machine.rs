//! One machine: its newest boot as bars, its boots before, what it fetched lately.

use std::time::Duration;

use bootwire_admin::api::{Boot, BootDetail, BootState, Record};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

use super::feed::Known;
use super::state::State;
use super::text::{fitted, plain, short};
use crate::size;

/// Boots before the newest that are listed.
const BEFORE: usize = 8;

pub(super) fn draw(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let mut lines = vec![Line::styled(
        format!("machine {}", plain(&state.asked)),
        Modifier::BOLD,
    )];
    match &state.known {
        None => lines.push(Line::styled("  asking the server …", Color::DarkGray)),
        Some(known) => lines.extend(told(known, usize::from(area.width))),
    }
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }), area);
}

fn told(known: &Known, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if let Some(machine) = &known.machine {
        let seen = |text: &Option<String>| text.as_deref().map_or_else(|| "–".to_owned(), plain);
        let machine = &machine.machine;
        let strange = match machine.known {
            Some(false) => "  not in the inventory",
            _ => "",
        };
        lines.push(Line::from(format!(
            "  at {}  seen first {}, last {}  {}{strange}",
            seen(&machine.peer),
            seen(&machine.first_seen),
            seen(&machine.last_seen),
            size::count(machine.boots, "boot", "boots"),
        )));
    }
    if let Some(boot) = &known.boot {
        lines.push(Line::default());
        lines.extend(timeline(boot, width));
    }
    let boots = known
        .machine
        .as_ref()
        .map_or(&[][..], |machine| &machine.boots);
    if boots.len() > 1 {
        lines.push(Line::default());
        lines.push(Line::styled("boots before", Modifier::BOLD));
        lines.extend(boots.iter().skip(1).take(BEFORE).map(before));
    }
    if boots.is_empty() {
        if let Some(trouble) = &known.trouble {
            lines.push(Line::styled(
                format!("  no boots to show: {}", plain(trouble)),
                Color::DarkGray,
            ));
        }
        lines.push(Line::default());
        lines.push(Line::styled(
            "transfers lately, the newest first",
            Modifier::BOLD,
        ));
        match known.records.as_slice() {
            [] => lines.push(Line::styled(
                "  none that is still in memory",
                Color::DarkGray,
            )),
            records => lines.extend(records.iter().map(record)),
        }
    }
    lines
}

/// The verdict, what to do, and a bar for each stage.
fn timeline(detail: &BootDetail, width: usize) -> Vec<Line<'static>> {
    let boot = &detail.boot;
    let mut lines = vec![headline(boot)];
    if let Some(advice) = boot
        .verdict
        .as_ref()
        .and_then(|verdict| verdict.advice.as_deref())
        && !advice.is_empty()
    {
        lines.push(Line::from(format!("  {}", plain(advice))));
    }
    lines.push(Line::default());
    // Name, time and outcome beside the bar.
    let bar = width.saturating_sub(72).clamp(10, 60);
    let whole = boot.duration_us.max(1);
    for stage in &detail.stages {
        let place =
            |at: u64| (u128::from(at.min(whole)) * bar as u128 / u128::from(whole)) as usize;
        let from = place(stage.start_us).min(bar - 1);
        let to = place(stage.start_us.saturating_add(stage.duration_us)).clamp(from + 1, bar);
        let colour = match &*stage.outcome {
            "complete" => Color::Green,
            "probe" | "not_found" => Color::DarkGray,
            "running" => Color::Cyan,
            _ if stage.stage == "gap" => Color::DarkGray,
            _ => Color::Red,
        };
        let block = if stage.stage == "gap" { "·" } else { "█" };
        let took = size::span(Duration::from_micros(stage.duration_us));
        let many = if stage.count > 1 {
            format!(" ×{}", stage.count)
        } else {
            String::new()
        };
        let mut spans = vec![
            Span::raw(format!("  {:<9} ", plain(&stage.stage))),
            Span::raw(fitted(&format!("{}{many}", plain(&stage.path)), 30)),
            Span::raw(" ".repeat(from + 1)),
            Span::styled(block.repeat(to - from), colour),
            Span::raw(" ".repeat(bar - to + 1)),
            Span::raw(format!("{took:>9}  ")),
            Span::styled(plain(&stage.outcome).replace('_', " "), colour),
        ];
        if let Some(note) = &stage.note {
            spans.push(Span::styled(format!("  {}", plain(note)), Color::Yellow));
        }
        lines.push(Line::from(spans));
    }
    lines
}

fn headline(boot: &Boot) -> Line<'static> {
    let (word, colour) = state_of(boot);
    let mut spans = vec![Span::styled(
        format!("  {word}"),
        Style::new().fg(colour).add_modifier(Modifier::BOLD),
    )];
    if let Some(verdict) = &boot.verdict {
        spans.push(Span::raw(format!(": {}", plain(&verdict.text))));
    }
    let took = size::span(Duration::from_micros(boot.duration_us));
    spans.push(Span::styled(
        format!(
            "  {}, {} in {took}",
            size::count(boot.transfers, "transfer", "transfers"),
            short(boot.bytes)
        ),
        Color::DarkGray,
    ));
    Line::from(spans)
}

fn before(boot: &Boot) -> Line<'static> {
    let (word, colour) = state_of(boot);
    let text = boot
        .verdict
        .as_ref()
        .map_or_else(String::new, |verdict| plain(&verdict.text));
    Line::from(vec![
        Span::raw(format!("  {}  ", plain(&boot.started))),
        Span::styled(format!("{word:<9}"), colour),
        Span::raw(text),
    ])
}

fn state_of(boot: &Boot) -> (&'static str, Color) {
    match boot.state {
        BootState::Running => ("running", Color::Cyan),
        BootState::Complete => ("complete", Color::Green),
        BootState::Failed => ("failed", Color::Red),
        BootState::Unknown => ("ended", Color::Yellow),
    }
}

fn record(record: &Record) -> Line<'static> {
    let colour = match &*record.outcome {
        "complete" => Color::Green,
        "probe" | "not_found" => Color::DarkGray,
        _ => Color::Red,
    };
    let took = size::span(Duration::from_micros(record.duration_us));
    Line::from(vec![
        Span::raw(format!("  {}  ", plain(&record.time))),
        Span::styled(format!("{:<13}", record.outcome.replace('_', " ")), colour),
        Span::raw(format!("{:>9} {took:>9}  ", short(record.bytes))),
        Span::raw(plain(&record.path)),
    ])
}
