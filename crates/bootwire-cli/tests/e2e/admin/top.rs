//! `bootwire top` in a terminal that changes its size, and after it.

use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::{PATIENCE, socket};
use crate::harness::{Server, bootwire};

/// What a terminal was sent so far.
#[derive(Clone, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Screen {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }

    /// Waits for these words after so many bytes; how many there are then.
    fn wait(&self, words: &str, after: usize) -> usize {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = self.text();
            if text.get(after..).is_some_and(|text| text.contains(words)) {
                return text.len();
            }
            assert!(Instant::now() < deadline, "no {words:?} in {text:?}");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
}

#[test]
fn it_follows_the_size_of_the_terminal_and_leaves_it_as_it_was() {
    let server = Server::builder().file("one", b"1").admin_socket().start();
    let place = server.outside();
    let smaller = place.join("smaller");
    let commands = place.join("commands.sh");
    let script = format!(
        "stty rows 30 cols 100\necho before=$(stty -g)\n\
         (while [ ! -e {smaller:?} ]; do sleep 0.1; done; stty -F /dev/tty rows 20 cols 60) &\n\
         {:?} top --admin {:?}\necho code=$?\nwait\nstty rows 30 cols 100\necho after=$(stty -g)\n",
        bootwire(),
        socket(&server)
    );
    fs::write(&commands, script).unwrap();
    // `script` gives it a terminal of its own.
    let mut child = Command::new("script")
        .args(["-qec", &format!("sh {commands:?}"), "/dev/null"])
        .env("TERM", "xterm-256color")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script(1)");
    let screen = Screen::default();
    let (mut output, filled) = (child.stdout.take().unwrap(), screen.clone());
    let reader = std::thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = output.read(&mut piece) {
            filled.0.lock().unwrap().extend_from_slice(&piece[..length]);
        }
    });
    // Its own screen, with a last line.
    let entered = screen.wait("\u{1b}[?1049h", 0);
    let drawn = screen.wait("\u{1b}[30;", entered.min(1));
    fs::write(&smaller, "").unwrap();
    screen.wait("\u{1b}[20;", drawn);
    child.stdin.as_mut().unwrap().write_all(b"q").unwrap();
    screen.wait("after=", 0);
    child.wait().unwrap();
    reader.join().unwrap();
    let text = screen.text();
    assert!(text.contains("code=0"), "{text:?}");
    let left = text.rfind("\u{1b}[?1049l").expect("it leaves its screen");
    assert!(left < text.find("code=").unwrap());
    let said = |name: &str| {
        let at = text.find(name).unwrap() + name.len();
        text[at..].split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!(said("before="), said("after="), "modes of the terminal");
}
