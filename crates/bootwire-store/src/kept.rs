//! Files kept open for the next who asks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bootwire::file::OpenFile;

/// Files kept, at most.
const FILES_MAX: usize = 1024;
/// How long a file is kept after it was opened. It is short because a file that is deleted
/// meanwhile takes its space on the disk until it is let go.
const KEPT_FOR: Duration = Duration::from_secs(30);

/// Files opened lately. A machine that boots is seldom alone: while a file is kept, the next
/// request for it is answered without opening it again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    files: Arc<Mutex<Files>>,
}

#[derive(Debug, Default)]
struct Files {
    /// Oldest first.
    entries: VecDeque<(Instant, Arc<OpenFile>)>,
    /// Whether a task waits to let the oldest go.
    swept: bool,
}

impl Kept {
    /// Keeps `file` for a while. Called on a thread of a tokio runtime.
    pub(crate) fn keep(&self, file: &Arc<OpenFile>) {
        let mut files = self.lock();
        files.entries.push_back((Instant::now(), Arc::clone(file)));
        if files.entries.len() > FILES_MAX {
            files.entries.pop_front();
        }
        if !files.swept
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            files.swept = true;
            runtime.spawn(self.clone().sweep());
        }
    }

    /// Lets files go when their time is over, until none is left.
    async fn sweep(self) {
        while let Some(oldest) = self.let_go(Instant::now()) {
            tokio::time::sleep_until((oldest + KEPT_FOR).into()).await;
        }
    }

    /// Lets go what was opened too long before `now`; tells when the oldest that is left was.
    fn let_go(&self, now: Instant) -> Option<Instant> {
        let mut files = self.lock();
        while files
            .entries
            .front()
            .is_some_and(|(opened, _)| now.duration_since(*opened) >= KEPT_FOR)
        {
            files.entries.pop_front();
        }
        let oldest = files.entries.front().map(|(opened, _)| *opened);
        files.swept = oldest.is_some();
        oldest
    }

    /// Lets all go. `false` if there were none.
    pub(crate) fn let_all_go(&self) -> bool {
        let entries = std::mem::take(&mut self.lock().entries);
        !entries.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> (tempfile::TempDir, Arc<OpenFile>) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "content").unwrap();
        let file = OpenFile::new(std::fs::File::open(path).unwrap()).unwrap();
        (dir, file)
    }

    #[test]
    fn files_are_let_go_when_their_time_is_over() {
        let (_dir, file) = open();
        let kept = Kept::default();
        let before = Instant::now();
        kept.keep(&file);
        assert_eq!(Arc::strong_count(&file), 2);
        assert!(kept.let_go(before + KEPT_FOR / 2).is_some());
        assert_eq!(Arc::strong_count(&file), 2);
        assert_eq!(kept.let_go(Instant::now() + KEPT_FOR), None);
        assert_eq!(Arc::strong_count(&file), 1);
    }

    #[test]
    fn all_are_let_go_when_descriptors_are_needed() {
        let (_dir, file) = open();
        let kept = Kept::default();
        assert!(!kept.let_all_go());
        kept.keep(&file);
        assert!(kept.let_all_go());
        assert_eq!(Arc::strong_count(&file), 1);
    }

    #[test]
    fn their_number_is_bounded() {
        let (_dir, file) = open();
        let kept = Kept::default();
        for _ in 0..FILES_MAX + 10 {
            kept.keep(&file);
        }
        assert_eq!(Arc::strong_count(&file), FILES_MAX + 1);
    }
}
