//! The whole chain: a machine boots, the server records, and the verdict says why it did not boot.

use std::time::{Duration, SystemTime};

use bootwire_bench::boots::{Arch, Kind, Machine, Pace, Part, Trouble};
use bootwire_boots::{Change, Limits, Tracker, VerdictKind};

use crate::machine;
use crate::site::Site;

/// What is said of the boots of a machine, in order.
async fn verdicts(site: &Site, machine: &Machine) -> Vec<(VerdictKind, String)> {
    site.boot(machine).await;
    let mut tracker = Tracker::new(Limits::default());
    let mut changes = Vec::new();
    for record in site.in_order() {
        changes.extend(tracker.record_of(&record, site.head(&record.path)));
    }
    // Silence, without waiting for it.
    changes.extend(tracker.tick(SystemTime::now() + Duration::from_secs(300)));
    let ended = changes.into_iter().filter_map(|change| match change {
        Change::Ended(boot) => {
            let verdict = boot.verdict.as_ref().expect("it is over");
            Some((boot.started, verdict.kind, verdict.to_string()))
        }
        _ => None,
    });
    let mut ended: Vec<_> = ended.collect();
    ended.sort_by_key(|(started, ..)| *started);
    ended
        .into_iter()
        .map(|(_, kind, words)| (kind, words))
        .collect()
}

async fn expect(site: Site, machine: Machine, expected: &[VerdictKind]) {
    let found = verdicts(&site, &machine).await;
    let kinds: Vec<_> = found.iter().map(|(kind, _)| *kind).collect();
    let name = &machine.kind;
    assert_eq!(kinds, expected, "{name}, {:?}: {found:?}", machine.trouble);
}

/// A site with a configuration for U-Boot too.
fn whole() -> Site {
    Site::new()
}

fn for_u_boot() -> Site {
    Site::new().with(
        "/pxelinux.cfg/01-52-54-00-12-34-56",
        "label linux\n linux /kernel8.img\n initrd /images/initrd.img\n fdt /bcm2711-rpi-4-b.dtb\n",
    )
}

fn site_for(kind: Kind) -> Site {
    match kind {
        Kind::UBoot => for_u_boot(),
        _ => whole(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn boots_that_go_well_are_complete() {
    for kind in Kind::ALL {
        expect(site_for(kind), machine(kind), &[VerdictKind::Complete]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_named() {
    use VerdictKind::{ConfigMissing, InitrdMissing, KernelMissing, LoaderMissing};
    for (kind, missing, verdict) in [
        (Kind::Grub, "/bootx64.efi", LoaderMissing),
        (
            Kind::Grub,
            "/grub/grub.cfg-01-52-54-00-12-34-56",
            ConfigMissing,
        ),
        (Kind::Grub, "/images/vmlinuz", KernelMissing),
        (Kind::Grub, "/images/initrd.img", InitrdMissing),
        (Kind::Pxelinux, "/pxelinux.0", LoaderMissing),
        (
            Kind::Pxelinux,
            "/pxelinux.cfg/01-52-54-00-12-34-56",
            ConfigMissing,
        ),
        (Kind::Pxelinux, "/images/vmlinuz", KernelMissing),
        (Kind::Pxelinux, "/images/initrd.img", InitrdMissing),
        (Kind::Ipxe, "/ipxe.efi", LoaderMissing),
        (Kind::Ipxe, "/boot.ipxe", ConfigMissing),
        (Kind::Ipxe, "/images/vmlinuz", KernelMissing),
        (Kind::Ipxe, "/images/initrd.img", InitrdMissing),
        (Kind::RaspberryPi, "/start4.elf", LoaderMissing),
        (Kind::RaspberryPi, "/kernel8.img", KernelMissing),
        (
            Kind::UBoot,
            "/pxelinux.cfg/01-52-54-00-12-34-56",
            ConfigMissing,
        ),
        (Kind::UBoot, "/kernel8.img", KernelMissing),
        (Kind::UBoot, "/images/initrd.img", InitrdMissing),
        (Kind::Windows, "/bootmgfw.efi", LoaderMissing),
        (Kind::Windows, "/boot/bcd", ConfigMissing),
    ] {
        let site = site_for(kind).without(missing);
        let found = verdicts(&site, &machine(kind)).await;
        let kinds: Vec<_> = found.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [verdict], "{kind} without {missing}: {found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_loader_a_loop_and_a_probe_are_called_that() {
    let arm = machine(Kind::Grub)
        .arch(Arch::Arm64)
        .boot_file("bootx64.efi");
    // Its firmware never says what processor it has: all that shows is that nothing follows.
    expect(whole(), arm, &[VerdictKind::StoppedLoader]).await;
    let looping = machine(Kind::Ipxe).ipxe_file("ipxe.efi");
    expect(whole(), looping, &[VerdictKind::Loop]).await;
    let probe = machine(Kind::Grub).trouble(Trouble::ProbeOnly);
    expect(whole(), probe, &[VerdictKind::Probe]).await;
    let denied = machine(Kind::Ipxe).ipxe_file("denied");
    expect(whole(), denied, &[VerdictKind::Denied]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_that_stop_are_said_to_have_stopped_there() {
    for kind in [Kind::Grub, Kind::Pxelinux, Kind::Ipxe, Kind::UBoot] {
        let hangs = |after| machine(kind).trouble(Trouble::Hang { after });
        let stops = [VerdictKind::StoppedConfig];
        expect(site_for(kind), hangs(Part::Configuration), &stops).await;
        let stops = [VerdictKind::StoppedKernel];
        expect(site_for(kind), hangs(Part::Kernel), &stops).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_in_mid_file_and_a_second_start_are_told_apart() {
    let silence = move |during| Trouble::Silence {
        during,
        percent: 43,
    };
    let reset = move |during| Trouble::Reset {
        during,
        percent: 43,
    };
    // The server waits for each of them; they wait beside each other.
    let mut kinds = tokio::task::JoinSet::new();
    for kind in [Kind::Grub, Kind::Pxelinux, Kind::Ipxe] {
        kinds.spawn(async move {
            let silent = machine(kind).trouble(silence(Part::Kernel));
            let site = site_for(kind).gives_up_soon();
            expect(site, silent, &[VerdictKind::Silent]).await;
            // A real one takes its time to start over, which is how that shows.
            let pace = Pace {
                rate: None,
                waits: 0.75,
            };
            let restarts = machine(kind).trouble(reset(Part::Kernel)).pace(pace);
            let site = site_for(kind).gives_up_soon();
            let twice = [VerdictKind::Rebooted, VerdictKind::Complete];
            expect(site, restarts, &twice).await;
        });
    }
    while let Some(done) = kinds.join_next().await {
        done.expect("the verdicts");
    }
}
