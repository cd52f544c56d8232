//! Lines for what happens to the directories that are served.

use bootwire_store::DirEvent;

use crate::out;

/// Tells the operator.
pub fn note_directory(event: &DirEvent) {
    match event {
        DirEvent::Replaced { .. } | DirEvent::Back { .. } => out::note(&event.to_string()),
        _ => out::note(&format!("warning: {event}")),
    }
}
