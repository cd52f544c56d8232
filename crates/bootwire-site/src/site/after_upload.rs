//! Running a program when an upload is complete.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bootwire_render::hook::{Asker as _, Decision, Exec, HookError, Question};
use bootwire_render::identity::Identity;
use bootwire_store::Stored;
use tokio::sync::Semaphore;

use super::opening::Notes;
use crate::config::model;

/// Time a program may take, unless told otherwise.
const DEADLINE: Duration = Duration::from_secs(60);
/// Programs at the same time, unless told otherwise.
const CONCURRENCY: usize = 4;
/// Finished uploads that wait for a turn, at most.
const QUEUE_MAX: usize = 1000;

/// Runs a program for each upload that is stored, a few at a time.
///
/// It runs behind the client's back: the upload is stored and acknowledged whatever the program
/// does. What fails is noted with the first line of its error output.
pub(super) struct Runner {
    inner: Arc<Inner>,
}

struct Inner {
    program: PathBuf,
    exec: Exec,
    deadline: Duration,
    slots: Semaphore,
    waiting: AtomicUsize,
    notes: Notes,
}

impl Runner {
    pub(super) fn new(program: PathBuf, table: &model::Finished, notes: &Notes) -> Self {
        let mut exec = Exec::new(&program);
        for arg in &table.args {
            exec = exec.arg(arg);
        }
        let slots = table.concurrency.unwrap_or(CONCURRENCY).max(1);
        let inner = Inner {
            program,
            exec,
            deadline: table.deadline.map_or(DEADLINE, |limit| limit.0),
            slots: Semaphore::new(slots),
            waiting: AtomicUsize::new(0),
            notes: notes.clone(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Runs it for an upload, soon.
    pub(super) fn run(&self, stored: &Stored) {
        let inner = Arc::clone(&self.inner);
        if inner.waiting.fetch_add(1, Ordering::Relaxed) >= QUEUE_MAX {
            inner.waiting.fetch_sub(1, Ordering::Relaxed);
            inner.complain(
                stored,
                &format!("not run, {QUEUE_MAX} uploads wait for it already"),
            );
            return;
        }
        let stored = stored.clone();
        tokio::spawn(async move {
            let turn = inner.slots.acquire().await;
            inner.waiting.fetch_sub(1, Ordering::Relaxed);
            if let Err(error) = inner.started(&stored).await {
                inner.complain(&stored, &error);
            }
            drop(turn);
        });
    }
}

impl Inner {
    async fn started(&self, stored: &Stored) -> Result<(), String> {
        let (file, size) = (stored.file.display().to_string(), stored.size.to_string());
        let mut question = Question::new(&stored.request, &Identity::of(&stored.request), false);
        let exec = self
            .exec
            .clone()
            .env("BOOTWIRE_FILE", &file)
            .env("BOOTWIRE_SIZE", &size);
        // For its arguments.
        question.params.insert("file".to_owned(), file);
        question.params.insert("size".to_owned(), size);
        let ended = tokio::time::timeout(self.deadline, exec.ask(Arc::new(question))).await;
        match ended.unwrap_or(Err(HookError::Late(self.deadline))) {
            Ok(Decision::Refuse(refusal)) => {
                let said = refusal.detail().unwrap_or_default();
                Err(format!("it failed: {said}"))
            }
            Ok(_) => Ok(()),
            Err(HookError::Late(limit)) => Err(format!("killed, it took longer than {limit:?}")),
            Err(HookError::Failed(what) | HookError::Senseless(what)) => Err(what),
            Err(error) => Err(error.to_string()),
        }
    }

    fn complain(&self, stored: &Stored, what: &str) {
        self.notes.tell(format_args!(
            "upload {}: {}: {what}",
            crate::shown::word(stored.file.as_os_str().as_encoded_bytes()),
            self.program.display()
        ));
    }
}
