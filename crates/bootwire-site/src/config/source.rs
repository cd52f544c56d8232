//! Where things in the configuration were written.

/// Bytes of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Index of the source.
    pub(super) source: usize,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Place {
    /// Whether it is all of its source: a variable or a flag, whose name says which key it is.
    pub(super) const fn is_named(self) -> bool {
        self.source > 0 && self.end == 0
    }
}

/// Everything a configuration was read from, without its content: that may hold secrets.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources(Vec<Source>);

#[derive(Clone, Debug)]
struct Source {
    name: String,
    /// Where its lines begin; none if it has no lines.
    lines: Vec<usize>,
}

impl Sources {
    /// Adds a file; gives its index.
    pub(super) fn add_file(&mut self, name: impl Into<String>, text: &str) -> usize {
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        self.add(name.into(), std::iter::once(0).chain(breaks).collect())
    }

    /// Adds an environment variable; gives its index.
    pub(super) fn add_variable(&mut self, name: &str) -> usize {
        self.add(format!("environment variable {name}"), Vec::new())
    }

    /// Adds a flag as it is written; gives its index.
    pub(super) fn add_flag(&mut self, flag: &str) -> usize {
        self.add(flag.to_owned(), Vec::new())
    }

    fn add(&mut self, name: String, lines: Vec<usize>) -> usize {
        self.0.push(Source { name, lines });
        self.0.len() - 1
    }

    /// The name of a source.
    pub(super) fn name(&self, source: usize) -> &str {
        let name = self.0.get(source).map(|source| source.name.as_str());
        name.unwrap_or("configuration")
    }

    /// `FILE:LINE`, or the name of a variable.
    pub(super) fn show(&self, source: usize, at: usize) -> String {
        let name = self.name(source);
        let lines = self.0.get(source).map_or(&[][..], |source| &source.lines);
        match lines.partition_point(|&begin| begin <= at) {
            0 => name.to_owned(),
            line => format!("{name}:{line}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_shown_by_line() {
        let mut sources = Sources::default();
        let file = sources.add_file("boot.toml", "a = 1\n\nb = 2\n");
        let variable = sources.add_variable("BOOTWIRE_LOG");
        for (at, line) in [(0, 1), (5, 1), (6, 2), (7, 3), (12, 3), (99, 4)] {
            assert_eq!(sources.show(file, at), format!("boot.toml:{line}"));
        }
        assert_eq!(
            sources.show(variable, 3),
            "environment variable BOOTWIRE_LOG"
        );
    }
}
