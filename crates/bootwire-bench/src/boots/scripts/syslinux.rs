//! The configurations of PXELINUX, which U-Boot reads too.

/// What a configuration says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Menu {
    /// Tenths of a second before the default starts.
    pub(crate) timeout: u64,
    /// The module that shows the menu.
    pub(crate) ui: Option<String>,
    /// Files that belong to it.
    pub(crate) includes: Vec<String>,
    default: Option<String>,
    labels: Vec<Label>,
}

/// What can be booted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Label {
    name: String,
    is_default: bool,
    /// Boots from the disk instead.
    pub(crate) is_local: bool,
    pub(crate) kernel: Option<String>,
    pub(crate) initrds: Vec<String>,
    pub(crate) fdt: Option<String>,
    /// A configuration to read instead.
    pub(crate) config: Option<String>,
}

impl Menu {
    /// Reads a configuration.
    pub(crate) fn parse(text: &str) -> Self {
        let mut menu = Self::default();
        menu.add(text);
        menu
    }

    /// Reads an included one.
    pub(crate) fn add(&mut self, text: &str) {
        for line in text.lines() {
            let line = line.trim();
            let (keyword, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            let rest = rest.trim();
            let keyword = keyword.to_ascii_lowercase();
            let value = || Some(rest.to_owned()).filter(|rest| !rest.is_empty());
            match keyword.as_str() {
                "default" => self.default = value(),
                "ontimeout" => self.default = value().or(self.default.take()),
                "timeout" => self.timeout = rest.parse().unwrap_or(0),
                "ui" => self.ui = value(),
                "include" => self.includes.extend(value()),
                "label" => self.labels.push(Label {
                    name: rest.to_owned(),
                    ..Label::default()
                }),
                _ => {
                    if let Some(label) = self.labels.last_mut() {
                        label.add(&keyword, rest);
                    }
                }
            }
        }
    }

    /// What starts if nobody touches a key.
    pub(crate) fn chosen(&self) -> Option<Label> {
        let name = self.default.as_deref();
        let named = |label: &&Label| name.is_some_and(|name| label.name.eq_ignore_ascii_case(name));
        let found = self.labels.iter().find(|label| label.is_default);
        let found = found
            .or_else(|| self.labels.iter().find(named))
            .or_else(|| self.labels.first().filter(|_| name.is_none()));
        if let Some(label) = found {
            return Some(label.clone());
        }
        // No label has this name: it is a file, and what follows are its arguments.
        let mut label = Label::default();
        label.add("kernel", name?.split_whitespace().next()?);
        label.add("append", name?);
        Some(label)
    }
}

impl Label {
    fn add(&mut self, keyword: &str, rest: &str) {
        let first = rest.split_whitespace().next().map(str::to_owned);
        let initrds = |list: &str| list.split(',').map(str::to_owned).collect::<Vec<_>>();
        match keyword {
            "kernel" | "linux" => self.kernel = first,
            "initrd" => self.initrds.extend(initrds(rest)),
            "append" => {
                let mut named = rest.split_whitespace();
                let named = named.find_map(|word| word.strip_prefix("initrd="));
                self.initrds.extend(named.into_iter().flat_map(initrds));
            }
            "fdt" | "devicetree" => self.fdt = first,
            "config" => self.config = first,
            "localboot" => self.is_local = true,
            "menu" if rest.eq_ignore_ascii_case("default") => self.is_default = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(text: &str) -> (Option<String>, Vec<String>) {
        let label = Menu::parse(text).chosen().unwrap_or_default();
        (label.kernel, label.initrds)
    }

    fn expect(text: &str, kernel: &str, initrds: &[&str]) {
        let kernel = Some(kernel.to_owned()).filter(|kernel| !kernel.is_empty());
        let initrds = initrds.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(chosen(text), (kernel, initrds), "{text}");
    }

    #[test]
    fn the_default_is_what_starts() {
        expect(
            "DEFAULT boot\nPROMPT 0\nTIMEOUT 30\nLABEL local\n  LOCALBOOT 0\nLABEL boot\n  KERNEL /vmlinuz\n  APPEND initrd=/a,/b root=x\n",
            "/vmlinuz",
            &["/a", "/b"],
        );
        expect(
            "label a\n linux /a\nlabel b\n menu default\n linux /b\n initrd /i\n",
            "/b",
            &["/i"],
        );
        expect(
            "default vmlinuz initrd=initrd.img",
            "vmlinuz",
            &["initrd.img"],
        );
        expect(
            "default a\nontimeout b\nlabel a\nkernel 1\nlabel b\nkernel 2",
            "2",
            &[],
        );
        expect("# nothing\n\n", "", &[]);
        let menu = Menu::parse(
            "ui menu.c32\ninclude other.cfg\ntimeout x\nlabel l\nfdt a.dtb\nlocalboot 0",
        );
        assert_eq!(menu.ui.as_deref(), Some("menu.c32"));
        assert_eq!(menu.includes, ["other.cfg"]);
        let label = menu.chosen().unwrap();
        assert!(label.is_local && label.fdt.as_deref() == Some("a.dtb"));
    }
}
