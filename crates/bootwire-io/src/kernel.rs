//! What this kernel offers.

use std::fmt;

/// What this kernel offers beyond plain POSIX calls. Everything here can be switched off, one by
/// one, to rule it out when something misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// Many datagrams are received by one call (`recvmmsg`).
    pub batch_receive: bool,
    /// Many datagrams are sent by one call (`sendmmsg`).
    pub batch_send: bool,
    /// One message may be cut into several datagrams (`UDP_SEGMENT`). Of use only with
    /// `batch_send`.
    pub gso: bool,
    /// The address a datagram was sent to is known (`IP_PKTINFO`). Of use only with
    /// `batch_receive`; without it a wildcard socket answers from the address the kernel picks.
    pub packet_info: bool,
    /// Files may be sent from a mapping ([`Mapping`](crate::Mapping)). Only with `batch_send`:
    /// other sends copy the payload, and so would read the mapping in user space.
    pub mapping: bool,
    /// Readiness is asked from epoll, not `poll(2)`.
    pub epoll: bool,
}

impl Kernel {
    /// Tries everything once: makes a socket on the loopback address and sends itself a few
    /// bytes. Takes well under a millisecond; meant for start-up.
    pub fn probe() -> Self {
        #[cfg(target_os = "linux")]
        let kernel = crate::linux::probe::probe();
        #[cfg(not(target_os = "linux"))]
        let kernel = Self::portable();
        kernel
    }

    /// One datagram per call, with calls that every system has.
    pub const fn portable() -> Self {
        Self {
            batch_receive: false,
            batch_send: false,
            gso: false,
            packet_info: false,
            mapping: false,
            epoll: false,
        }
    }
}

/// One line for the log at start-up: `recvmmsg sendmmsg GSO packet-info mmap epoll`.
impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (self.batch_receive, "recvmmsg"),
            (self.batch_send, "sendmmsg"),
            (self.gso, "GSO"),
            (self.packet_info, "packet-info"),
            (self.mapping, "mmap"),
            (self.epoll, "epoll"),
        ];
        let mut offered = names.iter().filter(|(has, _)| *has).map(|(_, name)| *name);
        let Some(first) = offered.next() else {
            return f.write_str("plain calls");
        };
        f.write_str(first)?;
        offered.try_for_each(|name| write!(f, " {name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_line_names_what_is_there() {
        let kernel = Kernel {
            batch_send: true,
            gso: true,
            ..Kernel::portable()
        };
        assert_eq!(kernel.to_string(), "sendmmsg GSO");
        assert_eq!(Kernel::portable().to_string(), "plain calls");
    }

    #[test]
    fn what_builds_on_batched_calls_is_off_without_them() {
        let kernel = Kernel::probe();
        assert!(
            kernel.batch_send || !(kernel.gso || kernel.mapping),
            "{kernel:?}"
        );
        assert!(kernel.batch_receive || !kernel.packet_info, "{kernel:?}");
    }
}
