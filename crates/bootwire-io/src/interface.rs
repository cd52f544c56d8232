//! Network interfaces by index.

use std::ffi::{CStr, c_char};

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

#[cfg(test)]
mod tests {
    use super::*;

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
