//! Clients that need other options than they ask for.

use std::time::Duration;

use bootwire::router::Pattern;
use bootwire::{MacAddr, Request, Terms};
use bootwire_render::dialect;
use bootwire_render::identity::Identity;

use crate::conditions::Conditions;

/// All quirks there are.
#[derive(Debug, Default)]
pub(crate) struct Quirks(Vec<Quirk>);

/// One kind of client.
#[derive(Debug)]
pub(crate) struct Quirk {
    /// Its name, or its number.
    pub(crate) name: String,
    pub(crate) path: Option<Pattern>,
    pub(crate) conditions: Conditions,
    pub(crate) loaders: Vec<String>,
    /// Beginnings of hardware addresses, as hex digits in lower case.
    pub(crate) macs: Vec<String>,
    /// Only requests of a Raspberry Pi's loaders.
    pub(crate) is_for_raspberry_pi: bool,
    pub(crate) terms: Terms,
}

/// The name of the built-in quirk; one of the configuration with this name takes its place.
const RASPBERRY_PI: &str = "raspberry-pi";

impl Quirk {
    /// One that every request matches, without terms.
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            path: None,
            conditions: Conditions::default(),
            loaders: Vec::new(),
            macs: Vec::new(),
            is_for_raspberry_pi: false,
            terms: Terms::new(),
        }
    }

    /// A Raspberry Pi's second stage takes every block for the next one: a single duplicate hangs
    /// its boot.
    fn raspberry_pi() -> Self {
        Self {
            is_for_raspberry_pi: true,
            terms: Terms::new().resend_min(Duration::from_secs(1)),
            ..Self::new(RASPBERRY_PI.to_owned())
        }
    }

    /// The same for hardware addresses that begin so alone.
    pub(crate) fn of_macs(mut self, beginnings: &[String]) -> Self {
        self.macs = beginnings.iter().map(|text| digits(text)).collect();
        self
    }

    /// Whether the request is from such a client. All that is set must hold.
    fn is_of(&self, request: &Request) -> bool {
        (!self.is_for_raspberry_pi || is_of_raspberry_pi(request.path_bytes()))
            && self.conditions.hold(request)
            && self
                .path
                .as_ref()
                .is_none_or(|path| path.is_match(request.path_bytes()))
            && (self.loaders.is_empty() || self.is_of_loader(request))
            && (self.macs.is_empty() || self.is_of_mac(request))
    }

    fn is_of_loader(&self, request: &Request) -> bool {
        let asked = dialect::asked(&request.path());
        asked.is_some_and(|asked| self.loaders.iter().any(|name| *name == asked.loader.name()))
    }

    fn is_of_mac(&self, request: &Request) -> bool {
        let mac = Identity::of(request).mac;
        mac.is_some_and(|known| {
            let mac = bare(known.value);
            self.macs.iter().any(|beginning| mac.starts_with(beginning))
        })
    }
}

/// Whether a Raspberry Pi's loaders ask for this name: by its own, or by the board's serial number
/// before it. What they ask for next may have any name; the server knows their address by then.
fn is_of_raspberry_pi(path: &[u8]) -> bool {
    let mut parts = path.rsplit(|&byte| byte == b'/');
    let name = parts.next().unwrap_or_default();
    let parent = parts.next().unwrap_or_default();
    let is_stage = |start: &[u8], end: &[u8]| name.starts_with(start) && name.ends_with(end);
    is_stage(b"start", b".elf")
        || is_stage(b"fixup", b".dat")
        || is_stage(b"pieeprom", b".upd")
        || matches!(
            name,
            b"bootcode.bin" | b"bootsig.bin" | b"recovery.elf" | b"recovery.bin" | b"pieeprom.sig"
        )
        || parent.len() == 8
            && (parent.iter()).all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The hex digits of a hardware address, or of its beginning.
fn digits(text: &str) -> String {
    let digits = text.chars().filter(char::is_ascii_hexdigit);
    digits.map(|digit| digit.to_ascii_lowercase()).collect()
}

fn bare(mac: MacAddr) -> String {
    digits(&mac.to_string())
}

impl Quirks {
    /// Those of the configuration, and the built-in one unless they replace it.
    pub(crate) fn new(mut quirks: Vec<Quirk>) -> Self {
        if quirks.iter().all(|quirk| quirk.name != RASPBERRY_PI) {
            quirks.push(Quirk::raspberry_pi());
        }
        Self(quirks)
    }

    /// Those the request matches, in the order of the configuration.
    pub(crate) fn of<'a>(&'a self, request: &'a Request) -> impl Iterator<Item = &'a Quirk> {
        self.0.iter().filter(|quirk| quirk.is_of(request))
    }

    /// The tightest of what they say.
    pub(crate) fn terms(&self, request: &Request) -> Terms {
        let terms = self.of(request).map(|quirk| &quirk.terms);
        terms.fold(Terms::new(), |all, one| all.and(one))
    }
}

#[cfg(feature = "site")]
#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::site::tests::{config, get};

    fn quirks(all: &[&str]) -> Arc<Quirks> {
        let dir = tempfile::tempdir().unwrap();
        let tables = all.iter().map(|text| format!("[[quirk]]\n{text}\n"));
        let config = config(dir.path(), &tables.collect::<String>());
        Arc::clone(&config.quirks)
    }

    fn names(quirks: &Quirks, request: &Request) -> Vec<String> {
        quirks.of(request).map(|quirk| quirk.name.clone()).collect()
    }

    #[test]
    fn clients_are_known_by_what_they_ask_for() {
        let quirks = quirks(&[
            "name = 'pi'\nresend_min = '1s'\nmac = ['B8-27-EB', 'dc:a6:32']",
            "name = 'grub'\nresend_min = '1s'\nloader = ['grub', 'shim']",
            "name = 'avionics'\nresend_min = '1s'\npath = '/lru/{*path}'\nfrom = '10.9.0.0/16'",
            "option = 'msftwindow'\nresend_min = '1s'",
        ]);
        let asked = |path: &str, client: &str| names(&quirks, &get(path, client, &[]));
        assert_eq!(
            asked("/dc-a6-32-01-02-03/start4.elf", "10.0.0.7"),
            ["pi", RASPBERRY_PI]
        );
        assert_eq!(
            asked("/grub/grub.cfg-01-b8-27-eb-01-02-03", "10.0.0.7"),
            ["pi", "grub"]
        );
        assert_eq!(asked("/lru/a/b", "10.9.1.1"), ["avionics"]);
        assert!(asked("/lru/a/b", "10.8.1.1").is_empty());
        assert!(asked("/vmlinuz", "10.0.0.7").is_empty());
        let windows = get("/x", "10.0.0.7", &[("msftwindow", "31416")]);
        assert_eq!(names(&quirks, &windows), ["number 4"]);
    }

    #[test]
    fn of_several_the_tightest_counts() {
        let quirks = quirks(&[
            "name = 'a'\nblksize_max = 1024\nrollover = 1",
            "name = 'b'\nblksize_max = 512\nrollover = 0",
        ]);
        let terms = quirks.terms(&get("/x", "10.0.0.7", &[]));
        assert_eq!(
            terms.to_string(),
            "blksize at most 512, block 1 after 65535, label quirk=a, label quirk=b"
        );
        assert!(
            Quirks::default()
                .terms(&get("/x", "10.0.0.7", &[]))
                .is_empty()
        );
    }

    #[test]
    fn a_raspberry_pi_is_known_by_its_loaders_and_its_serial_number() {
        let built_in = quirks(&[]);
        let is_pi = |path: &str| names(&built_in, &get(path, "10.0.0.7", &[])) == [RASPBERRY_PI];
        for path in [
            "/start4.elf",
            "/a1b2c3d4/start.elf",
            "/a1b2c3d4/config.txt",
            "/fixup4.dat",
            "/bootcode.bin",
        ] {
            assert!(is_pi(path), "{path}");
        }
        for path in [
            "/vmlinuz",
            "/start/vmlinuz",
            "/config.txt",
            "/pxelinux.0",
            "/boot/start",
        ] {
            assert!(!is_pi(path), "{path}");
        }
        let terms = built_in.terms(&get("/start4.elf", "10.0.0.7", &[]));
        assert_eq!(terms.to_string(), "nothing sent again before 1s");
    }

    #[test]
    fn a_quirk_of_that_name_takes_the_built_in_one_s_place() {
        let own = quirks(&["name = 'raspberry-pi'\npath = '/pi/{*path}'\nresend_min = '20ms'"]);
        assert!(names(&own, &get("/start4.elf", "10.0.0.7", &[])).is_empty());
        let terms = own.terms(&get("/pi/start4.elf", "10.0.0.7", &[]));
        assert_eq!(terms.resend_min, Some(Duration::from_millis(20)));
    }
}
