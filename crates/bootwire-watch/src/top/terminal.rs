//! The terminal: ours for a while, and then as it was, whatever happens.

use std::io;
use std::time::Duration;

use ratatui::crossterm::event::{self, Event};
use ratatui::{DefaultTerminal, Frame};
use tokio::sync::mpsc;

/// How often the thread that reads keys looks whether anybody still wants them.
const LOOK: Duration = Duration::from_millis(250);

pub(super) struct Terminal {
    screen: DefaultTerminal,
    events: mpsc::Receiver<Event>,
}

impl Terminal {
    /// Takes the terminal. A panic gives it back before it says what is wrong.
    pub(super) fn new() -> io::Result<Self> {
        let screen = ratatui::try_init()?;
        let (sender, events) = mpsc::channel(64);
        let read = move || {
            while !sender.is_closed() {
                match event::poll(LOOK) {
                    Ok(false) => {}
                    Ok(true) => {
                        let sent = event::read().map(|event| sender.blocking_send(event));
                        if !matches!(sent, Ok(Ok(()))) {
                            return;
                        }
                    }
                    // The terminal has gone.
                    Err(_) => return,
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("keys".to_owned())
            .spawn(read);
        if let Err(error) = thread {
            ratatui::restore();
            return Err(error);
        }
        Ok(Self { screen, events })
    }

    /// The next key or change of size; nothing once the terminal has gone.
    pub(super) async fn event(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    pub(super) fn draw(&mut self, picture: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.screen.draw(picture).map(|_| ())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Set in the process that has a terminal.
    const INSIDE: &str = "TOP_INSIDE";

    #[test]
    fn a_panic_gives_the_terminal_back_and_can_be_read() {
        if std::env::var_os(INSIDE).is_some() {
            let mut terminal = Terminal::new().unwrap();
            terminal.draw(|_| {}).unwrap();
            panic!("as it happens");
        }
        let this = std::env::current_exe().unwrap();
        let name = "top::terminal::tests::a_panic_gives_the_terminal_back_and_can_be_read";
        let commands = format!(
            "echo before=$(stty -g); {INSIDE}=1 {this:?} --exact {name} --nocapture; echo after=$(stty -g)"
        );
        // `script` gives it a terminal of its own.
        let output = Command::new("script")
            .args(["-qec", &commands, "/dev/null"])
            .env("TERM", "xterm-256color")
            .env("SHELL", "/bin/sh")
            .output()
            .expect("script(1)");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let entered = text.find("\u{1b}[?1049h").expect(&text);
        let left = text.find("\u{1b}[?1049l").expect(&text);
        let told = text.find("as it happens").expect(&text);
        assert!(entered < left && left < told, "{text:?}");
        let said = |name: &str| {
            let at = text.find(name).expect(&text) + name.len();
            text[at..].split_whitespace().next().unwrap().to_owned()
        };
        assert_eq!(said("before="), said("after="), "{text:?}");
    }
}
