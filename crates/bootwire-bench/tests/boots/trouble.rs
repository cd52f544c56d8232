//! Boots that fail, each in another way.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bootwire::Outcome;
use bootwire_bench::boots::{Arch, Ending, Event, Fleet, Got, Kind, Part, Rest, Trouble, image};

use crate::machine;
use crate::site::Site;

fn stopped(ending: &Ending) -> &str {
    match ending {
        Ending::Stopped(why) => why,
        other => panic!("it did not stop: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kernel_that_is_not_there_ends_a_boot() {
    for kind in [Kind::Grub, Kind::Pxelinux, Kind::Ipxe] {
        let site = Site::new().without("/images/vmlinuz");
        let (boot, _) = site.boot(&machine(kind)).await;
        assert!(stopped(&boot.ending).contains("vmlinuz"), "{kind}");
        assert_eq!(boot.whole(Part::Initrd).count(), 0, "{kind}");
    }
    let (boot, _) = Site::new()
        .without("/kernel8.img")
        .boot(&machine(Kind::RaspberryPi))
        .await;
    assert!(stopped(&boot.ending).contains("kernel8.img"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loader_for_another_processor_is_fetched_and_not_started() {
    let arm = machine(Kind::Grub)
        .arch(Arch::Arm64)
        .boot_file("bootx64.efi");
    let (boot, seen) = Site::new().boot(&arm).await;
    assert_eq!(
        stopped(&boot.ending),
        "bootx64.efi is a program for x86-64, and this machine is arm64"
    );
    assert_eq!(seen.len(), 2, "the size, and the file");
    let bios = machine(Kind::Pxelinux).boot_file("bootx64.efi");
    let (boot, _) = Site::new().boot(&bios).await;
    assert!(stopped(&boot.ending).contains("has a BIOS"));
}

#[tokio::test(flavor = "multi_thread")]
async fn ipxe_that_is_sent_to_ipxe_again_starts_without_end() {
    let machine = machine(Kind::Ipxe).ipxe_file("ipxe.efi");
    let (boot, _) = Site::new().boot(&machine).await;
    assert!(stopped(&boot.ending).contains("without end"));
    assert!(boot.whole(Part::Loader).count() >= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn power_fails_in_mid_file() {
    for kind in Kind::ALL {
        let trouble = Trouble::Silence {
            during: Part::Initrd,
            percent: 43,
        };
        let site = Site::new().with(
            "/pxelinux.cfg/01-52-54-00-12-34-56",
            "label l\n linux /images/vmlinuz\n initrd /images/initrd.img\n",
        );
        // Nobody waits here until the server has given it up: the machine alone is looked at.
        let boot = site.boot_alone(&machine(kind).trouble(trouble)).await;
        assert_eq!(boot.ending, Ending::Silent, "{kind}");
        let last = boot.fetched.last().expect("a request");
        assert_eq!(
            (last.part, &last.got),
            (Part::Initrd, &Got::Silent),
            "{kind}"
        );
        assert!(last.bytes > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_starts_over_and_boots() {
    let trouble = Trouble::Reset {
        during: Part::Kernel,
        percent: 50,
    };
    let site = Site::new();
    let boot = site.boot_alone(&machine(Kind::Grub).trouble(trouble)).await;
    assert_eq!(boot.ending, Ending::Booted);
    let loaders = boot.whole(Part::Loader).count();
    assert_eq!(loaders, 4, "shim and GRUB, twice");
    if cfg!(target_os = "linux") {
        let lists = boot
            .fetched
            .iter()
            .filter(|one| one.path.ends_with("command.lst"));
        let ports: Vec<_> = lists.map(|one| one.port).collect();
        assert_eq!(ports, [25_300, 25_300]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn firmware_only_asks_for_the_size_and_a_loader_hangs() {
    let probe = machine(Kind::Grub).trouble(Trouble::ProbeOnly);
    let (boot, seen) = Site::new().boot(&probe).await;
    assert!(stopped(&boot.ending).contains("next boot entry"));
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].outcome, Outcome::Probe);

    let hang = machine(Kind::Grub).trouble(Trouble::Hang {
        after: Part::Configuration,
    });
    let (boot, _) = Site::new().boot(&hang).await;
    assert_eq!(boot.ending, Ending::Hung);
    assert_eq!(boot.whole(Part::Kernel).count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_denied_says_so() {
    let denied = machine(Kind::Ipxe).ipxe_file("denied");
    let (boot, seen) = Site::new().boot(&denied).await;
    assert!(
        stopped(&boot.ending).contains("(code 2)"),
        "{}",
        boot.ending
    );
    assert_eq!(seen.last().expect("a request").outcome, Outcome::Denied);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_gets_lost_comes_again() {
    let site = Site::new();
    let lossy = machine(Kind::Pxelinux).loss("3".parse().expect("a share"));
    let boot = site.boot_alone(&lossy).await;
    assert_eq!(boot.ending, Ending::Booted);
    site.expect_right(&boot);
    let nobody = "127.0.0.1:9".parse().expect("an address");
    // Nobody answers there: it asks for ten seconds.
    let pi = machine(Kind::RaspberryPi);
    let asks = pi.boot(nobody, 1, |_| {});
    assert!(
        tokio::time::timeout(Duration::from_secs(1), asks)
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_that_lead_nowhere_end() {
    let site = Site::new().with("/boot.ipxe", "#!ipxe\n:again\ngoto again\n");
    let (boot, _) = site.boot(&machine(Kind::Ipxe)).await;
    assert!(stopped(&boot.ending).contains("without end"));
    let site = Site::new().with(
        "/grub/grub.cfg-01-52-54-00-12-34-56",
        "configfile /grub/grub.cfg-01-52-54-00-12-34-56\n",
    );
    let (boot, _) = site.boot(&machine(Kind::Grub)).await;
    assert!(stopped(&boot.ending).contains("without end"));
    let site = Site::new().with("/grub/grub.cfg-01-52-54-00-12-34-56", image::noise(3000, 1));
    let (boot, _) = site.boot(&machine(Kind::Grub)).await;
    assert!(stopped(&boot.ending).starts_with("GRUB: "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_boots_again_and_again() {
    let site = Site::new();
    let (server, address) = site.serve();
    let machines: Vec<_> = Kind::ALL.into_iter().map(machine).collect();
    let machines = (1..).zip(machines).map(|(number, mut machine)| {
        machine.name = format!("node-{number}");
        machine.address([127, 9, 9, number])
    });
    let booted = Arc::new(Mutex::new(Vec::new()));
    let tell = {
        let booted = Arc::clone(&booted);
        move |machine: &bootwire_bench::boots::Machine, event: Event<'_>| {
            if let Event::Ended(Ending::Booted) = event {
                booted.lock().unwrap().push(machine.name.clone());
            }
        }
    };
    let rest = Rest {
        shortest: Duration::from_millis(1),
        longest: Duration::from_millis(20),
    };
    let fleet = Fleet::new(address, machines.collect())
        .seed(3)
        .at_once(3)
        .stagger(Duration::from_millis(5))
        .again_after(rest);
    let fleet = tokio::spawn(fleet.run(tell));
    let enough = || {
        let booted = booted.lock().unwrap();
        (1..=5).all(|number| {
            let name = format!("node-{number}");
            // U-Boot finds nothing for its processor here.
            number == 5 || booted.iter().filter(|one| **one == name).count() >= 2
        })
    };
    let deadline = tokio::time::Instant::now() + Duration::from_secs(120);
    while !enough() {
        assert!(tokio::time::Instant::now() < deadline, "{booted:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    fleet.abort();
    drop(server);
}
