//! The names that real loaders were seen to send, and their neighbours.

use std::net::SocketAddr;

use bootwire::{BoxFuture, Endpoint, Op, Reason, Refusal, Reply, Request};

use super::*;

fn mac(text: &str) -> Key {
    Key::Mac(text.parse().unwrap())
}

fn found(path: &str) -> Option<(Loader, Ask)> {
    asked(path).map(|asked| (asked.loader, asked.ask))
}

#[test]
fn names_that_say_which_machine_asks() {
    use Loader::{CiscoIos, CiscoNxos, Grub, Ipxe, Phone, Pxelinux, RaspberryPi};
    let address = || mac("52:54:00:12:34:56");
    let uuid = || Key::Uuid("4c4c4544-0042-3510-8051-b4c04f4d3233".parse().unwrap());
    let ip = |text: &str| Key::Ip(text.parse().unwrap());
    let serial = |text: &str| Key::Serial(text.to_owned());
    let host = |text: &str| Key::Hostname(text.to_owned());
    for (path, loader, key) in [
        ("/grub/grub.cfg-01-52-54-00-12-34-56", Grub, address()),
        (
            "/boot/grub/grub.cfg-4C4C4544-0042-3510-8051-B4C04F4D3233",
            Grub,
            uuid(),
        ),
        ("/grub.cfg-C0A80207", Grub, ip("192.168.2.7")),
        ("/grub/grub.cfg-fd00-0-0-0-0-0-0-7", Grub, ip("fd00::7")),
        ("/pxelinux.cfg/01-52-54-00-12-34-56", Pxelinux, address()),
        (
            "/bios/pxelinux.cfg/4c4c4544-0042-3510-8051-b4c04f4d3233",
            Pxelinux,
            uuid(),
        ),
        ("/pxelinux.cfg/C0A80207", Pxelinux, ip("192.168.2.7")),
        ("/pxelinux.cfg/20-52-54-00-12-34-56", Pxelinux, address()),
        ("/mac-525400123456.ipxe", Ipxe, address()),
        ("/MAC-52:54:00:12:34:56.ipxe", Ipxe, address()),
        ("/ipxe/52-54-00-12-34-56.ipxe", Ipxe, address()),
        ("/01-52-54-00-12-34-56.ipxe", Ipxe, address()),
        (
            "/uuid-4c4c4544-0042-3510-8051-b4c04f4d3233.ipxe",
            Ipxe,
            uuid(),
        ),
        ("/4c4c4544-0042-3510-8051-b4c04f4d3233.ipxe", Ipxe, uuid()),
        ("/serial-CZ1234.ipxe", Ipxe, serial("CZ1234")),
        ("/hostname-Node-7.ipxe", Ipxe, host("node-7")),
        ("/12345678/start4.elf", RaspberryPi, serial("12345678")),
        (
            "/dc-a6-32-01-02-03/config.txt",
            RaspberryPi,
            mac("dc:a6:32:01:02:03"),
        ),
        ("/conf.FOC1234X5YZ", CiscoNxos, serial("FOC1234X5YZ")),
        ("/conf_525400123456.cfg", CiscoNxos, address()),
        ("/router7-confg", CiscoIos, host("router7")),
        ("/SEP525400123456.cnf.xml", Phone, address()),
        ("/CTLSEP525400123456.tlv", Phone, address()),
        ("/snom370-525400123456.htm", Phone, address()),
        ("/525400123456.cfg", Phone, address()),
        ("/525400123456-phone.cfg", Phone, address()),
    ] {
        assert_eq!(found(path), Some((loader, Ask::Machine(key))), "{path}");
    }
}

#[test]
fn each_loader_asks_for_something() {
    let known = [
        "/grub/grub.cfg",
        "/pxelinux.cfg/default",
        "/autoexec.ipxe",
        "/bootcode.bin",
        "/revocations.efi",
        "/Boot/BCD",
        "/network-confg",
        "/conf.FOC1234X5YZ",
        "/SEP525400123456.cnf.xml",
    ];
    let known = known.map(|path| asked(path).map(|asked| asked.loader));
    for loader in Loader::ALL {
        assert!(
            known.contains(&Some(*loader)),
            "{loader:?} has no name here"
        );
    }
}

#[test]
fn names_for_everyone_and_for_no_one() {
    for (path, loader, ask) in [
        ("/grub/grub.cfg", Loader::Grub, Ask::Default),
        ("/grub/x86_64-efi/command.lst", Loader::Grub, Ask::List),
        ("/grub/i386-pc/terminal.lst", Loader::Grub, Ask::List),
        ("/pxelinux.cfg/default", Loader::Pxelinux, Ask::Default),
        (
            "/pxelinux.cfg/default-arm-bcm283x",
            Loader::Pxelinux,
            Ask::Default,
        ),
        ("/autoexec.ipxe", Loader::Ipxe, Ask::Optional),
        ("/revocations_sbat.efi", Loader::Shim, Ask::Optional),
        (
            "/debian/shim_certificate_0.efi",
            Loader::Shim,
            Ask::Optional,
        ),
        ("/Boot/BCD", Loader::Windows, Ask::Default),
        ("/network-confg", Loader::CiscoIos, Ask::Default),
        ("/bootcode.bin", Loader::RaspberryPi, Ask::Default),
    ] {
        assert_eq!(found(path), Some((loader, ask)), "{path}");
    }
    for digits in ["C", "C0", "C0A", "C0A8", "C0A80", "C0A802", "C0A8020"] {
        let network = Ask::Network(digits.to_owned());
        let path = format!("/pxelinux.cfg/{digits}");
        assert_eq!(found(&path), Some((Loader::Pxelinux, network.clone())));
        let path = format!("/grub/grub.cfg-{digits}");
        assert_eq!(found(&path), Some((Loader::Grub, network)));
    }
    assert_eq!(
        found("/grub/grub.cfg-fd00-0-0"),
        Some((Loader::Grub, Ask::Network("fd00-0-0".to_owned())))
    );
}

#[test]
fn every_other_name_is_just_a_file() {
    for path in [
        "",
        "/",
        "/vmlinuz",
        "/images/debian/initrd.img",
        "/grub/x86_64-efi/normal.mod",
        "/grub/grub.cfg.bak",
        "/grub/grub.cfg-",
        "/grub/grub.cfg-C0A802070",
        "/grub/grub.cfg-1-2-3-4-5-6-7-8-9",
        "/grub/grub.cfg-01-52-54-00-12-34",
        "/pxelinux.cfg/",
        "/pxelinux.cfg/vesamenu.c32",
        "/pxelinux.cfg/0g",
        "/pxelinux.cfg/01-525400123456",
        "/pxelinux.cfg/ü1-52-54-00-12-34-5",
        "/menu.ipxe",
        "/mac-.ipxe",
        "/shim_certificate_.efi",
        "/1234567G/start.elf",
        "/DEADBEEF/start.elf",
        "/x/-confg",
        "/conf.",
        "/SEP5254001234.cnf.xml",
        "/modules/12345678",
    ] {
        assert_eq!(found(path), None, "{path}");
    }
}

#[test]
fn the_searches_are_understood_name_by_name() {
    let who = Searcher {
        uuid: "4c4c4544-0042-3510-8051-b4c04f4d3233".parse().ok(),
        mac: "52:54:00:12:34:56".parse().ok(),
        ip: "192.168.2.7".parse().ok(),
    };
    let last_digits = |names: &[String]| {
        names[2..10]
            .iter()
            .map(|name| name.rsplit(['-', '/']).next().unwrap().to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let grub = grub_names("/grub", &who);
    let pxelinux = pxelinux_names("", &who);
    for names in [&grub, &pxelinux] {
        assert_eq!(names.len(), 11);
        assert_eq!(
            last_digits(names),
            "C0A80207 C0A8020 C0A802 C0A80 C0A8 C0A C0 C"
        );
        for name in &names[..3] {
            assert!(
                matches!(asked(name).unwrap().ask, Ask::Machine(_)),
                "{name}"
            );
        }
        for name in &names[3..10] {
            assert!(
                matches!(asked(name).unwrap().ask, Ask::Network(_)),
                "{name}"
            );
        }
        assert_eq!(asked(&names[10]).unwrap().ask, Ask::Default);
    }
    let six = Searcher {
        ip: "fd00::7".parse().ok(),
        ..Searcher::default()
    };
    let names = grub_names("/grub/", &six);
    assert_eq!(names[0], "/grub/grub.cfg-fd00-0-0-0-0-0-0-7");
    assert_eq!(names[7], "/grub/grub.cfg-fd00");
    assert_eq!(names[8], "/grub/grub.cfg");
}

/// An endpoint that must not be asked.
struct Slow;

impl Endpoint<Reply> for Slow {
    fn call(&self, _request: Request) -> BoxFuture<'_, Result<Reply, Refusal>> {
        Box::pin(async { Ok(Reply::text("from behind")) })
    }
}

fn request(path: &str) -> Request {
    let peer: SocketAddr = "192.0.2.7:2000".parse().unwrap();
    Request::synthetic(Op::Read, path, peer, &[]).unwrap()
}

#[tokio::test]
async fn probes_are_answered_on_the_spot_and_the_rest_goes_on() {
    let probes = Probes::before(Slow);
    let list = probes.at_hand(&request("/grub/x86_64-efi/fs.lst"));
    assert_eq!(list.unwrap().unwrap().size(), Some(0));
    for miss in [
        "/pxelinux.cfg/C0A8",
        "/grub/grub.cfg-C0",
        "/autoexec.ipxe",
        "/revocations_sku.efi",
    ] {
        let refusal = probes.at_hand(&request(miss)).unwrap().unwrap_err();
        assert_eq!(refusal.reason(), Reason::NotFound, "{miss}");
        assert!(probes.call(request(miss)).await.is_err());
    }
    for real in ["/pxelinux.cfg/C0A80207", "/grub/grub.cfg", "/vmlinuz"] {
        assert!(probes.at_hand(&request(real)).is_none(), "{real}");
        assert_eq!(probes.call(request(real)).await.unwrap().size(), Some(11));
    }
    let probes = probes.networks(false).optional(false);
    assert!(probes.at_hand(&request("/pxelinux.cfg/C0A8")).is_none());
    assert!(probes.at_hand(&request("/autoexec.ipxe")).is_none());
}
