//! `config.txt` of a Raspberry Pi.

/// What it says of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfigTxt {
    pub(crate) kernel: String,
    pub(crate) cmdline: String,
    pub(crate) device_tree: String,
    pub(crate) initramfs: Option<String>,
}

impl ConfigTxt {
    /// Reads it, as a Pi 4 does.
    pub(crate) fn parse(text: &str) -> Self {
        let mut config = Self {
            kernel: "kernel8.img".to_owned(),
            cmdline: "cmdline.txt".to_owned(),
            device_tree: "bcm2711-rpi-4-b.dtb".to_owned(),
            initramfs: None,
        };
        let mut is_mine = true;
        for line in text.lines().map(str::trim) {
            if let Some(filter) = line.strip_prefix('[') {
                is_mine = matches!(filter.trim_end_matches(']'), "all" | "pi4");
                continue;
            }
            if !is_mine || line.starts_with('#') {
                continue;
            }
            let (key, value) = line
                .split_once(['=', ' '])
                .map_or((line, ""), |(key, value)| (key.trim(), value.trim()));
            let file = value.split_whitespace().next().unwrap_or_default();
            if file.is_empty() {
                continue;
            }
            match key {
                "kernel" => file.clone_into(&mut config.kernel),
                "cmdline" => file.clone_into(&mut config.cmdline),
                "device_tree" => file.clone_into(&mut config.device_tree),
                "initramfs" | "ramfsfile" => config.initramfs = Some(file.to_owned()),
                _ => {}
            }
        }
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_for_a_pi_4_count() {
        let text = "# x\nkernel=a.img\n[pi3]\nkernel=b.img\n[all]\ninitramfs i.gz followkernel\n";
        let config = ConfigTxt::parse(text);
        assert_eq!(config.kernel, "a.img");
        assert_eq!(config.initramfs.as_deref(), Some("i.gz"));
        assert_eq!(config.cmdline, "cmdline.txt");
        assert_eq!(ConfigTxt::parse("kernel=\n").kernel, "kernel8.img");
    }
}
