//! A directory with something of every kind.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::harness::{Builder, Server, noise};

/// A server to be, with files to serve.
pub(super) fn tree() -> Builder {
    let builder = Server::builder()
        .file("a", b"<a>")
        .file("pxelinux.0", &noise(3000, 7))
        .file("sub/f", b"<sub/f>")
        .file("ok/x.pvt", b"<ok>")
        .file("tftpboot/a", b"<tftpboot/a>")
        .file("tftpboot/sub/f", b"<tftpboot/sub/f>")
        .file("tftpboot/x@y", b"<at>")
        .file("tftpboot/key.pvt", b"<private>")
        .file("syslinux/pxelinux.cfg/default", b"<menu>")
        .file("pxelinux.cfg/default", b"<pxelinux menu>")
        .file("local/images/vmlinuz", b"<vmlinuz>")
        .file("UPPER/F", b"<UPPER>")
        .file("lower/f", b"<lower>")
        .file("m$1", b"<dollar>")
        .file("master.conf", b"<master>")
        .file("127.0.0.7/menu", b"<for seven>")
        .file("7F000007/menu", b"<for hex seven>")
        .file("52-54-00-12-34-01/menu", b"<for a machine>")
        .file("52-54-00-12-34-01/own/f", b"<its own>")
        .file("private/key", b"<key>")
        .file("closed", b"<closed>")
        .file("open", b"<open>");
    let root = builder.root();
    let mode = |name: &str, mode| {
        fs::set_permissions(root.join(name), Permissions::from_mode(mode)).expect("ours");
    };
    mode("closed", 0o600);
    mode("open", 0o666);
    symlink("/a", root.join("absolute")).expect("a link");
    symlink("sub/f", root.join("relative")).expect("a link");
    symlink(root.join("a"), root.join("by-host")).expect("a link");
    symlink("/etc/hostname", root.join("outside")).expect("a link");
    builder
}
