//! Showing a page, where somebody sees it.

use std::process::{Command, Stdio};
use std::thread;

/// Opens an address in the browser, if there is a desktop. Whatever goes wrong, the address is on the
/// terminal too.
pub(crate) fn open(address: &str) {
    let Some(program) = program() else {
        return;
    };
    let started = Command::new(program)
        .arg(address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Ok(mut child) = started {
        // Some stay as long as the browser does.
        thread::spawn(move || child.wait());
    }
}

fn program() -> Option<&'static str> {
    if cfg!(target_os = "macos") {
        return Some("open");
    }
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    (set("DISPLAY") || set("WAYLAND_DISPLAY")).then_some("xdg-open")
}
