//! The machines that boot: some do, some fail, each in another way.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use bootwire_bench::boots::{Arch, Kind, Machine, Pace, Part, Trouble};

/// Bytes a second that a machine takes, if people watch.
const RATE: u64 = 2 << 20;

/// For machines that boot what a web server has.
const FROM_WEB: &str = "source = \"/web/12.7\"";

/// A machine, and what the inventory knows of it.
pub(crate) struct Member {
    pub(crate) machine: Machine,
    /// Its profile; `None` if the inventory does not know the machine.
    profile: Option<&'static str>,
    /// Variables for its templates, as they are written.
    vars: &'static str,
    /// What is to become of its boots, for people.
    pub(crate) fate: &'static str,
}

/// All of them, at this many times the speed that is good for watching.
pub(crate) fn members(speed: f64) -> Vec<Member> {
    let pace = Pace {
        rate: Some((RATE as f64 * speed) as u64),
        waits: 1.0 / speed,
    };
    let mut members = well();
    members.extend(ill());
    for member in &mut members {
        member.machine.pace = pace;
    }
    members
}

/// Those that boot.
fn well() -> Vec<Member> {
    let server = |number, name, kind| Member::new(number, name, kind, "boots");
    let unknown = server(30, "crate-7f", Kind::Pxelinux);
    vec![
        server(10, "web-01", Kind::Grub),
        server(20, "db-01", Kind::Pxelinux),
        server(40, "build-01", Kind::Ipxe).with("server", FROM_WEB),
        server(50, "camera-01", Kind::RaspberryPi),
        server(60, "gateway-01", Kind::UBoot).with("gateway", "board = \"revision-c\""),
        server(70, "desk-01", Kind::Windows),
        server(11, "web-02", Kind::Grub).with("server", FROM_WEB),
        Member {
            profile: None,
            fate: "boots, and no inventory knows it",
            ..unknown
        },
    ]
}

/// Those that fail.
fn ill() -> Vec<Member> {
    let initrd = |percent| Trouble::Silence {
        during: Part::Initrd,
        percent,
    };
    let kernel = Trouble::Reset {
        during: Part::Kernel,
        percent: 60,
    };
    let hangs = Trouble::Hang {
        after: Part::Configuration,
    };
    let no_kernel = Member::new(
        12,
        "web-03",
        Kind::Grub,
        "asks for a kernel that is not there",
    );
    let lossy = Member::new(21, "db-02", Kind::Pxelinux, "loses packets, then its power");
    let looping = Member::new(41, "build-02", Kind::Ipxe, "DHCP sends iPXE to iPXE again");
    let arm = Member::new(
        13,
        "arm-01",
        Kind::Grub,
        "an arm64 machine gets an x86-64 loader",
    );
    let restarts = Member::new(15, "web-05", Kind::Grub, "starts over, once");
    let hung = Member::new(14, "web-04", Kind::Grub, "hangs in its boot menu");
    let untold = Member::new(61, "gateway-02", Kind::UBoot, "its template fails");
    let denied = Member::new(43, "desk-02", Kind::Windows, "is not allowed to boot");
    let mirrored = Member::new(42, "build-03", Kind::Ipxe, "its mirror is down");
    vec![
        no_kernel.with("server", "release = \"13.0\""),
        lossy.map(|machine| machine.trouble(initrd(43)).loss(percent("6"))),
        looping.map(|machine| machine.ipxe_file("ipxe.efi")),
        arm.map(|machine| machine.arch(Arch::Arm64).boot_file("bootx64.efi")),
        restarts.map(|machine| machine.trouble(kernel)),
        hung.map(|machine| machine.trouble(hangs)),
        // Its board is missing.
        untold.with("gateway", ""),
        denied,
        mirrored.with("server", "source = \"/mirror/12.7\""),
    ]
}

fn percent(text: &str) -> bootwire_bench::Share {
    text.parse().unwrap_or_default()
}

impl Member {
    fn new(number: u8, name: &str, kind: Kind, fate: &'static str) -> Self {
        let mac = bootwire::MacAddr::new([0x52, 0x54, 0, 0xde, 0x30, number]);
        let machine = Machine::new(name, kind, mac).address(Ipv4Addr::new(127, 0, 1, number));
        let (profile, vars) = (Some("server"), "");
        Self {
            machine,
            profile,
            vars,
            fate,
        }
    }

    fn with(mut self, profile: &'static str, vars: &'static str) -> Self {
        self.profile = Some(profile);
        self.vars = vars;
        self
    }

    fn map(mut self, change: impl FnOnce(Machine) -> Machine) -> Self {
        self.machine = change(self.machine);
        self
    }
}

/// The inventory, as a file.
pub(crate) fn inventory(members: &[Member]) -> String {
    let mut text =
        "# The machines of `bootwire demo`. One of those that boot is not here.\n".to_owned();
    for member in members {
        let Some(profile) = member.profile else {
            continue;
        };
        let machine = &member.machine;
        let Some(address) = machine.address else {
            continue;
        };
        // Writing to a text does not fail.
        let _ = write!(
            text,
            "\n[[machine]] # {kind}: {fate}\nhostname = \"{name}\"\nmac = \"{mac}\"\n\
             uuid = \"{uuid}\"\nserial = \"{serial}\"\nip = \"{address}\"\nprofile = \"{profile}\"\n",
            kind = machine.kind,
            fate = member.fate,
            name = machine.name,
            mac = machine.mac,
            uuid = machine.uuid,
            serial = machine.serial,
        );
        if !member.vars.is_empty() {
            let _ = writeln!(text, "vars = {{ {} }}", member.vars);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_boots_and_no_two_machines_are_the_same() {
        let members = members(1.0);
        let kinds: BTreeSet<_> = members
            .iter()
            .filter(|member| member.fate == "boots")
            .map(|member| member.machine.kind.to_string())
            .collect();
        assert_eq!(kinds.len(), Kind::ALL.len());
        let names: BTreeSet<_> = members.iter().map(|member| &member.machine.name).collect();
        let addresses: BTreeSet<_> = members
            .iter()
            .map(|member| member.machine.address)
            .collect();
        assert_eq!(
            (names.len(), addresses.len()),
            (members.len(), members.len())
        );
        let fates: BTreeSet<_> = ill().iter().map(|member| member.fate).collect();
        assert_eq!(fates.len(), ill().len(), "each in another way");
    }
}
