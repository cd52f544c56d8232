//! Who has the port that this server wants, and what to do about it.
//!
//! `/proc/net/udp` has the sockets of all processes, with their inodes; `/proc/PID/fd` leads from an
//! inode to its process, for those who may look: root, and the process's own user.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use bootwire_sandbox::user_name;

/// Processes looked at, at most.
const PROCESSES_MAX: usize = 100_000;
/// Longest name of a program or unit that is shown, in characters.
const NAME_MAX: usize = 80;

/// A socket that is in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Taken {
    local: SocketAddr,
    user: u32,
    inode: u64,
}

/// The process that has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Process {
    pid: u32,
    /// What it is called.
    name: String,
    /// Its systemd unit.
    unit: Option<String>,
}

/// Who has `address`, and how to get it, in words that follow "the port is in use"; `None` if nobody
/// is found.
pub fn holder_of(address: SocketAddr) -> Option<String> {
    let proc = Path::new("/proc");
    let taken = taken(proc, address)?;
    Some(match process(proc, taken.inode) {
        Some(process) => by(&process, &taken),
        None => format!(
            "by a process of {} ({}); see by which with sudo ss -ulpn 'sport = :{}', and stop it",
            user_name(taken.user),
            taken.local,
            address.port()
        ),
    })
}

/// What to say of a process that has the port.
fn by(process: &Process, taken: &Taken) -> String {
    let Process { pid, name, unit } = process;
    let local = taken.local;
    let stop = match unit {
        Some(unit) => format!("stop it with systemctl disable --now {unit}"),
        None => format!("stop it with kill {pid}"),
    };
    match name.as_str() {
        // As process 1 it has sockets for those it will start.
        "systemd" => format!(
            "by systemd, for a socket unit ({local}); see for which with systemctl list-sockets, and \
             stop that with systemctl disable --now NAME.socket; or start that unit's service instead \
             of this one"
        ),
        "inetd" | "xinetd" | "inetutils-inetd" | "openbsd-inetd" => format!(
            "by {name} ({local}, process {pid}), which starts a TFTP server for each request; take the \
             tftp line out of its configuration"
        ),
        "dnsmasq" => format!(
            "by dnsmasq ({local}, process {pid}); take enable-tftp and tftp-root out of its \
             configuration and restart it: it goes on with DHCP and DNS"
        ),
        "bootwire" => {
            format!("by Bootwire itself ({local}, process {pid}), which runs already; {stop}")
        }
        "in.tftpd" => {
            let unit = unit.as_deref().unwrap_or("tftpd-hpa");
            format!(
                "by tftpd-hpa ({local}, process {pid}); stop it with systemctl disable --now {unit}"
            )
        }
        _ => format!("by {name} ({local}, process {pid}); {stop}"),
    }
}

/// The socket that keeps another one from `address`.
fn taken(proc: &Path, address: SocketAddr) -> Option<Taken> {
    let list = |name| fs::read_to_string(proc.join("self/net").join(name)).unwrap_or_default();
    let lists = [list("udp"), list("udp6")];
    let sockets = lists
        .iter()
        .flat_map(|list| list.lines().filter_map(socket));
    let mut found: Vec<Taken> = sockets
        .filter(|socket| collides(socket.local, address))
        .collect();
    // The same address first: that is surely it.
    found.sort_by_key(|socket| socket.local != address);
    found.into_iter().next()
}

/// Whether both cannot be bound at a time, as far as addresses tell.
fn collides(one: SocketAddr, other: SocketAddr) -> bool {
    let (a, b) = (one.ip().to_canonical(), other.ip().to_canonical());
    let all = |ip: IpAddr, other: IpAddr| match ip {
        IpAddr::V4(ip) => ip.is_unspecified() && other.is_ipv4(),
        // Usually it has IPv4 as well.
        IpAddr::V6(ip) => ip.is_unspecified(),
    };
    one.port() == other.port() && (a == b || all(a, b) || all(b, a))
}

/// A line of `/proc/net/udp` or `udp6`.
fn socket(line: &str) -> Option<Taken> {
    let mut words = line.split_whitespace();
    let local = local(words.nth(1)?)?;
    // Then the other end, the state, queues, a timer and resends.
    let user = words.nth(5)?.parse().ok()?;
    let inode = words.nth(1)?.parse().ok()?;
    (inode != 0).then_some(Taken { local, user, inode })
}

/// An address as the kernel writes it: words in the byte order of this machine, and the port.
fn local(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let word = u32::from_str_radix(ip.get(at * 8..at * 8 + 8)?, 16).ok()?;
        Some(word.to_ne_bytes())
    };
    let ip = match ip.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut bytes = [0; 16];
            for at in 0..4 {
                bytes
                    .get_mut(at * 4..at * 4 + 4)?
                    .copy_from_slice(&word(at)?);
            }
            IpAddr::V6(Ipv6Addr::from(bytes))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// The process that has the socket, if this one may see it. Where several have it (systemd and what it
/// started), the youngest.
fn process(proc: &Path, inode: u64) -> Option<Process> {
    let wanted = format!("socket:[{inode}]");
    let entries = fs::read_dir(proc).ok()?.flatten().take(PROCESSES_MAX);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let has_it = |pid: &u32| {
        let open = fs::read_dir(proc.join(pid.to_string()).join("fd"));
        open.is_ok_and(|open| {
            open.flatten().any(|fd| {
                fs::read_link(fd.path()).is_ok_and(|leads| leads.as_os_str() == wanted.as_str())
            })
        })
    };
    let pid = pids.filter(has_it).max()?;
    let about = |name| fs::read_to_string(proc.join(pid.to_string()).join(name));
    Some(Process {
        pid,
        name: shown(about("comm").unwrap_or_default().trim()),
        unit: about("cgroup").ok().as_deref().and_then(unit),
    })
}

/// The service that a process belongs to, of its control groups.
fn unit(cgroup: &str) -> Option<String> {
    let last = |line: &str| line.rsplit('/').next().map(str::to_owned);
    let mut names = cgroup.lines().filter_map(last);
    let service = names.find(|name| name.ends_with(".service"))?;
    // Of a session or a user's own manager there is nothing to stop by that name.
    (!service.starts_with("user@")).then(|| shown(&service))
}

/// A name that a process gave itself, fit for a terminal.
fn shown(name: &str) -> String {
    let short: String = name.chars().take(NAME_MAX).collect();
    bootwire::escape::escaped(short.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    const V4: &str = "  829: 00000000:0045 00000000:0000 07 00000000:00000000 00:00000000 00000000   \
                      115        0 23456 2 0000000000000000 0";
    const V6: &str = " 1201: 00000000000000000000000001000000:1B39 00000000000000000000000000000000:0000 \
                      07 00000000:00000000 00:00000000 00000000 0 0 34567 2 0000000000000000 0";

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn lines_of_the_kernel_are_read() {
        let v4 = socket(V4).unwrap();
        assert_eq!(
            (v4.local, v4.user, v4.inode),
            (at("0.0.0.0:69"), 115, 23_456)
        );
        let v6 = socket(V6).unwrap();
        assert_eq!((v6.local, v6.user, v6.inode), (at("[::1]:6969"), 0, 34_567));
        let head =
            "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid";
        for line in [head, "", "1: 2", "1: 0:0 0:0 07 0 0 0 x 0 y", &V4[..90]] {
            assert_eq!(socket(line), None, "{line}");
        }
    }

    #[test]
    fn what_is_in_the_way_is_what_the_kernel_finds_so() {
        for (one, other, collide) in [
            ("0.0.0.0:69", "0.0.0.0:69", true),
            ("0.0.0.0:69", "10.0.0.1:69", true),
            ("[::]:69", "10.0.0.1:69", true),
            ("10.0.0.1:69", "[::]:69", true),
            ("10.0.0.1:69", "10.0.0.2:69", false),
            ("0.0.0.0:69", "[fd00::1]:69", false),
            ("[::]:69", "[::]:6969", false),
        ] {
            assert_eq!(collides(at(one), at(other)), collide, "{one} {other}");
        }
    }

    #[test]
    fn a_unit_is_found_in_control_groups() {
        let of = |text| unit(text);
        let dnsmasq = Some("dnsmasq.service".to_owned());
        assert_eq!(of("0::/system.slice/dnsmasq.service\n"), dnsmasq);
        assert_eq!(
            of("1:name=systemd:/system.slice/dnsmasq.service\n0::/\n"),
            dnsmasq
        );
        assert_eq!(of("0::/user.slice/user-0.slice/session-3.scope\n"), None);
        assert_eq!(of("0::/user.slice/user@0.service\n"), None);
        assert_eq!(of(""), None);
    }

    #[test]
    fn each_server_has_its_own_advice() {
        let taken = socket(V4).unwrap();
        let told = |name: &str, unit: Option<&str>| {
            let process = Process {
                pid: 812,
                name: name.to_owned(),
                unit: unit.map(str::to_owned),
            };
            by(&process, &taken)
        };
        for (name, unit, parts) in [
            (
                "dnsmasq",
                Some("dnsmasq.service"),
                ["by dnsmasq (", "enable-tftp"],
            ),
            (
                "in.tftpd",
                Some("tftpd-hpa.service"),
                ["by tftpd-hpa (", "--now tftpd-hpa.service"],
            ),
            ("in.tftpd", None, ["by tftpd-hpa (", "--now tftpd-hpa"]),
            (
                "atftpd",
                Some("atftpd.service"),
                ["by atftpd (", "--now atftpd.service"],
            ),
            ("xinetd", None, ["by xinetd (", "tftp line"]),
            ("systemd", None, ["by systemd, ", "list-sockets"]),
            ("bootwire", None, ["by Bootwire itself (", "kill 812"]),
            ("python3", None, ["by python3 (", "process 812"]),
        ] {
            let told = told(name, unit);
            for part in parts {
                assert!(told.contains(part), "{name}: {told}");
            }
        }
    }

    /// This very process has a port.
    #[test]
    fn the_process_is_found_by_its_socket() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let taken = taken(Path::new("/proc"), address).unwrap();
        assert_eq!(taken.local, address);
        let process = process(Path::new("/proc"), taken.inode).unwrap();
        assert_eq!(process.pid, std::process::id());
        let told = holder_of(address).unwrap();
        assert!(told.contains(&std::process::id().to_string()), "{told}");
    }
}
