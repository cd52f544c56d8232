//! What in.tftpd is told: on a command line, in `/etc/default/tftpd-hpa`, in a line of inetd.

use crate::place::{Place, Source};
use crate::words::{CommandLine, Known, Takes, of_inetd, settings};

/// The options of tftp-hpa 5.2, and those that came later.
const KNOWN: [Known; 21] = [
    Known::new(Some('4'), "ipv4", Takes::Nothing),
    Known::new(Some('6'), "ipv6", Takes::Nothing),
    Known::new(Some('l'), "listen", Takes::Nothing),
    Known::new(Some('L'), "foreground", Takes::Nothing),
    Known::new(Some('a'), "address", Takes::Value),
    Known::new(Some('c'), "create", Takes::Nothing),
    Known::new(Some('s'), "secure", Takes::Nothing),
    Known::new(Some('u'), "user", Takes::Value),
    Known::new(Some('U'), "umask", Takes::Value),
    Known::new(Some('p'), "permissive", Takes::Nothing),
    Known::new(Some('P'), "pidfile", Takes::Value),
    Known::new(Some('t'), "timeout", Takes::Value),
    Known::new(Some('T'), "retransmit", Takes::Value),
    Known::new(Some('m'), "map-file", Takes::Value),
    Known::new(Some('v'), "verbose", Takes::Nothing),
    Known::new(None, "verbosity", Takes::Value),
    Known::new(Some('r'), "refuse", Takes::Value),
    Known::new(Some('B'), "blocksize", Takes::Value),
    Known::new(Some('R'), "port-range", Takes::Value),
    Known::new(Some('V'), "version", Takes::Nothing),
    // Newer than 5.2.
    Known::new(None, "map-steps", Takes::Value),
];

/// What in.tftpd is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub(super) line: CommandLine,
}

impl Options {
    /// The words of a command line, without the program's name.
    #[must_use]
    pub fn of_words<S: AsRef<str>>(name: &str, words: impl IntoIterator<Item = S>) -> Self {
        let mut options = Self::default();
        options.line.read(&Place::whole(name), words, &KNOWN);
        options
    }

    /// A file: `/etc/default/tftpd-hpa`, with variables, or `/etc/inetd.conf`, with a line for tftp.
    #[must_use]
    pub fn of_file(source: Source<'_>) -> Self {
        let mut options = Self::default();
        for (place, line) in source.lines() {
            if let Some(words) = of_inetd(line, &["in.tftpd", "tftpd"]) {
                options.line.read(&place, words, &KNOWN);
            }
        }
        let mut operands = Vec::new();
        for setting in settings(source) {
            let (place, value) = (&setting.place, setting.value.as_str());
            match setting.name.as_str() {
                "TFTP_USERNAME" if !value.is_empty() => {
                    options.line.read(place, ["--user", value], &KNOWN);
                }
                "TFTP_ADDRESS" if !value.is_empty() => {
                    options.line.read(place, ["--address", value], &KNOWN);
                }
                "TFTP_OPTIONS" => options.line.read(place, value.split_whitespace(), &KNOWN),
                "TFTP_DIRECTORY" => {
                    let directories = value.split_whitespace();
                    operands = directories
                        .map(|dir| (place.clone(), dir.to_owned()))
                        .collect();
                }
                _ => {}
            }
        }
        options.line.operands.extend(operands);
        options
    }

    /// The map that it names.
    #[must_use]
    pub fn map_file(&self) -> Option<&str> {
        self.line.last("map-file")?.value.as_deref()
    }

    /// Whether it says nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.line == CommandLine::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(options: &Options) -> Vec<String> {
        let line = &options.line;
        let given = line
            .options
            .iter()
            .map(|given| format!("{}: {}", given.place, given.written));
        let operands = line
            .operands
            .iter()
            .map(|(place, word)| format!("{place}: {word}"));
        given.chain(operands).collect()
    }

    #[test]
    fn debians_file_is_read() {
        let text = "# /etc/default/tftpd-hpa\n\nTFTP_USERNAME=\"tftp\"\n\
                    TFTP_DIRECTORY=\"/srv/tftp\"\nTFTP_ADDRESS=\":69\"\nTFTP_OPTIONS=\"-s -m /m\"\n";
        let options = Options::of_file(Source::new("f", text));
        assert_eq!(
            told(&options),
            [
                "f:3: --user tftp",
                "f:5: --address :69",
                "f:6: -s",
                "f:6: -m /m",
                "f:4: /srv/tftp"
            ]
        );
        assert_eq!(options.map_file(), Some("/m"));
    }

    #[test]
    fn a_line_of_inetd_is_read() {
        let text = "#tftp dgram udp wait root /usr/sbin/in.tftpd in.tftpd /no\n\
                    tftp dgram udp4 wait root /usr/sbin/tcpd /usr/sbin/in.tftpd -s /boot\n";
        let options = Options::of_file(Source::new("inetd.conf", text));
        assert_eq!(told(&options), ["inetd.conf:2: -s", "inetd.conf:2: /boot"]);
    }
}
