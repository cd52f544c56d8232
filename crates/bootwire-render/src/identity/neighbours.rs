//! The kernel's table of neighbours: ARP for IPv4, neighbour discovery for IPv6.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bootwire::MacAddr;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, sendto,
    socket_with, sockopt,
};
use tokio::sync::Mutex;

/// How long an answer is good. Machines keep their addresses for longer than this.
const FRESH: Duration = Duration::from_secs(5);
/// How long the absence of an answer is good: a machine that has just come is in the table before
/// its request is here.
const ABSENT: Duration = Duration::from_millis(100);
/// How long the kernel may take.
const PATIENCE: Duration = Duration::from_millis(500);

type Table = HashMap<IpAddr, MacAddr>;

/// The neighbours as the kernel last told them.
#[derive(Default)]
pub(super) struct Neighbours {
    seen: RwLock<Option<(Instant, Arc<Table>)>>,
    /// Held by the one who asks the kernel.
    asking: Mutex<()>,
}

impl Neighbours {
    /// The address of a neighbour, if that is known without asking the kernel.
    pub(super) fn at_hand(&self, ip: IpAddr) -> Option<Option<MacAddr>> {
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        let (when, table) = seen.as_ref()?;
        match table.get(&ip) {
            Some(&mac) if when.elapsed() < FRESH => Some(Some(mac)),
            None if when.elapsed() < ABSENT => Some(None),
            _ => None,
        }
    }

    pub(super) async fn find(&self, ip: IpAddr) -> Option<MacAddr> {
        if let Some(known) = self.at_hand(ip) {
            return known;
        }
        let turn = self.asking.lock().await;
        if let Some(known) = self.at_hand(ip) {
            return known;
        }
        let asked = tokio::task::spawn_blocking(table);
        let table = tokio::time::timeout(PATIENCE, asked).await.ok()?.ok()?;
        let table = Arc::new(table);
        let known = table.get(&ip).copied();
        *self.seen.write().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), table));
        drop(turn);
        known
    }
}

/// All neighbours; those of IPv4 alone where the kernel lets us open no netlink socket.
fn table() -> Table {
    netlink_table()
        .unwrap_or_else(|_| arp(&std::fs::read_to_string("/proc/net/arp").unwrap_or_default()))
}

/// `IP address  HW type  Flags  HW address  Mask  Device`, under a header.
fn arp(text: &str) -> Table {
    let entry = |line: &str| {
        let words: Vec<&str> = line.split_ascii_whitespace().take(4).collect();
        let [ip, _, flags, mac] = words.as_slice() else {
            return None;
        };
        let ip: Ipv4Addr = ip.parse().ok()?;
        let flags = u32::from_str_radix(flags.strip_prefix("0x")?, 16).ok()?;
        let is_complete = flags & 2 != 0;
        is_complete.then_some((IpAddr::V4(ip), mac.parse().ok()?))
    };
    text.lines().filter_map(entry).collect()
}

// From linux/rtnetlink.h, linux/netlink.h and linux/neighbour.h.
const RTM_NEWNEIGH: u16 = 28;
const RTM_GETNEIGH: u16 = 30;
const NLM_F_REQUEST_DUMP: u16 = 0x301;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NDA_DST: u16 = 1;
const NDA_LLADDR: u16 = 2;
const NUD_INCOMPLETE: u16 = 0x01;
const NUD_FAILED: u16 = 0x20;
const NUD_NOARP: u16 = 0x40;
/// Length of a message's header, and of the one behind it in messages about neighbours.
const NLMSGHDR: usize = 16;
const NDMSG: usize = 12;
/// Datagrams the kernel may use to tell all neighbours.
const DATAGRAMS_MAX: usize = 4096;

fn netlink_table() -> io::Result<Table> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        None,
    )?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(PATIENCE))?;
    let mut request = [0; NLMSGHDR + NDMSG];
    request[..4].copy_from_slice(&((NLMSGHDR + NDMSG) as u32).to_ne_bytes());
    request[4..6].copy_from_slice(&RTM_GETNEIGH.to_ne_bytes());
    request[6..8].copy_from_slice(&NLM_F_REQUEST_DUMP.to_ne_bytes());
    let kernel = netlink::SocketAddrNetlink::new(0, 0);
    sendto(&socket, &request, SendFlags::empty(), &kernel)?;
    let mut table = Table::new();
    let mut buffer = vec![0; 64 << 10];
    for _ in 0..DATAGRAMS_MAX {
        let (len, _) = recv(&socket, &mut buffer[..], RecvFlags::empty())?;
        if read_messages(buffer.get(..len).unwrap_or_default(), &mut table)? {
            return Ok(table);
        }
    }
    Err(io::Error::other("more neighbours than can be read"))
}

/// Reads the messages of one datagram; whether that was the last.
fn read_messages(mut datagram: &[u8], table: &mut Table) -> io::Result<bool> {
    while let (Some(len), Some(kind)) = (u32_at(datagram, 0), u16_at(datagram, 4)) {
        let len = len as usize;
        let Some(message) = datagram.get(NLMSGHDR..len) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        match kind {
            NLMSG_DONE => return Ok(true),
            NLMSG_ERROR => return Err(io::Error::other("netlink said no")),
            RTM_NEWNEIGH => {
                if let Some((ip, mac)) = neighbour(message) {
                    table.insert(ip, mac);
                }
            }
            _ => {}
        }
        datagram = datagram.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(false)
}

fn neighbour(message: &[u8]) -> Option<(IpAddr, MacAddr)> {
    let state = u16_at(message, 8)?;
    if state == 0 || state & (NUD_INCOMPLETE | NUD_FAILED | NUD_NOARP) != 0 {
        return None;
    }
    let (mut ip, mut mac) = (None, None);
    let mut attributes = message.get(NDMSG..)?;
    while let (Some(len), Some(kind)) = (u16_at(attributes, 0), u16_at(attributes, 2)) {
        let len = usize::from(len);
        let value = attributes.get(4..len)?;
        match kind {
            NDA_DST => ip = address(value),
            NDA_LLADDR => mac = <[u8; 6]>::try_from(value).ok().map(MacAddr::new),
            _ => {}
        }
        attributes = attributes
            .get(len.next_multiple_of(4)..)
            .unwrap_or_default();
    }
    Some((ip?, mac?))
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at + 2)?;
    Some(u16::from_ne_bytes(bytes.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_arp_table_is_read_without_incomplete_entries() {
        let table = arp(concat!(
            "IP address       HW type     Flags       HW address            Mask     Device\n",
            "192.168.2.7      0x1         0x2         52:54:00:12:34:56     *        eth0\n",
            "192.168.2.8      0x1         0x0         00:00:00:00:00:00     *        eth0\n",
            "garbage\n",
        ));
        let expected = (
            "192.168.2.7".parse().unwrap(),
            "52:54:00:12:34:56".parse().unwrap(),
        );
        assert_eq!(table.into_iter().collect::<Vec<_>>(), [expected]);
    }

    /// A message about a neighbour as the kernel sends it.
    fn message(state: u16, ip: &[u8], mac: &[u8]) -> Vec<u8> {
        let mut body = vec![0; NDMSG];
        body[8..10].copy_from_slice(&state.to_ne_bytes());
        for (kind, value) in [(NDA_DST, ip), (NDA_LLADDR, mac)] {
            body.extend_from_slice(&(4 + value.len() as u16).to_ne_bytes());
            body.extend_from_slice(&kind.to_ne_bytes());
            body.extend_from_slice(value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        let mut message = ((NLMSGHDR + body.len()) as u32).to_ne_bytes().to_vec();
        message.extend_from_slice(&RTM_NEWNEIGH.to_ne_bytes());
        message.resize(NLMSGHDR, 0);
        message.extend_from_slice(&body);
        message
    }

    #[test]
    fn messages_of_both_families_are_read() {
        let mac = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
        let six = "fd00::7".parse::<std::net::Ipv6Addr>().unwrap().octets();
        let mut datagram = message(2, &[192, 168, 2, 7], &mac);
        datagram.extend(message(4, &six, &mac));
        datagram.extend(message(NUD_FAILED, &[192, 168, 2, 8], &mac));
        datagram.extend(message(2, &[192, 168, 2, 9], &[]));
        let mut table = Table::new();
        assert!(!read_messages(&datagram, &mut table).unwrap());
        assert_eq!(table.len(), 2);
        assert_eq!(table.get(&IpAddr::from(six)), Some(&MacAddr::new(mac)));
        let done = [16, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(read_messages(&done, &mut table).unwrap());
    }

    #[tokio::test]
    async fn the_kernel_of_this_host_answers() {
        assert!(netlink_table().is_ok());
        let neighbours = Neighbours::default();
        let nobody = "192.0.2.200".parse().unwrap();
        assert_eq!(neighbours.at_hand(nobody), None);
        assert_eq!(neighbours.find(nobody).await, None);
        assert_eq!(neighbours.at_hand(nobody), Some(None));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(datagram in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_messages(&datagram, &mut Table::new());
        }
    }
}
