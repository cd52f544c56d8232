//! Control messages: packet information both ways, drop counters in, segment sizes out.
//!
//! Written and read by hand as the kernel lays them out: a `size_t` length, an `int` level and an
//! `int` type, then the data, each message aligned to a `size_t`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `UDP_SEGMENT` of `linux/udp.h`: both the option and the control message.
pub(crate) const UDP_SEGMENT: i32 = 103;
/// `UDP_GRO` of the same: the size of the datagrams that were joined.
pub(crate) const UDP_GRO: i32 = 104;
/// `SO_RXQ_OVFL` of `asm-generic/socket.h`.
#[cfg(not(any(target_arch = "sparc", target_arch = "sparc64")))]
pub(crate) const SO_RXQ_OVFL: i32 = 40;
#[cfg(any(target_arch = "sparc", target_arch = "sparc64"))]
pub(crate) const SO_RXQ_OVFL: i32 = 0x24;

const WORD: usize = size_of::<usize>();
const HEADER: usize = WORD + 8;

const fn aligned(len: usize) -> usize {
    len.next_multiple_of(WORD)
}

/// Control messages of one datagram to send.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(8))]
pub(super) struct SendControl {
    /// Room for IPv6 packet information (40) and a segment size (24).
    bytes: [u8; 64],
    len: usize,
}

impl SendControl {
    pub(super) const EMPTY: Self = Self {
        bytes: [0; 64],
        len: 0,
    };

    /// Asks for a source address, and an interface if `interface` is not 0.
    pub(super) fn packet_info(&mut self, from: IpAddr, interface: u32, ipv6_socket: bool) {
        match from.to_canonical() {
            IpAddr::V4(ip) if !ipv6_socket => {
                let mut info = [0; 12]; // in_pktinfo: interface, source, (unused)
                info[..4].copy_from_slice(&interface.to_ne_bytes());
                info[4..8].copy_from_slice(&ip.octets());
                self.push(libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
            }
            ip => {
                let ip = match ip {
                    IpAddr::V4(v4) => v4.to_ipv6_mapped(),
                    IpAddr::V6(v6) => v6,
                };
                let mut info = [0; 20]; // in6_pktinfo: source, interface
                info[..16].copy_from_slice(&ip.octets());
                info[16..].copy_from_slice(&interface.to_ne_bytes());
                self.push(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
            }
        }
    }

    /// Asks to cut the message into datagrams of `bytes` bytes.
    pub(super) fn segment(&mut self, bytes: u16) {
        self.push(libc::IPPROTO_UDP, UDP_SEGMENT, &bytes.to_ne_bytes());
    }

    fn push(&mut self, level: i32, kind: i32, data: &[u8]) {
        let end = self.len + aligned(HEADER + data.len());
        let Some(room) = self.bytes.get_mut(self.len..end) else {
            return;
        };
        room.fill(0);
        room[..WORD].copy_from_slice(&(HEADER + data.len()).to_ne_bytes());
        room[WORD..WORD + 4].copy_from_slice(&level.to_ne_bytes());
        room[WORD + 4..HEADER].copy_from_slice(&kind.to_ne_bytes());
        room[HEADER..HEADER + data.len()].copy_from_slice(data);
        self.len = end;
    }

    pub(super) const fn as_ptr(&self) -> *const u8 {
        self.bytes.as_ptr()
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }
}

/// Room for the control messages of a received datagram: packet information of both families
/// (a dual-stack socket gets both for IPv4), the drop counter and a segment size, 120 bytes.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(8))]
pub(super) struct ReceiveControl {
    bytes: [u8; 128],
}

/// What the control messages of a datagram said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PacketInfo {
    pub(super) local: Option<IpAddr>,
    pub(super) interface: u32,
    pub(super) unicast: bool,
    pub(super) drops: Option<u32>,
    pub(super) segment: Option<usize>,
}

impl ReceiveControl {
    pub(super) const EMPTY: Self = Self { bytes: [0; 128] };
    pub(super) const LEN: usize = 128;

    /// Reads the first `len` bytes.
    #[inline]
    pub(super) fn parse(&self, len: usize) -> PacketInfo {
        if len == 0 {
            // Sockets bound to one address are told nothing.
            return PacketInfo::NOTHING;
        }
        self.parse_some(len)
    }

    fn parse_some(&self, len: usize) -> PacketInfo {
        let mut info = PacketInfo::NOTHING;
        let mut rest = &self.bytes[..len.min(Self::LEN)];
        while let Some((message_len, level, kind)) = header(rest) {
            let Some(data) = rest.get(HEADER..message_len) else {
                break;
            };
            match (level, kind) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => info.ipv4(data),
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => info.ipv6(data),
                (libc::SOL_SOCKET, SO_RXQ_OVFL) => {
                    info.drops = data.try_into().ok().map(u32::from_ne_bytes);
                }
                (libc::IPPROTO_UDP, UDP_GRO) => {
                    let size = data.try_into().ok().map(i32::from_ne_bytes);
                    info.segment = size
                        .and_then(|size| usize::try_from(size).ok())
                        .filter(|&size| size > 0);
                }
                _ => {}
            }
            rest = rest.get(aligned(message_len)..).unwrap_or_default();
        }
        info
    }
}

fn header(bytes: &[u8]) -> Option<(usize, i32, i32)> {
    let len = usize::from_ne_bytes(bytes.get(..WORD)?.try_into().ok()?);
    let level = i32::from_ne_bytes(bytes.get(WORD..WORD + 4)?.try_into().ok()?);
    let kind = i32::from_ne_bytes(bytes.get(WORD + 4..HEADER)?.try_into().ok()?);
    (len >= HEADER).then_some((len, level, kind))
}

impl PacketInfo {
    /// What no control message says.
    const NOTHING: Self = Self {
        local: None,
        interface: 0,
        unicast: true,
        drops: None,
        segment: None,
    };

    /// `in_pktinfo`: the interface, the address to answer from, the destination in the header.
    /// The latter two differ for broadcasts and multicasts.
    fn ipv4(&mut self, data: &[u8]) {
        let Ok(data) = <[u8; 12]>::try_from(data) else {
            return;
        };
        let [i0, i1, i2, i3, l0, l1, l2, l3, d0, d1, d2, d3] = data;
        let local = Ipv4Addr::new(l0, l1, l2, l3);
        self.interface = u32::from_ne_bytes([i0, i1, i2, i3]);
        self.local = (!local.is_unspecified()).then_some(local.into());
        self.unicast = local == Ipv4Addr::new(d0, d1, d2, d3);
    }

    /// `in6_pktinfo`: the destination in the header, the interface.
    fn ipv6(&mut self, data: &[u8]) {
        let Ok(data) = <[u8; 20]>::try_from(data) else {
            return;
        };
        let (ip, interface) = data.split_at(16);
        let ip = <[u8; 16]>::try_from(ip)
            .map(Ipv6Addr::from)
            .unwrap_or(Ipv6Addr::UNSPECIFIED);
        if ip.to_ipv4_mapped().is_some() {
            return; // an IPv4 datagram on a dual-stack socket: `in_pktinfo` knows more
        }
        self.interface = interface.try_into().map(u32::from_ne_bytes).unwrap_or(0);
        self.unicast = !ip.is_multicast();
        self.local = self.unicast.then_some(ip.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(messages: &[(i32, i32, &[u8])]) -> PacketInfo {
        let mut sent = SendControl::EMPTY;
        for (level, kind, data) in messages {
            sent.push(*level, *kind, data);
        }
        let mut received = ReceiveControl::EMPTY;
        received.bytes[..64].copy_from_slice(&sent.bytes);
        received.parse(sent.len())
    }

    #[test]
    fn a_broadcast_is_answered_from_the_interfaces_address() {
        let info = [2, 0, 0, 0, 192, 0, 2, 1, 192, 0, 2, 255];
        let info = parsed(&[(libc::IPPROTO_IP, libc::IP_PKTINFO, &info)]);
        assert_eq!(info.local, Some("192.0.2.1".parse().unwrap()));
        assert_eq!(info.interface, u32::from_ne_bytes([2, 0, 0, 0]));
        assert!(!info.unicast);
    }

    #[test]
    fn an_ipv6_multicast_has_no_address_to_answer_from() {
        let mut data = [0; 20];
        data[..16].copy_from_slice(&"ff02::1".parse::<Ipv6Addr>().unwrap().octets());
        data[16..].copy_from_slice(&4_u32.to_ne_bytes());
        let info = parsed(&[(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &data)]);
        assert_eq!(
            info,
            PacketInfo {
                local: None,
                interface: 4,
                unicast: false,
                drops: None,
                segment: None,
            }
        );
    }

    #[test]
    fn drops_are_read_beside_packet_information() {
        let mut data = [0; 20];
        data[15] = 1;
        let drops = 77_u32.to_ne_bytes();
        let info = parsed(&[
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &data),
            (libc::SOL_SOCKET, SO_RXQ_OVFL, &drops),
        ]);
        assert_eq!(info.local, Some(Ipv6Addr::LOCALHOST.into()));
        assert_eq!(info.drops, Some(77));
    }

    #[test]
    fn a_segment_size_is_read_if_it_is_one() {
        let size = |bytes: i32| {
            let data = bytes.to_ne_bytes();
            parsed(&[(libc::IPPROTO_UDP, UDP_GRO, &data)]).segment
        };
        assert_eq!(size(1472), Some(1472));
        assert_eq!(size(0), None);
        assert_eq!(size(-1), None);
    }

    #[test]
    fn damaged_control_messages_are_ignored() {
        let mut control = ReceiveControl::EMPTY;
        for len in [0, 1, HEADER - 1, HEADER, usize::MAX] {
            control.bytes[..WORD].copy_from_slice(&len.to_ne_bytes());
            for seen in [0, 7, HEADER, 128, 4096] {
                assert_eq!(control.parse(seen).local, None);
            }
        }
        let short = parsed(&[(libc::IPPROTO_IP, libc::IP_PKTINFO, &[1, 2, 3])]);
        assert_eq!(short.interface, 0);
    }

    #[test]
    fn everything_a_send_may_need_fits() {
        let mut control = SendControl::EMPTY;
        control.packet_info(Ipv6Addr::LOCALHOST.into(), 1, true);
        control.segment(1472);
        assert_eq!(control.len(), 64);
    }
}
