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
