//! What keys do.

use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::list::COLUMNS;
use super::state::{Screen, State};

/// Rows of a page.
const PAGE: isize = 20;

/// All keys, for the screen that tells them.
pub(super) const KEYS: [(&str, &str); 11] = [
    ("↑ ↓, k j", "choose a transfer"),
    ("PgUp PgDn", "twenty further"),
    ("Home End", "the first, the last"),
    (
        "Enter",
        "the machine of that transfer: boots, verdict, timeline",
    ),
    ("← →, < >", "sort by another column"),
    ("1 … 9, 0", "sort by that column"),
    ("r", "turn the order round"),
    (
        "/",
        "filter as you type, by path, address, machine or route",
    ),
    ("Esc", "back; no filter"),
    ("?", "this"),
    ("q, Ctrl-C", "quit"),
];

/// What is to be done beside.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Nothing,
    Quit,
    /// Ask for this machine.
    Machine(String),
}

/// Does what a key says.
pub(super) fn pressed(state: &mut State, event: &Event) -> Wish {
    let Event::Key(key) = event else {
        // The size changed: everything is drawn anew.
        return Wish::Nothing;
    };
    if key.kind == KeyEventKind::Release {
        return Wish::Nothing;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) && matches!(key.code, KeyCode::Char('c' | 'd'))
    {
        return Wish::Quit;
    }
    if state.typing {
        typed(state, *key);
        return Wish::Nothing;
    }
    match (state.screen, key.code) {
        (Screen::List, KeyCode::Char('q')) => return Wish::Quit,
        (Screen::List, KeyCode::Esc) => {
            state.filter.clear();
            state.arrange();
        }
        (_, KeyCode::Esc | KeyCode::Char('q') | KeyCode::Backspace) => state.show(Screen::List),
        (Screen::List, KeyCode::Char('?' | 'h')) => state.show(Screen::Help),
        (Screen::List, code) => return in_list(state, code),
        (Screen::Machine, KeyCode::Char('r') | KeyCode::F(5)) => {
            return Wish::Machine(state.asked.clone());
        }
        _ => {}
    }
    Wish::Nothing
}

fn in_list(state: &mut State, code: KeyCode) -> Wish {
    match code {
        KeyCode::Up | KeyCode::Char('k') => state.choose(-1),
        KeyCode::Down | KeyCode::Char('j') => state.choose(1),
        KeyCode::PageUp => state.choose(-PAGE),
        KeyCode::PageDown | KeyCode::Char(' ') => state.choose(PAGE),
        KeyCode::Home | KeyCode::Char('g') => state.choose(isize::MIN),
        KeyCode::End | KeyCode::Char('G') => {
            state.choose(0);
            state.choose(isize::MAX);
        }
        KeyCode::Left | KeyCode::Char('<') => sort_by(state, COLUMNS.len() - 1),
        KeyCode::Right | KeyCode::Char('>') => sort_by(state, 1),
        KeyCode::Char('r') => {
            state.descending = !state.descending;
            state.arrange();
        }
        KeyCode::Char('/') => {
            state.typing = true;
            state.arrange();
        }
        KeyCode::Enter => {
            if let Some(name) = state.enter() {
                return Wish::Machine(name);
            }
        }
        KeyCode::Char(digit) => {
            let number = digit.to_digit(10).map(|digit| (digit as usize + 9) % 10);
            if let Some(column) = number.and_then(|number| COLUMNS.get(number)) {
                if state.sort == column.order {
                    state.descending = !state.descending;
                } else {
                    state.sort = column.order;
                    state.descending = column.descends;
                }
                state.arrange();
            }
        }
        _ => {}
    }
    Wish::Nothing
}

/// Sorts by the column so many further on.
fn sort_by(state: &mut State, further: usize) {
    let now = COLUMNS.iter().position(|column| column.order == state.sort);
    let column = &COLUMNS[(now.unwrap_or(0) + further) % COLUMNS.len()];
    state.sort = column.order;
    state.descending = column.descends;
    state.arrange();
}

fn typed(state: &mut State, key: KeyEvent) {
    match key.code {
        KeyCode::Enter => state.typing = false,
        KeyCode::Esc => {
            state.typing = false;
            state.filter.clear();
        }
        KeyCode::Backspace => {
            state.filter.pop();
        }
        KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => state.filter.clear(),
        KeyCode::Char(letter) if !letter.is_control() => state.filter.push(letter),
        KeyCode::Up => state.choose(-1),
        KeyCode::Down => state.choose(1),
        _ => {}
    }
    state.arrange();
}
