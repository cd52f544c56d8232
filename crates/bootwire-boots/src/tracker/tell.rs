//! What is told of a boot: that it began, how it goes, its end with the verdict.

use std::sync::Arc;

use super::judge;
use super::open::Open;
use crate::{Arch, Change};

impl Open {
    /// Its end, with the verdict as of now.
    pub(super) fn end(&mut self, arch: Option<Arch>, changes: &mut Vec<Change>) {
        let verdict = judge::verdict(self, arch);
        let kind = verdict.kind;
        self.boot.arch = self.boot.arch.or(arch);
        self.boot.verdict = Some(verdict);
        self.boot.expected = judge::expected(self);
        self.dirty = false;
        self.held = false;
        let boot = Arc::new(self.boot.clone());
        if !self.announced {
            self.announced = true;
            changes.push(Change::Began(Arc::clone(&boot)));
        }
        let is_news = self.said != Some(kind);
        self.said = Some(kind);
        changes.push(match is_news {
            true => Change::Ended(boot),
            false => Change::Progress(boot),
        });
    }

    pub(super) fn end_if_held(&mut self, arch: Option<Arch>, changes: &mut Vec<Change>) {
        if self.held {
            self.end(arch, changes);
        }
    }

    /// What is new of it.
    pub(super) fn tell(&mut self, arch: Option<Arch>, changes: &mut Vec<Change>) {
        if !std::mem::take(&mut self.dirty) || self.held {
            return;
        }
        self.boot.arch = self.boot.arch.or(arch);
        if !self.boot.over {
            self.boot.verdict = judge::so_far(self, arch);
        }
        let boot = Arc::new(self.boot.clone());
        let is_new = !std::mem::replace(&mut self.announced, true);
        changes.push(match is_new {
            true => Change::Began(boot),
            false => Change::Progress(boot),
        });
    }
}
