//! Network interfaces by index.

use std::{
    ffi::{CStr, c_char},
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ptr,
};

/// Room for an interface's name (`IF_NAMESIZE`), ended by a NUL.
const NAME_LEN: usize = 16;

/// The MTU of an interface in bytes; `None` if it is gone, or this system is not Linux.
///
/// Costs a few system calls: keep the answer for a while.
#[cfg(target_os = "linux")]
pub fn interface_mtu(index: u32) -> Option<u32> {
    use std::os::{fd::AsRawFd, unix::net::UnixDatagram};

    let name = raw_name(index)?;
    // Any socket will do to ask; this kind is there without a network too.
    let socket = UnixDatagram::unbound().ok()?;
    let mut request = libc::ifreq {
        ifr_name: name,
        ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_mtu: 0 },
    };
    let asked = &raw mut request;
    // SAFETY: `asked` points to a whole request, named by a NUL-terminated name, for the length
    // of the call.
    let answer = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFMTU as _, asked) };
    if answer != 0 {
        return None;
    }
    // SAFETY: the call has succeeded, so the kernel has written the MTU; before it was 0.
    let mtu = unsafe { request.ifr_ifru.ifru_mtu };
    u32::try_from(mtu).ok()
}

/// The MTU of an interface in bytes; `None` if it is gone, or this system is not Linux.
#[cfg(not(target_os = "linux"))]
pub fn interface_mtu(_index: u32) -> Option<u32> {
    None
}

/// The name of an interface; `None` if there is none of this index.
pub fn interface_name(index: u32) -> Option<String> {
    let name = raw_name(index)?.map(c_char::cast_unsigned);
    CStr::from_bytes_until_nul(&name)
        .ok()?
        .to_str()
        .ok()
        .map(str::to_owned)
}

fn raw_name(index: u32) -> Option<[c_char; NAME_LEN]> {
    let mut name = [0; NAME_LEN];
    // SAFETY: `name` has the `IF_NAMESIZE` bytes that the call may write.
    let found = unsafe { libc::if_indextoname(index, name.as_mut_ptr()) };
    (!found.is_null()).then_some(name)
}

/// An address of this host, and the interface that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LocalAddress {
    /// The address.
    pub ip: IpAddr,
    /// Index of its interface.
    pub interface: u32,
}

/// The addresses of this host, of both families, in the order the system lists them.
///
/// # Errors
/// If the system cannot list them, or lacks memory.
pub fn local_addresses() -> io::Result<Vec<LocalAddress>> {
    let mut first = ptr::null_mut();
    // SAFETY: `first` may be written for the length of the call.
    if unsafe { libc::getifaddrs(&raw mut first) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mut found = Vec::new();
    let mut next = first;
    // SAFETY: `next` is null or an entry of the list, which stays until it is freed below.
    while let Some(entry) = unsafe { next.as_ref() } {
        next = entry.ifa_next;
        if let Some(ip) = ip_of(entry.ifa_addr) {
            // SAFETY: every entry has a name, which ends with a NUL and lives as long as the list.
            let interface = unsafe { libc::if_nametoindex(entry.ifa_name) };
            found.push(LocalAddress { ip, interface });
        }
    }
    // SAFETY: the list came from `getifaddrs`, is freed once, and nothing points into it now.
    unsafe { libc::freeifaddrs(first) };
    Ok(found)
}

/// The IP address in a socket address of the list; `None` for other families.
fn ip_of(address: *const libc::sockaddr) -> Option<IpAddr> {
    // SAFETY: the list has null or a socket address of at least a family here.
    let family = unsafe { address.as_ref() }?.sa_family;
    match i32::from(family) {
        libc::AF_INET => {
            // SAFETY: the family says which structure is there; it may lie unaligned.
            let address = unsafe { address.cast::<libc::sockaddr_in>().read_unaligned() };
            Some(Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let address = unsafe { address.cast::<libc::sockaddr_in6>().read_unaligned() };
            Some(Ipv6Addr::from(address.sin6_addr.s6_addr).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_address_is_listed_with_its_interface() {
        let addresses = local_addresses().unwrap();
        let loopback = addresses
            .iter()
            .find(|address| address.ip == Ipv4Addr::LOCALHOST)
            .unwrap();
        let name = interface_name(loopback.interface).unwrap();
        assert!(name.starts_with("lo"), "{name}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_loopback_interface_is_known() {
        let index = (1..64)
            .find(|&index| interface_name(index).as_deref() == Some("lo"))
            .unwrap();
        assert!(interface_mtu(index).unwrap() >= 1280);
    }

    #[test]
    fn there_is_no_interface_0() {
        assert_eq!(interface_name(0), None);
        assert_eq!(interface_mtu(0), None);
        assert_eq!(interface_mtu(u32::MAX), None);
    }
}
