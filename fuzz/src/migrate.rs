//! Configurations of other servers: of any text a configuration, and findings about the rest.

use std::cell::RefCell;
use std::fs;

use bootwire_migrate::{Migrated, Source, atftpd, dnsmasq, hooktftp, tftp_hpa};
use bootwire_site::Config;
use tempfile::TempDir;

thread_local! {
    static PLACE: RefCell<Option<TempDir>> = const { RefCell::new(None) };
}

/// What is written for each byte that is read, at most: a rule becomes a route with its comments and
/// findings.
const GROWTH_MAX: usize = 400;
/// What is written of nothing, at most.
const ALWAYS_MAX: usize = 16 << 10;

/// The first byte chooses who is migrated; then come its options and, behind a NUL, its map.
pub fn migrate(bytes: &[u8]) {
    let Some((&who, bytes)) = bytes.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(bytes);
    let (first, second) = text.split_once('\0').unwrap_or((&text, ""));
    let (first, map) = (Source::new("options", first), Source::new("map", second));
    let words = || first.text.split_whitespace();
    let migrated = match who % 8 {
        0 => tftp_hpa::migrate(&tftp_hpa::Options::of_file(first), Some(map)),
        1 => {
            let options = tftp_hpa::Options::of_words("command line", words());
            let _ = options.map_file();
            tftp_hpa::migrate(&options, Some(map))
        }
        2 => atftpd::migrate(&atftpd::Options::of_file(first), Some(map)),
        3 => {
            let options = atftpd::Options::of_words("command line", words());
            let _ = options.map_file();
            atftpd::migrate(&options, Some(map))
        }
        4 | 5 => {
            let mut config = dnsmasq::Config::default();
            let mut includes = if who % 8 == 4 {
                config.add(first)
            } else {
                config.add_words("command line", words())
            };
            includes.extend(config.add(map));
            for include in &includes {
                config.unread(include, "nobody is there");
            }
            dnsmasq::migrate(&config)
        }
        6 => tftp_hpa::migrate(&tftp_hpa::Options::default(), Some(first)),
        _ => match hooktftp::migrate(first) {
            Ok(migrated) => migrated,
            Err(why) => {
                assert!(!why.is_empty());
                return;
            }
        },
    };
    let read = first.text.len() + second.len();
    expect_well_made(&migrated, read);
    load(migrated.text());
}

/// Lines and TOML, of bounded length; nothing in it that a terminal would obey.
fn expect_well_made(migrated: &Migrated, read: usize) {
    let text = migrated.text();
    let obeyed = |letter: char| letter.is_control() && letter != '\n';
    assert!(!text.contains(obeyed), "{text:?}");
    if let Err(error) = text.parse::<toml::Table>() {
        panic!("{error}\n{text}");
    }
    let mut told = text.len();
    for finding in migrated.findings() {
        assert!(!finding.what.trim().is_empty());
        told += finding.to_string().len();
    }
    assert!(told <= ALWAYS_MAX + GROWTH_MAX * read, "{read} became {told}");
}

/// As `bootwire migrate` looks at what comes out: a configuration, or mistakes that it names.
fn load(text: &str) {
    PLACE.with_borrow_mut(|place| {
        let place = place.get_or_insert_with(|| tempfile::tempdir().expect("a directory"));
        let path = place.path().join("boot.toml");
        fs::write(&path, text).expect("a file");
        let loaded = Config::load_with(&path, std::iter::empty()).and_then(Config::with_routes);
        if let Err(problems) = loaded {
            assert!(!problems.0.is_empty());
        }
    });
}
