#!/usr/bin/env python3
"""Writes the seeds: small inputs from which fuzzing starts, one for each thing that is known to
matter. Run it after changing it; the seeds are checked in."""

import pathlib
import re
import shutil

HERE = pathlib.Path(__file__).parent / "seeds"


def request(op, name, mode="octet", *options):
    return b"\0" + bytes([op]) + b"\0".join(
        part.encode() for part in (name, mode, *options)) + b"\0"


PACKETS = {
    "rrq": request(1, "pxelinux.0"),
    "rrq-options": request(1, "boot/vmlinuz", "octet", "blksize", "1468", "windowsize", "64",
                           "tsize", "0", "timeout", "5"),
    "rrq-windows": request(1, "\\Boot\\BCD", "octet", "tsize", "0", "blksize", "1456",
                           "windowsize", "4", "msftwindow", "31416"),
    "wrq": request(2, "switch.cfg", "netascii", "tsize", "4000", "utimeout", "100000",
                   "rollover", "1", "blksize2", "1500"),
    "rrq-mail": request(1, "x", "mail"),
    "rrq-cut": request(1, "x", "octet", "blksize")[:-3],
    "rrq-long": request(1, "x" * 501),
    "data": b"\0\3\0\1" + b"x" * 40,
    "data-empty": b"\0\3\xff\xff",
    "ack": b"\0\4\0\1",
    "ack-window": b"\0\4\0\1\x10",
    "error": b"\0\5\0\1File not found\0",
    "error-bare": b"\0\5\0\0",
    "error-escape": b"\0\5\0\0\x1b[2J\n%n",
    "oack": b"\0\6blksize\x001468\0tsize\x00123456\0",
    "short": b"\0\3\0",
    "opcode": b"\0\7\0\0",
}

# 24 bytes of limits and an offer, then options.
LIMITS = bytes([5, 180, 0, 64, 0, 64, 0, 0, 0, 1, 1, 1, 0, 0, 5, 180, 0, 16, 5, 1, 0, 100, 1, 0])
NEGOTIATION = {
    name: LIMITS + "".join(f"{part}\0" for part in options).encode()
    for name, options in {
        "usual": ["tsize", "0", "blksize", "1468", "windowsize", "16", "timeout", "3"],
        "tftp-hpa": ["blksize2", "1500", "utimeout", "20000", "rollover", "0"],
        "windows": ["tsize", "0", "blksize", "65464", "windowsize", "65535", "msftwindow", "31416"],
        "twice": ["blksize", "512", "BLKSIZE", "1024", "blksize2", "2048"],
        "silly": ["blksize", "7", "timeout", "256", "windowsize", "0", "tsize", "-1",
                  "rollover", "2", "unknown", "x", "blksize", ""],
        "huge": ["blksize", "99999999999999999999999", "windowsize", "18446744073709551616"],
    }.items()
} | {"no-options": bytes([0, 8, 0, 1, 0, 0, 0, 0, 3, 0]) + bytes(14) + b"blksize\x00512\0"}

NETASCII = {
    "lines": b"\x03first\nsecond\r\n\rthird\r\0end\r",
    "only-cr": b"\0\r\r\r\r",
    "crlf-crlf": b"\x22\r\n\r\n\n\r\0\0\r",
    "plain": b"\xffno line ends at all",
}

NAMES = {
    f"{how}-{number}": bytes([how]) + name.encode()
    for how in (0, 7, 9, 10)
    for number, name in enumerate([
        "a", "b/c/d", "B/C/D", "../x", "..\\x", "....//x", ".../...//x", "/etc/passwd", "//a",
        "b/../a", "b/../../a", "b/./c/d", "%2e%2e/x", "link", "here/a", "slash/a", "from-root",
        "up/outside/secret", "out", "out-dir/secret", "loop", "magic/etc/passwd", "socket", "b",
        "b/", "10.0.0.8/a", "10.0.0.7/a", "a\nb", "\x1b[2J", "con", "x:$DATA", "a.", "...",
        ".bootwire-1.part", "x" * 255, "b/c/new", "new/dir/file",
    ])
}

ROUTES = {
    str(number): f"{pattern}\0{path}".encode()
    for number, (pattern, path) in enumerate([
        ("/grub/grub.cfg-01-{mac}", "grub/grub.cfg-01-52-54-00-12-34-56"),
        ("/pxelinux.cfg/{ip:hex}", "pxelinux.cfg/C0A80201"),
        ("/pxelinux.cfg/{uuid}", "pxelinux.cfg/b8945908-d6a6-41a9-611d-74a6ab80b83d"),
        ("/{arch}/{*rest}", "x86_64-efi/normal.mod"),
        ("/{a}-{b}.{c}", "a-b-c.d.e"),
        ("/{a:int}{{{b:serial}", "12{SER_1"),
        ("/{a:ip}-{b:ip}", "10.0.0.1-fe80::1"),
        ("/{site}/SEP{mac}.cnf.xml", "lab/SEP001122334455.cnf.xml"),
        ("/{*rest}", ""),
        ("/{name", "x"),
        ("x{y}", "x"),
        ("/{a}{b}", "ab"),
        ("/ü{a}ü", "üxü"),
    ])
}

# Operations on the machines: see operations.rs. The first bytes are what was agreed.
LOCKSTEP = bytes([0, 0, 0, 0, 0, 0])
WINDOWED = bytes([1, 2, 2, 1, 1, 0, 0, 0, 0, 0])
SENDER = {
    "lockstep": LOCKSTEP + bytes([5, 0, 40, 255, 7, 8, 3, 0, 7, 8, 3, 0, 7, 8, 3, 0, 7, 8, 3, 0]),
    "windows": WINDOWED + bytes([5, 1, 0, 255, 7, 64, 2, 0, 0, 1, 7, 64, 3, 0, 7, 64, 3, 5, 7, 64]),
    "patience": LOCKSTEP + bytes([5, 0, 9, 255, 7, 1] + [1, 7, 1] * 8),
    "trouble": WINDOWED + bytes([5, 9, 0, 1, 7, 32, 6, 7, 16, 4, 0, 20, 7, 64, 3, 70, 3, 70, 3, 70, 7, 64]),
}
RECEIVER = {
    "lockstep": LOCKSTEP + bytes([6, 99, 4, 0, 9, 6, 99, 4, 0, 9, 6, 99, 4, 0, 1, 3, 6, 99]),
    "windows": WINDOWED + bytes([6, 99] + [4, 0, 9] * 8 + [6, 99, 4, 200, 9, 6, 99, 5, 120, 9, 6, 9]),
    "patience": LOCKSTEP + bytes([6, 99] + [1, 6, 99] * 8),
}

# Things that happen to the engine: see engine.rs.
ENGINE = {
    "read": bytes([0, 0, 1, 0] + [17, 1, 1, 17, 1, 2, 17, 1, 3, 17, 1, 4, 17, 1, 5, 17, 1, 6]),
    "windowed": bytes([0, 0, 1, 0x3a, 12, 8, 0, 17, 1, 0, 17, 1, 1, 17, 1, 4, 17, 1, 9]),
    "single-port": bytes([1, 0, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 3, 1, 1, 4, 1, 1, 5, 6, 27, 6, 27]),
    "write": bytes([0, 0, 2, 0x80] + [19, 2, 1, 64, 19, 2, 2, 64, 19, 2, 3, 1]),
    "forged": bytes([0] + [0, 0, 0] * 3 + [6, 21] * 6 + [0, 3, 4, 5, 3, 1]),
    "noise": bytes([0, 4, 1, 9, 0, 1, 97, 0, 111, 0, 4, 1, 0, 20, 1, 3, 0, 9, 9, 6, 20, 5, 0, 1]),
    "busy": bytes([0] + [x for n in range(4) for x in (0, n, n, 0, n, 2)] + [7, 1, 6, 20, 7, 0, 6, 27]),
}


def configurations():
    """The examples of the page, and the quickstart's."""
    top = HERE.parent.parent
    page = (top / "docs/reference/configuration.md").read_text()
    found = {
        f"page-{number}": block.encode()
        for number, block in enumerate(re.findall(r"```toml\n(.*?)```", page, re.S))
    }
    return found | {"quickstart": (top / "examples/quickstart/bootwire.toml").read_bytes()}



# Who is migrated, its options, a NUL, its map: see migrate.rs.
HPA_MAP = rb"""ri ^/tftpboot/ /
re ^/?images/ /local/images/
a  ^/?private/
a  ^/?told/ Not\ here
r  ^menu$ \i/menu
r  ^low/(.*)$ \L\1\E
rG ^get$ a
aP ^/?nowrite
~a ^[-a-zA-Z0-9._/\\]*$
rs ^once$ twice
r  ^(x|y)[[:digit:]]{2}$ a
rg [#@] /
"""
MIGRATE = {
    "hpa-file": b"\0TFTP_USERNAME=\"tftp\"\nTFTP_DIRECTORY=\"/srv/tftp\"\nTFTP_ADDRESS=\":69\"\n"
                b"TFTP_OPTIONS=\"--secure -m /m\"\n\0" + HPA_MAP,
    "hpa-inetd": b"\0tftp dgram udp wait root /usr/sbin/tcpd /usr/sbin/in.tftpd -s /boot\n\0",
    "hpa-words": b"\1-c -p -U 022 -B 1468 -r timeout -R 4000:4999 -T 500000 -a [::1]:69 /srv /boot\0" + HPA_MAP,
    "hpa-map": b"\6" + HPA_MAP,
    "atftpd-file": b"\2OPTIONS=\"--daemon --port 69 --no-blksize --pcre /p /srv/tftp\"\n"
                   b"\0^first$ a\n^x(.*)\\.PVT$ ok/x.pvt\n(sub)/(g) $1/f\n^(?=look)look a\n",
    "atftpd-words": b"\3--bind-address 10.0.0.1 --tftpd-timeout 300 --maxthread 9 --mcast-addr x /d\0",
    "dnsmasq": b"\4enable-tftp=eth0\ntftp-root=/srv/tftp\ntftp-root=/lab,eth1\ntftp-unique-root=mac\n"
               b"tftp-lowercase\ntftp-mtu=1400\ntftp-port-range=4000,4999\ninterface=eth0\n"
               b"dhcp-range=10.0.0.50,10.0.0.99\ndhcp-boot=pxelinux.0\nlisten-address=10.0.0.1,::1\n"
               b"conf-dir=/etc/dnsmasq.d,*.conf\nconf-file=/x\n\0tftp-no-blocksize\n",
    "dnsmasq-words": b"\5--enable-tftp --tftp-root=/srv --tftp-secure --tftp-max=100\0",
    "hooktftp": rb"""\7# hooktftp
port: 6969
host: 127.0.0.1
user: hooktftp
hooks:
  - type: http
    regexp: ^pxelinux.cfg\/01-(([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2})$
    template: http://localhost:8080/boot/$1
  - type: shell
    regexp: ^menu/(.*)\.ipxe$
    template: /usr/local/bin/menu --for $1
  - type: file
    regexp: ^.*$
    template: /var/lib/tftpboot/$0
""".replace(rb"\7", b"\7", 1),
}

SEEDS = {
    "config": configurations(),
    "migrate": MIGRATE,
    "packets": PACKETS,
    "negotiation": NEGOTIATION,
    "netascii": NETASCII,
    "names": NAMES,
    "routes": ROUTES,
    "sender": SENDER,
    "receiver": RECEIVER,
    "engine": ENGINE,
}

shutil.rmtree(HERE, ignore_errors=True)
for target, seeds in SEEDS.items():
    (HERE / target).mkdir(parents=True)
    for name, seed in seeds.items():
        (HERE / target / name).write_bytes(seed)
