//! What a sandbox around this process keeps from a configuration.
//!
//! Landlock lets a directory be held whose files it does not let be opened. A reload that names one
//! would go well, and clients would be denied every file. So the kernel is asked beforehand.

use std::path::{Path, PathBuf};

use rustix::fs::{Access, CWD, Mode, OFlags, access, openat};
use rustix::io::Errno;

use super::requirements::Requirements;
use crate::config::{Config, Problem};

/// What is to be done with a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Read,
    Write,
    Execute,
}

impl Config {
    /// The paths of this configuration that only a sandbox is in the way of, as problems. Blocks on the
    /// disk.
    pub(super) fn out_of_reach(&self) -> Vec<Problem> {
        let needs = self.requirements();
        let read = needs.served.iter().chain(&needs.files);
        let read = read.map(|path| (path, Use::Read));
        let written = needs.write.iter().map(|path| (path, Use::Write));
        let programs = needs.programs.iter();
        let programs = programs.map(|(_, path)| (path, Use::Execute));
        let all = read.chain(written).chain(programs);
        all.filter(|(path, wanted)| is_kept_from(path, *wanted))
            .map(|(path, wanted)| {
                let key = match wanted {
                    Use::Read => "read",
                    Use::Write => "write",
                    Use::Execute => "execute",
                };
                let what = format!(
                    "the sandbox has no access to {}: restart the server, or name it in \
                     sandbox.{key}",
                    path.display()
                );
                Problem::new(self.place_naming(path, wanted), what)
            })
            .collect()
    }

    /// Where `path` is named for that use.
    fn place_naming(&self, path: &PathBuf, wanted: Use) -> String {
        let steps = self.routes.iter().flat_map(|route| route.step.all());
        let steps = steps.map(|step| (self.place(step.place), Requirements::of_step(self, step)));
        let origins = self.document.origin.iter();
        let origins = origins.map(|(name, origin)| {
            let place = self.place_of(&format!("origin.{name}"));
            (place, Requirements::of_origin(self, origin))
        });
        let names = |needs: &Requirements| match wanted {
            Use::Read => needs.served.contains(path) || needs.files.contains(path),
            Use::Write => needs.write.contains(path),
            Use::Execute => needs.programs.iter().any(|(_, program)| program == path),
        };
        let mut tables = steps.chain(origins);
        let found = tables.find(|(_, needs)| names(needs));
        found.map_or_else(|| self.location.to_string(), |(place, _)| place)
    }
}

/// Whether the kernel refuses what the modes of the file allow.
fn is_kept_from(path: &Path, wanted: Use) -> bool {
    let Ok(metadata) = std::fs::metadata(path) else {
        // It is made, or its absence is told by whoever opens it.
        return wanted == Use::Write
            && path
                .parent()
                .is_some_and(|parent| parent.is_dir() && is_kept_from(parent, wanted));
    };
    // To open anything else may have consequences.
    if !metadata.is_dir() && !metadata.is_file() {
        return false;
    }
    let (flags, modes) = match wanted {
        // A file without a name, which is gone when it is closed.
        Use::Write => (OFlags::WRONLY | OFlags::TMPFILE, Access::WRITE_OK),
        Use::Read | Use::Execute => (OFlags::RDONLY | OFlags::NONBLOCK, Access::READ_OK),
    };
    let opened = openat(CWD, path, flags | OFlags::CLOEXEC, Mode::RUSR);
    opened.is_err_and(|errno| errno == Errno::ACCESS) && access(path, modes).is_ok()
}
