//! Where to listen by default, and what to do if that fails.

use std::io;
use std::net::SocketAddr;

use bootwire::{Server, amount};

use crate::holder::holder_of;

/// `EAFNOSUPPORT` of Linux: the kernel has no IPv6 at all. The standard library has no kind for it.
const EAFNOSUPPORT: i32 = 97;

/// Whether `error`, of a socket that could not be opened, says that there is no IPv6.
#[must_use]
pub fn is_without_ipv6(error: &io::Error) -> bool {
    error.raw_os_error() == Some(EAFNOSUPPORT) || error.kind() == io::ErrorKind::AddrNotAvailable
}

/// What to do if the system gives a server's sockets smaller receive buffers than it asks for: `bytes`
/// is what [`ServerHandle::receive_buffer`](bootwire::ServerHandle::receive_buffer) says.
#[must_use]
pub fn capped_receive_buffer(bytes: usize) -> Option<String> {
    let wanted = Server::RECEIVE_BUFFER;
    // Every Linux has the setting; elsewhere it is called otherwise.
    if bytes >= wanted || cfg!(not(target_os = "linux")) {
        return None;
    }
    Some(format!(
        "receive buffer: {} of {}, capped by net.core.rmem_max: sysctl -w net.core.rmem_max={wanted}",
        amount::bytes(bytes as u64),
        amount::bytes(wanted as u64),
    ))
}

/// Why a server cannot listen on an address, and what to do about it: in words that name who has the port.
#[must_use]
pub fn cannot_listen(address: SocketAddr, error: &io::Error) -> String {
    let in_use = error.kind() == io::ErrorKind::AddrInUse;
    let holder = in_use.then(|| holder_of(address)).flatten();
    told(address, error, holder.as_deref())
}

/// `holder`: who has the port, and what to do about it.
fn told(address: SocketAddr, error: &io::Error, holder: Option<&str>) -> String {
    let other = SocketAddr::new(address.ip(), other_port(address.port()));
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            let binary = std::env::current_exe()
                .map_or_else(|_| "bootwire".to_owned(), |path| path.display().to_string());
            format!(
                "cannot listen on {address}: permission denied; run as root, give the binary \
                 cap_net_bind_service (setcap cap_net_bind_service=+ep {binary}), or use \
                 --listen {other}"
            )
        }
        io::ErrorKind::AddrInUse => match holder {
            Some(holder) => format!(
                "cannot listen on {address}: the port is in use {holder}. Or use --listen {other}"
            ),
            None => format!(
                "cannot listen on {address}: the port is in use; see by whom with \
                 ss -ulpn 'sport = :{}', stop it, or use --listen {other}",
                address.port()
            ),
        },
        io::ErrorKind::AddrNotAvailable => format!(
            "cannot listen on {address}: this machine does not have that address; see those it \
             has with ip address, or use --listen {}",
            if address.is_ipv6() {
                format!("[::]:{}", address.port())
            } else {
                format!("0.0.0.0:{}", address.port())
            }
        ),
        _ => format!("cannot listen on {address}: {error}"),
    }
}

/// A port to try instead: one that needs no privilege.
const fn other_port(port: u16) -> u16 {
    match port {
        69 => 6969,
        // 0 lets the kernel choose.
        0..=1023 | u16::MAX => 0,
        _ => port + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_of(address: &str, kind: io::ErrorKind) -> String {
        told(address.parse().unwrap(), &kind.into(), None)
    }

    #[test]
    fn no_permission_says_what_to_do() {
        let text = told_of("[::]:69", io::ErrorKind::PermissionDenied);
        assert!(text.starts_with(
            "cannot listen on [::]:69: permission denied; run as root, give the binary \
             cap_net_bind_service (setcap cap_net_bind_service=+ep /"
        ));
        assert!(text.ends_with("), or use --listen [::]:6969"), "{text}");
    }

    #[test]
    fn a_receive_buffer_that_is_capped_names_the_setting() {
        assert_eq!(capped_receive_buffer(8 << 20), None);
        assert_eq!(
            capped_receive_buffer(212_992).as_deref(),
            Some(
                "receive buffer: 208 KiB of 8 MiB, capped by net.core.rmem_max: \
                 sysctl -w net.core.rmem_max=8388608"
            )
        );
    }

    #[test]
    fn a_port_in_use_says_who_to_ask() {
        assert_eq!(
            told_of("127.0.0.1:6969", io::ErrorKind::AddrInUse),
            "cannot listen on 127.0.0.1:6969: the port is in use; see by whom with \
             ss -ulpn 'sport = :6969', stop it, or use --listen 127.0.0.1:6970"
        );
    }

    #[test]
    fn who_has_the_port_is_named_with_what_to_do() {
        let error = io::Error::from(io::ErrorKind::AddrInUse);
        let holder =
            Some("by atftpd (0.0.0.0:69, process 812); stop it with systemctl disable --now x");
        assert_eq!(
            told("[::]:69".parse().unwrap(), &error, holder),
            "cannot listen on [::]:69: the port is in use by atftpd (0.0.0.0:69, process 812); stop it \
             with systemctl disable --now x. Or use --listen [::]:6969"
        );
    }

    #[test]
    fn an_address_of_another_machine_is_named() {
        assert_eq!(
            told_of("192.0.2.1:69", io::ErrorKind::AddrNotAvailable),
            "cannot listen on 192.0.2.1:69: this machine does not have that address; see those \
             it has with ip address, or use --listen 0.0.0.0:69"
        );
    }

    #[test]
    fn only_the_lack_of_ipv6_leads_to_ipv4() {
        assert!(is_without_ipv6(&io::Error::from_raw_os_error(EAFNOSUPPORT)));
        assert!(!is_without_ipv6(&io::ErrorKind::AddrInUse.into()));
        assert!(!is_without_ipv6(&io::ErrorKind::PermissionDenied.into()));
    }
}
