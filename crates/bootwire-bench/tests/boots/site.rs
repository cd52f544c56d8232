//! A server with everything that the simulated machines ask for.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bootwire::{
    Outcome, Refusal, Reply, Request, Router, Schedule, Server, ServerHandle, TransferRecord,
};
use bootwire_bench::boots::image::{bcd, efi, initrd, noise};
use bootwire_bench::boots::{Arch, Boot, Machine};
use bytes::Bytes;

/// The hardware address of every machine here.
pub(crate) const MAC: &str = "52:54:00:12:34:56";

/// Files, a server for them, and what it recorded.
pub(crate) struct Site {
    pub(crate) files: BTreeMap<&'static str, Bytes>,
    records: Arc<Mutex<Vec<TransferRecord>>>,
    gives_up_soon: bool,
}

/// One request, as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) filename: String,
    pub(crate) options: String,
    pub(crate) port: u16,
    pub(crate) outcome: Outcome,
}

const GRUB_CFG: &str = "set timeout=3
insmod gzio
menuentry 'Debian' {
    linux /images/vmlinuz root=/dev/vda
    initrd /images/initrd.img
}
";

const PXELINUX_CFG: &str = "DEFAULT boot
TIMEOUT 10
LABEL boot
  KERNEL /images/vmlinuz
  INITRD /images/initrd.img
";

const IPXE: &str = "#!ipxe
chain missing-${mac:hexhyp}.ipxe ||
kernel /images/vmlinuz initrd=initrd
initrd --name initrd tftp://${next-server}/images/initrd.img
boot
";

impl Site {
    /// A whole one.
    pub(crate) fn new() -> Self {
        let own = "/pxelinux.cfg/01-52-54-00-12-34-56";
        let files: [(&'static str, Vec<u8>); 24] = [
            ("/bootx64.efi", efi(Arch::X86_64, 90_000, 1)),
            ("/bootaa64.efi", efi(Arch::Arm64, 90_000, 1)),
            ("/grubx64.efi", efi(Arch::X86_64, 200_000, 2)),
            ("/grub/x86_64-efi/gzio.mod", noise(7000, 3)),
            ("/grub/grub.cfg-01-52-54-00-12-34-56", GRUB_CFG.into()),
            ("/pxelinux.0", noise(42_000, 4)),
            ("/ldlinux.c32", noise(116_000, 5)),
            (own, PXELINUX_CFG.into()),
            ("/ipxe.efi", efi(Arch::X86_64, 100_000, 6)),
            ("/boot.ipxe", IPXE.into()),
            ("/start4.elf", noise(200_000, 7)),
            ("/fixup4.dat", noise(5400, 8)),
            (
                "/config.txt",
                b"[pi4]\ninitramfs initrd.img followkernel\n".to_vec(),
            ),
            ("/cmdline.txt", b"console=tty1\n".to_vec()),
            ("/bcm2711-rpi-4-b.dtb", noise(50_000, 9)),
            ("/kernel8.img", efi(Arch::Arm64, 300_000, 10)),
            ("/initrd.img", initrd(200_000, 11)),
            ("/images/vmlinuz", efi(Arch::X86_64, 300_000, 12)),
            // A multiple of PXELINUX's and iPXE's block sizes: the last block is empty.
            ("/images/initrd.img", initrd(1024 * 1408 * 1432 / 4096, 13)),
            ("/bootmgfw.efi", efi(Arch::X86_64, 150_000, 14)),
            ("/boot/bcd", bcd("\\Boot\\boot.sdi", "\\sources\\boot.wim")),
            ("/boot/boot.sdi", noise(31_000, 15)),
            ("/sources/boot.wim", noise(600_000, 16)),
            ("/empty", Vec::new()),
        ];
        let files = files.into_iter().map(|(name, bytes)| (name, bytes.into()));
        Self {
            files: files.collect(),
            records: Arc::default(),
            gives_up_soon: false,
        }
    }

    pub(crate) fn with(mut self, name: &'static str, content: impl Into<Bytes>) -> Self {
        self.files.insert(name, content.into());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        assert!(self.files.remove(name).is_some(), "{name}");
        self
    }

    /// Waits seconds for silent machines, not a minute.
    pub(crate) fn gives_up_soon(mut self) -> Self {
        self.gives_up_soon = true;
        self
    }

    /// What was recorded, in the order in which it ended.
    pub(crate) fn in_order(&self) -> Vec<TransferRecord> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.clone()
    }

    /// The beginning of a file, by the path in the record.
    pub(crate) fn head(&self, path: &str) -> Option<&[u8]> {
        let file = self.files.get(path);
        let file = file.or_else(|| self.files.get(path.to_lowercase().as_str()))?;
        Some(&file[..file.len().min(64 << 10)])
    }

    fn start(&self) -> ServerHandle {
        let (files, records) = (self.files.clone(), Arc::clone(&self.records));
        let app = Router::new().fallback(move |request: Request| {
            let path = request.path().into_owned();
            let found = files
                .get(path.as_str())
                .or_else(|| files.get(path.to_lowercase().as_str()))
                .cloned();
            async move {
                match path.as_str() {
                    "/denied" => Err(Refusal::denied()),
                    _ => found.map(Reply::bytes).ok_or_else(Refusal::not_found),
                }
            }
        });
        let mut schedule = Schedule::default();
        if self.gives_up_soon {
            schedule.give_up = Duration::from_secs(4);
        }
        Server::bind("127.0.0.1:0")
            .workers(1)
            .schedule(schedule)
            .serve(app)
            .observe(move |record| {
                let mut records = records.lock().unwrap_or_else(PoisonError::into_inner);
                records.push(record.clone());
            })
            .start()
            .expect("a server")
    }

    /// Serves until the handle is dropped.
    pub(crate) fn serve(&self) -> (ServerHandle, SocketAddr) {
        let server = self.start();
        let address = server.local_addrs()[0];
        (server, address)
    }

    /// Lets a machine boot from it, and looks at the machine alone.
    pub(crate) async fn boot_alone(&self, machine: &Machine) -> Boot {
        let (_server, address) = self.serve();
        machine.boot(address, 7, |_| {}).await
    }

    /// Lets a machine boot from it. Answers what the machine says and what the server saw, in the
    /// order of the requests.
    pub(crate) async fn boot(&self, machine: &Machine) -> (Boot, Vec<Seen>) {
        let (server, address) = self.serve();
        let boot = machine.boot(address, 7, |_| {}).await;
        // Records of transfers that a machine left come when the server has heard of it.
        server.drain(Duration::from_secs(60)).await;
        let mut records = self.in_order();
        records.sort_by_key(|record| record.id);
        let seen = records.iter().map(|record| Seen {
            filename: String::from_utf8_lossy(&record.filename).into_owned(),
            options: record
                .options
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
                .join(" "),
            port: record.peer.port(),
            outcome: record.outcome,
        });
        (boot, seen.collect())
    }

    /// That what came whole came right.
    pub(crate) fn expect_right(&self, boot: &Boot) {
        use bootwire_bench::boots::{Got, image::checksum};
        for fetched in boot.fetched.iter().filter(|one| one.got == Got::Whole) {
            let path = format!("/{}", fetched.path.replace('\\', "/"));
            let path = path.replace("//", "/");
            let file = self.files.get(path.as_str());
            let file = file.or_else(|| self.files.get(path.to_lowercase().as_str()));
            let file = file.unwrap_or_else(|| panic!("there is no {path}"));
            assert_eq!(fetched.bytes, file.len() as u64, "{path}");
            assert_eq!(fetched.checksum, checksum(file), "{path}");
        }
    }
}
