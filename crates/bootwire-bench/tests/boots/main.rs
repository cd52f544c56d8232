//! Simulated machines boot from a server of the framework: they ask what real ones were seen to ask.

mod site;
mod trouble;
mod verdicts;

use bootwire::Outcome;
use bootwire_bench::boots::{Boot, Ending, Kind, Machine, Part};

use site::{MAC, Seen, Site};

pub(crate) fn machine(kind: Kind) -> Machine {
    Machine::new("node-7", kind, MAC.parse().expect("an address")).address([127, 9, 8, 7])
}

/// Names and outcomes, one after the other.
fn story(seen: &[Seen]) -> Vec<(&str, Outcome)> {
    seen.iter()
        .map(|one| (one.filename.as_str(), one.outcome))
        .collect()
}

fn expect_booted(site: &Site, boot: &Boot) {
    assert_eq!(boot.ending, Ending::Booted, "{:#?}", boot.fetched);
    site.expect_right(boot);
    assert!(boot.whole(Part::Kernel).count() > 0, "{:#?}", boot.fetched);
}

/// Only Linux has every address of 127.0.0.0/8; elsewhere a machine asks from 127.0.0.1.
const HEX: &str = if cfg!(target_os = "linux") {
    "7F090807"
} else {
    "7F000001"
};

#[tokio::test(flavor = "multi_thread")]
async fn uefi_probes_shim_looks_around_and_grub_searches() {
    let site = Site::new();
    // The ports of an address of its own: other tests run beside it.
    let machine = machine(Kind::Grub).address([127, 9, 8, 6]);
    let (boot, seen) = site.boot(&machine).await;
    expect_booted(&site, &boot);
    use Outcome::{Complete, NotFound, Probe};
    let own = "/grub/grub.cfg-01-52-54-00-12-34-56";
    let uuid = "/grub/grub.cfg-4c4c4544-0042-3510-8051-525400123456";
    let expected = [
        ("bootx64.efi", Probe),
        ("bootx64.efi", Complete),
        ("revocations_sku.efi", NotFound),
        ("revocations_sbat.efi", NotFound),
        ("shim_certificate_0.efi", NotFound),
        ("grubx64.efi", Complete),
        ("/grub/x86_64-efi/command.lst", NotFound),
        ("/grub/x86_64-efi/fs.lst", NotFound),
        ("/grub/x86_64-efi/crypto.lst", NotFound),
        ("/grub/x86_64-efi/terminal.lst", NotFound),
        (uuid, NotFound),
        (own, Complete),
        (own, Complete),
        ("/grub/x86_64-efi/gzio.mod", Complete),
        ("/images/vmlinuz", Complete),
        ("/images/initrd.img", Complete),
    ];
    assert_eq!(story(&seen), expected);
    assert_eq!(seen[0].options, "tsize=0 blksize=1468 windowsize=4");
    assert_eq!(seen[1].options, "blksize=1468 windowsize=4");
    assert_eq!(seen[5].options, "blksize=512 windowsize=4");
    assert_eq!(seen[6].options, "blksize=1024 tsize=0");
    // Firmware and shim: a port more each time; GRUB: from 25300 on.
    if cfg!(target_os = "linux") {
        let first = seen[0].port;
        assert!((1..6).all(|at| usize::from(seen[at].port - first) == at));
        assert!((6..seen.len()).all(|at| usize::from(seen[at].port) == 25_300 + at - 6));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pxelinux_searches_by_hardware_address_and_by_address() {
    let site = Site::new();
    let (boot, seen) = site.boot(&machine(Kind::Pxelinux)).await;
    expect_booted(&site, &boot);
    assert_eq!(seen[0].options, "blksize=1432 tsize=0", "the card's ROM");
    assert_eq!(seen[1].options, "tsize=0 blksize=1408");
    let names: Vec<_> = seen.iter().map(|one| one.filename.as_str()).collect();
    let own = "pxelinux.cfg/01-52-54-00-12-34-56";
    let expected = [
        "pxelinux.0",
        "ldlinux.c32",
        own,
        "/images/vmlinuz",
        "/images/initrd.img",
    ];
    assert_eq!(names, expected);

    // Without a file of its own it asks eight times more, and takes the default.
    let site = Site::new()
        .without("/pxelinux.cfg/01-52-54-00-12-34-56")
        .with(
            "/pxelinux.cfg/default",
            "DEFAULT /images/vmlinuz initrd=/images/initrd.img\n",
        );
    let (boot, seen) = site.boot(&machine(Kind::Pxelinux)).await;
    expect_booted(&site, &boot);
    let misses = seen.iter().filter(|one| one.outcome == Outcome::NotFound);
    let misses: Vec<_> = misses.map(|one| one.filename.as_str()).collect();
    assert_eq!(misses.len(), 9, "{misses:?}");
    assert_eq!(misses[1], format!("pxelinux.cfg/{HEX}"));
    assert_eq!(misses[8], "pxelinux.cfg/7");
    if cfg!(target_os = "linux") {
        let ports: Vec<_> = seen.iter().skip(1).map(|one| one.port).collect();
        // Each has the next port, but where another program has it.
        let own = ports
            .iter()
            .zip(49_152..)
            .filter(|(got, next)| *got == next);
        assert!(own.count() + 2 >= ports.len(), "{ports:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ipxe_does_what_its_script_says() {
    let site = Site::new();
    let (boot, seen) = site.boot(&machine(Kind::Ipxe)).await;
    expect_booted(&site, &boot);
    use Outcome::{Complete, NotFound, Probe};
    let expected = [
        ("ipxe.efi", Probe),
        ("ipxe.efi", Complete),
        ("autoexec.ipxe", NotFound),
        ("boot.ipxe", Complete),
        ("missing-52-54-00-12-34-56.ipxe", NotFound),
        ("/images/vmlinuz", Complete),
        ("images/initrd.img", Complete),
    ];
    assert_eq!(story(&seen), expected);
    assert!(
        seen[2..]
            .iter()
            .all(|one| one.options == "blksize=1432 tsize=0")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raspberry_pi_opens_files_more_than_once() {
    let site = Site::new();
    let (boot, seen) = site.boot(&machine(Kind::RaspberryPi)).await;
    expect_booted(&site, &boot);
    use Outcome::{ClientAbort, Complete, NotFound, Probe};
    let expected = [
        ("00123456/start4.elf", NotFound),
        ("config.txt", Complete),
        ("pieeprom.sig", NotFound),
        ("recover4.elf", NotFound),
        ("recovery.elf", NotFound),
        ("start4.elf", ClientAbort),
        ("start4.elf", Complete),
        ("fixup4.dat", Complete),
        ("config.txt", Complete),
        ("dt-blob.bin", NotFound),
        ("bcm2711-rpi-4-b.dtb", Complete),
        ("cmdline.txt", Complete),
        ("kernel8.img", Probe),
        ("kernel8.img", Complete),
        ("initrd.img", Complete),
    ];
    assert_eq!(story(&seen), expected);
    assert!(seen.iter().all(|one| one.options == "tsize=0 blksize=1024"));
}

#[tokio::test(flavor = "multi_thread")]
async fn u_boot_looks_for_a_script_and_then_as_pxelinux_does() {
    let site = Site::new().with(
        "/pxelinux.cfg/01-52-54-00-12-34-56",
        "label linux\n linux /kernel8.img\n initrd /images/initrd.img\n fdt /bcm2711-rpi-4-b.dtb\n",
    );
    let (boot, seen) = site.boot(&machine(Kind::UBoot)).await;
    expect_booted(&site, &boot);
    let names: Vec<_> = seen.iter().map(|one| one.filename.as_str()).collect();
    let expected = [
        "boot.scr.uimg",
        "pxelinux.cfg/01-52-54-00-12-34-56",
        "/kernel8.img",
        "/images/initrd.img",
        "/bcm2711-rpi-4-b.dtb",
    ];
    assert_eq!(names, expected);
    assert!(
        seen.iter()
            .all(|one| one.options == "timeout=5 blksize=1468")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_boots_what_its_store_names() {
    let site = Site::new();
    let (boot, seen) = site.boot(&machine(Kind::Windows)).await;
    expect_booted(&site, &boot);
    use Outcome::{Complete, NotFound, Probe};
    let expected = [
        ("bootmgfw.efi", Probe),
        ("bootmgfw.efi", Complete),
        ("\\Boot\\BCD", Complete),
        ("\\hiberfil.sys", NotFound),
        ("\\Boot\\Fonts\\wgl4_boot.ttf", NotFound),
        ("\\Boot\\boot.sdi", Complete),
        ("\\sources\\boot.wim", Complete),
    ];
    assert_eq!(story(&seen), expected);
    let options = "tsize=0 blksize=1456 windowsize=4 msftwindow=31416";
    assert!(seen[2..].iter().all(|one| one.options == options));
}
