//! What real clients sent on the wire, and what they must be answered.

use bootwire_proto::{Limits, Mode, Op};

use crate::{ask, oack};

/// Client, request and its OACK (`-` for none), for a file of 1 000 000 bytes and default limits.
const CLIENTS: &str = "
iPXE                 | RRQ blksize=1432 tsize=0            | blksize=1432 tsize=1000000
PXELINUX, LPXELINUX  | RRQ tsize=0 blksize=1408            | tsize=1000000 blksize=1408
EDK2 size probe      | RRQ tsize=0 blksize=1468 windowsize=4 | tsize=1000000 blksize=1468 windowsize=4
EDK2                 | RRQ blksize=1468 windowsize=4       | blksize=1468 windowsize=4
EDK2 size probe, IPv6| RRQ tsize=0 blksize=1228 windowsize=4 | tsize=1000000 blksize=1228 windowsize=4
EDK2, IPv6           | RRQ blksize=1228 windowsize=4       | blksize=1228 windowsize=4
shim                 | RRQ blksize=512 windowsize=4        | blksize=512 windowsize=4
GRUB                 | RRQ blksize=1024 tsize=0            | blksize=1024 tsize=1000000
U-Boot arm           | RRQ timeout=5 blksize=1468          | timeout=5 blksize=1468
U-Boot with a window | RRQ timeout=5 blksize=1468 windowsize=16 | timeout=5 blksize=1468 windowsize=16
U-Boot x86           | RRQ timeout=5 tsize=0 blksize=1468  | timeout=5 tsize=1000000 blksize=1468
U-Boot tftpput       | WRQ timeout=5 tsize=77 blksize=1468 | timeout=5 tsize=77 blksize=1468
SLOF, s390-netboot   | RRQ blksize=1428                    | blksize=1428
tftp-hpa, inetutils  | RRQ                                 | -
tftp-hpa upload      | WRQ                                 | -
curl                 | RRQ tsize=0 blksize=512 timeout=5   | tsize=1000000 blksize=512 timeout=5
curl upload          | WRQ tsize=77 blksize=512 timeout=5  | tsize=77 blksize=512 timeout=5
busybox              | RRQ tsize=0                         | tsize=1000000
busybox -b           | RRQ blksize=1428 tsize=0            | blksize=1428 tsize=1000000
busybox upload       | WRQ tsize=77                        | tsize=77
pytftp               | RRQ blksize=1428 tsize=0 timeout=1  | blksize=1428 tsize=1000000 timeout=1
pytftp with a window | RRQ blksize=1428 tsize=0 timeout=1 windowsize=8 | blksize=1428 tsize=1000000 timeout=1 windowsize=8
npm tftp             | RRQ blksize=1468 timeout=3000 windowsize=4 rollover=0 tsize=0 | blksize=1468 windowsize=4 rollover=0 tsize=1000000
tftpc                | RRQ blksize=512 tsize=0 windowsize=1 timeout=5 | blksize=512 tsize=1000000 windowsize=1 timeout=5
Windows boot manager | RRQ tsize=0 blksize=1456 windowsize=4 msftwindow=31416 | tsize=1000000 blksize=1456 windowsize=4 msftwindow=27182
u-root               | RRQ blksize=1450 windowsize=64      | blksize=1450 windowsize=64
u-root, earlier      | RRQ blksize=1450 windowsize=65535   | blksize=1450 windowsize=64
Qualcomm modem       | RRQ blksize=7680 rsize=524288 seek=0 | blksize=7680
UEFI shell           | RRQ tsize=0 blksize=65464           | tsize=1000000 blksize=65464
iPXE multicast       | RRQ blksize=1432 multicast= tsize=0 | blksize=1432 tsize=1000000
nmap                 | RRQ                                 | -
";

// spec: clients-rule-1, clients-rule-2, clients-rule-3
#[test]
fn real_clients_get_the_oack_they_need() {
    let mut rows = 0;
    for row in CLIENTS.trim().lines() {
        let columns: Vec<_> = row.split('|').map(str::trim).collect();
        let &[client, request, expected] = &columns[..] else {
            panic!("three columns: {row}")
        };
        let (op, options) = request.split_at(3);
        let op = if op == "RRQ" { Op::Read } else { Op::Write };
        let agreed = ask(
            op,
            Mode::Octet,
            options,
            Some(1_000_000),
            &Limits::default(),
        );
        assert_eq!(
            oack(&agreed).as_deref().unwrap_or("-"),
            expected,
            "{client}"
        );
        rows += 1;
    }
    assert_eq!(rows, 31);
}
