//! What is in force, in one line.

use std::fmt;

use crate::SandboxError;

/// What was given up, and what could not be.
#[derive(Debug, Default)]
pub struct Report {
    done: Vec<String>,
    missing: Vec<String>,
    /// Whether files are out of reach that were not granted.
    pub(super) files: bool,
}

impl Report {
    pub(super) fn add(&mut self, done: impl Into<String>) {
        self.done.push(done.into());
    }

    pub(super) fn lacks(&mut self, missing: String) {
        self.missing.push(missing);
    }

    /// Adds what was tried.
    pub(super) fn note(&mut self, tried: Result<(), rustix::io::Errno>, what: &str) {
        match tried {
            Ok(()) => self.add(what),
            Err(errno) => self.lacks(format!("{what}: {errno}")),
        }
    }

    /// Fails if anything is missing.
    pub(super) fn expect_whole(&self) -> Result<(), SandboxError> {
        if !self.missing.is_empty() {
            return Err(SandboxError::Incomplete(format!(
                "--sandbox require: {}; --sandbox best-effort does without",
                self.missing.join("; ")
            )));
        }
        Ok(())
    }
}

impl Report {
    /// Whether files are out of reach that were not granted.
    pub const fn confines_files(&self) -> bool {
        self.files
    }

    /// The same without paths, and without what is always so.
    pub fn in_short(&self) -> Self {
        let done = self.done.iter();
        let done =
            done.filter(|part| !["no_new_privs", "no capabilities"].contains(&part.as_str()));
        let named = |part: &String| part.split(" (").next().unwrap_or_default().to_owned();
        Self {
            done: done.map(named).collect(),
            missing: self.missing.clone(),
            files: self.files,
        }
    }
}

/// `user nobody, no_new_privs, no capabilities, landlock ABI 7 (read /srv/tftp), seccomp 84 calls`
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.done.is_empty() && self.missing.is_empty() {
            return f.write_str("off");
        }
        f.write_str(&self.done.join(", "))?;
        if !self.missing.is_empty() {
            let separator = if self.done.is_empty() { "" } else { "; " };
            write!(f, "{separator}missing: {}", self.missing.join("; "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_what_is_there_and_what_is_not() {
        let mut report = Report::default();
        assert_eq!(report.to_string(), "off");
        report.add("user nobody");
        report.note(Ok(()), "no_new_privs");
        assert_eq!(report.to_string(), "user nobody, no_new_privs");
        report.add("landlock ABI 7 (read /srv)");
        assert_eq!(report.in_short().to_string(), "user nobody, landlock ABI 7");
        report.done.pop();
        report.expect_whole().unwrap();
        report.lacks("no Landlock in this kernel".to_owned());
        assert_eq!(
            report.to_string(),
            "user nobody, no_new_privs; missing: no Landlock in this kernel"
        );
        let error = report.expect_whole().unwrap_err().to_string();
        assert!(
            error.contains("require: no Landlock in this kernel;"),
            "{error}"
        );
    }
}
