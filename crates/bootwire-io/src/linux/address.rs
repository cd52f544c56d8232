//! Socket addresses as the kernel reads and writes them (`sockaddr_in`, `sockaddr_in6`).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// `size_of::<sockaddr_in6>()`, the larger of the two.
const LEN: usize = 28;
const LEN_V4: usize = 16;

const INET: [u8; 2] = (libc::AF_INET as u16).to_ne_bytes();
const INET6: [u8; 2] = (libc::AF_INET6 as u16).to_ne_bytes();

/// Room for one address, laid out as `sockaddr_in` or `sockaddr_in6`.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(8))]
pub(super) struct WireAddress {
    bytes: [u8; LEN],
    len: u32,
}

impl WireAddress {
    /// Room for the kernel to write to.
    pub(super) const EMPTY: Self = Self {
        bytes: [0; LEN],
        len: LEN as u32,
    };

    /// The address as a socket of this family wants it: IPv4-mapped on an IPv6 socket, plain
    /// IPv4 on an IPv4 one.
    #[inline]
    pub(super) fn new(addr: SocketAddr, ipv6_socket: bool) -> Self {
        match addr {
            SocketAddr::V4(v4) if ipv6_socket => Self::v6(&SocketAddrV6::new(
                v4.ip().to_ipv6_mapped(),
                v4.port(),
                0,
                0,
            )),
            SocketAddr::V4(v4) => Self::v4(*v4.ip(), v4.port()),
            SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
                Some(ip) if !ipv6_socket => Self::v4(ip, v6.port()),
                _ => Self::v6(&v6),
            },
        }
    }

    fn v4(ip: Ipv4Addr, port: u16) -> Self {
        let mut bytes = [0; LEN];
        bytes[..2].copy_from_slice(&INET);
        bytes[2..4].copy_from_slice(&port.to_be_bytes());
        bytes[4..8].copy_from_slice(&ip.octets());
        Self {
            bytes,
            len: LEN_V4 as u32,
        }
    }

    fn v6(addr: &SocketAddrV6) -> Self {
        let mut bytes = [0; LEN];
        bytes[..2].copy_from_slice(&INET6);
        bytes[2..4].copy_from_slice(&addr.port().to_be_bytes());
        bytes[4..8].copy_from_slice(&addr.flowinfo().to_ne_bytes());
        bytes[8..24].copy_from_slice(&addr.ip().octets());
        bytes[24..].copy_from_slice(&addr.scope_id().to_ne_bytes());
        Self {
            bytes,
            len: LEN as u32,
        }
    }

    /// The address the kernel wrote, canonical: IPv4-mapped ones as IPv4.
    #[inline]
    pub(super) fn get(&self) -> Option<SocketAddr> {
        let bytes = &self.bytes;
        let port = u16::from_be_bytes([bytes[2], bytes[3]]);
        match [bytes[0], bytes[1]] {
            INET => {
                let ip: [u8; 4] = bytes[4..8].try_into().ok()?;
                Some(SocketAddr::new(Ipv4Addr::from(ip).into(), port))
            }
            INET6 => {
                let ip: [u8; 16] = bytes[8..24].try_into().ok()?;
                let ip = Ipv6Addr::from(ip);
                if let Some(v4) = ip.to_ipv4_mapped() {
                    return Some(SocketAddr::new(v4.into(), port));
                }
                let flowinfo = u32::from_ne_bytes(bytes[4..8].try_into().ok()?);
                let scope_id = u32::from_ne_bytes(bytes[24..].try_into().ok()?);
                Some(SocketAddrV6::new(ip, port, flowinfo, scope_id).into())
            }
            _ => None,
        }
    }

    /// The same of bytes that the kernel wrote elsewhere.
    #[cfg(feature = "uring")]
    pub(super) fn read(name: &[u8]) -> Option<SocketAddr> {
        let mut address = Self::EMPTY;
        let len = name.len().min(LEN);
        address.bytes[..len].copy_from_slice(&name[..len]);
        address.get()
    }

    pub(super) const fn as_ptr(&self) -> *const u8 {
        self.bytes.as_ptr()
    }

    pub(super) const fn len(&self) -> u32 {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_layout_is_the_kernels() {
        assert_eq!(LEN, size_of::<libc::sockaddr_in6>());
        assert_eq!(LEN_V4, size_of::<libc::sockaddr_in>());
        assert_eq!(std::mem::offset_of!(libc::sockaddr_in6, sin6_addr), 8);
        assert_eq!(std::mem::offset_of!(libc::sockaddr_in6, sin6_scope_id), 24);
        assert_eq!(std::mem::offset_of!(libc::sockaddr_in, sin_addr), 4);
        assert_eq!(std::mem::offset_of!(WireAddress, bytes), 0);
    }

    #[test]
    fn addresses_survive_the_round_trip() {
        for text in ["192.0.2.7:69", "[2001:db8::7]:65535", "[fe80::1%3]:1069"] {
            for ipv6_socket in [false, true] {
                assert_eq!(
                    WireAddress::new(addr(text), ipv6_socket).get(),
                    Some(addr(text)),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn ipv4_is_mapped_on_ipv6_sockets_and_only_there() {
        let v4 = WireAddress::new(addr("192.0.2.7:69"), true);
        assert_eq!(v4.len(), 28);
        assert_eq!(v4.bytes[18..24], [0xff, 0xff, 192, 0, 2, 7]);
        let mapped = WireAddress::new(addr("[::ffff:192.0.2.7]:69"), false);
        assert_eq!(mapped.len(), 16);
        assert_eq!(mapped.bytes[4..8], [192, 0, 2, 7]);
    }

    #[test]
    fn no_address_is_none() {
        assert_eq!(WireAddress::EMPTY.get(), None);
    }
}
