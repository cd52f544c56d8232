//! What the page on migrating says a map file becomes does what the map did.

use std::fs;
use std::path::Path;

use super::error;
use crate::harness::{Server, Wire};

/// The configuration in a page that has these words.
fn shown(page: &str, words: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(page);
    let text = fs::read_to_string(path).expect("a page");
    let mut blocks = text.split("\n```toml\n").skip(1);
    let block = blocks.find_map(|block| block.split("\n```").next().filter(|b| b.contains(words)));
    block.expect("such a configuration").to_owned()
}

#[test]
fn a_map_of_tftp_hpa_goes_on_as_routes() {
    let config = shown("how-to/migrating.md", "/tftpboot/{*path}").replace("/srv/tftp", "root");
    let server = Server::builder()
        .file("syslinux/pxelinux.cfg/default", b"menu")
        .file("images/vmlinuz", b"shared")
        .file("images/initrd", b"shared")
        .file("local/images/vmlinuz", b"local")
        .file("private/key", b"secret")
        .config(&config)
        .start();
    let get = |path: &str| Wire::new(server.address()).fetch(path);
    assert_eq!(get("pxelinux.cfg/default"), b"menu");
    assert_eq!(get("/TFTPBOOT/pxelinux.cfg/default"), b"menu");
    assert_eq!(get("\\tftpboot\\images\\vmlinuz"), b"local");
    assert_eq!(get("images/initrd"), b"shared");
    assert_eq!(error(&server, "private/key").0, 2);
    assert_eq!(error(&server, "Private/key").0, 2);
    assert_eq!(error(&server, "tftpboot/private/key").0, 2);
    let mut client = Wire::new(server.address());
    client.write("images/vmlinuz", &[]);
    client.expect_error_code(2);
}

/// dnsmasq's `tftp-unique-root`, `tftp-lowercase`, `tftp-mtu` and `tftp-single-port`.
#[test]
fn dnsmasqs_settings_go_on_as_keys() {
    let config = shown("how-to/migrating.md", "per_client");
    let config = config
        .replace("/srv/tftp", "root")
        .replace("listen = \"192.168.2.1:69\"\n", "");
    let server = Server::builder()
        .file("menu", b"for all")
        .file("127.0.0.7/menu", b"for one")
        .config(&config)
        .start();
    assert_eq!(Wire::new(server.address()).fetch("MENU"), b"for all");
    let mut one = Wire::from([127, 0, 0, 7].into(), server.address());
    assert_eq!(one.fetch("menu"), b"for one");
    let mut client = Wire::new(server.address());
    client.read("menu", &[("blksize", "1468")]);
    assert_eq!(
        client.expect_oack(),
        [("blksize".to_owned(), "1368".to_owned())]
    );
    assert_eq!(client.tid(), server.address());
}
