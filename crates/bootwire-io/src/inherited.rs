//! Sockets that a service manager opened and passed on: socket activation, as systemd does it.
//!
//! `LISTEN_FDS` says how many descriptors there are, from 3 on; `LISTEN_PID` for which process they
//! are; `LISTEN_FDNAMES` what they are called. `sd_listen_fds(3)` describes it.

use std::fmt::Display;
use std::io;
use std::net::UdpSocket;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};
use socket2::{SockRef, Type};

/// The first descriptor that is passed on.
const FIRST: RawFd = 3;
/// Most sockets taken: more are a mistake.
const MAX: usize = 1024;

/// Whether they were taken already.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// A bound UDP socket that somebody else opened for this process.
#[derive(Debug)]
pub struct Inherited {
    /// The socket. Programs that this process starts do not get it.
    pub socket: UdpSocket,
    /// What it is called (`FileDescriptorName=`); empty if it has no name.
    pub name: String,
}

/// Takes the sockets that this process was started with; none if it was started without, or if they
/// were taken before.
///
/// Call it before anything else opens a file: descriptors that were named and are not there would be
/// somebody else's by then.
///
/// # Errors
/// If the environment contradicts itself, or if a descriptor is no bound UDP socket over IPv4 or
/// IPv6. The text says which one.
pub fn inherited() -> io::Result<Vec<Inherited>> {
    let variable = |name| std::env::var(name).ok();
    let passed = passed(
        variable("LISTEN_PID").as_deref(),
        variable("LISTEN_FDS").as_deref(),
        variable("LISTEN_FDNAMES").as_deref(),
        std::process::id(),
    )?;
    if passed.is_empty() || TAKEN.swap(true, Ordering::SeqCst) {
        return Ok(Vec::new());
    }
    passed
        .into_iter()
        .map(|(number, name)| take(number, name))
        .collect()
}

/// The descriptors that are for process `own`, and their names.
fn passed(
    pid: Option<&str>,
    count: Option<&str>,
    names: Option<&str>,
    own: u32,
) -> io::Result<Vec<(RawFd, String)>> {
    let (Some(pid), Some(count)) = (pid, count) else {
        return Ok(Vec::new());
    };
    // A program that our parent was started for leaves its variables to us.
    if pid.parse() != Ok(own) {
        return Ok(Vec::new());
    }
    let count = match count.parse::<usize>() {
        Ok(count) if count <= MAX => count,
        _ => {
            return Err(wrong(format_args!(
                "LISTEN_FDS={count:?} is no count up to {MAX}"
            )));
        }
    };
    let mut names = names.unwrap_or_default().split(':');
    let numbers = (FIRST..).take(count);
    Ok(numbers
        .map(|number| {
            let name = names.next().unwrap_or_default();
            // What systemd says of a socket without a name.
            let name = if name == "unknown" { "" } else { name };
            (number, name.to_owned())
        })
        .collect())
}

fn take(number: RawFd, name: String) -> io::Result<Inherited> {
    // SAFETY: the service manager opened this descriptor for this process and for nobody in it (its
    // variables name our process id), and each is taken once. If they lie, the next line finds no
    // descriptor; and nothing is done with it before.
    let fd = unsafe { OwnedFd::from_raw_fd(number) };
    if fcntl_getfd(&fd).is_err() {
        // Closing what is not open would be a mistake of ours.
        std::mem::forget(fd);
        let why = "LISTEN_FDS counts it, but it is not open";
        return Err(wrong(format_args!("descriptor {number}: {why}")));
    }
    let called = if name.is_empty() {
        format!("descriptor {number}")
    } else {
        format!("descriptor {number} ({name})")
    };
    fcntl_setfd(&fd, FdFlags::CLOEXEC)?;
    let advice = Advice {
        kind: "use ListenDatagram= in the socket unit, and no other kind",
        address: "write them as ListenDatagram=[::]:69",
    };
    let socket = bound(fd, &called, &advice)?;
    Ok(Inherited { socket, name })
}

/// A second descriptor of a bound UDP socket that this process has open under `number`: for sockets that
/// come from another language, which goes on owning its own. Both are the same socket; programs that
/// this process starts do not get the new one.
///
/// # Errors
/// If `number` is no bound UDP socket over IPv4 or IPv6.
pub fn duplicated(number: RawFd) -> io::Result<UdpSocket> {
    if number < 0 {
        return Err(wrong(format_args!("{number} is no descriptor")));
    }
    // SAFETY: it is borrowed for one system call, which makes a descriptor of our own or fails. A number
    // that is not open, or is somebody else's by then, fails there or in the next lines.
    let theirs = unsafe { BorrowedFd::borrow_raw(number) };
    let fd = rustix::io::fcntl_dupfd_cloexec(theirs, FIRST)?;
    let advice = Advice {
        kind: "give one of SOCK_DGRAM",
        address: "bind it first",
    };
    bound(fd, &format_args!("descriptor {number}"), &advice)
}

/// What to do about a descriptor that cannot be served on.
struct Advice {
    /// If it is no UDP socket.
    kind: &'static str,
    /// If it has no address and port.
    address: &'static str,
}

/// The socket behind `fd`, if it is a bound UDP socket.
fn bound(fd: OwnedFd, called: &impl Display, advice: &Advice) -> io::Result<UdpSocket> {
    let socket = SockRef::from(&fd);
    if socket.r#type().ok() != Some(Type::DGRAM) {
        let kind = advice.kind;
        return Err(wrong(format_args!("{called} is no UDP socket: {kind}")));
    }
    let address = socket.local_addr()?.as_socket();
    if address.is_none_or(|address| address.port() == 0) {
        let how = advice.address;
        return Err(wrong(format_args!(
            "{called} has no address and port: {how}"
        )));
    }
    Ok(UdpSocket::from(fd))
}

fn wrong(text: impl Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text.to_string())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::IntoRawFd;
    use std::os::unix::net::UnixDatagram;

    use super::*;

    #[test]
    fn descriptors_have_their_names() {
        let passed = |names| passed(Some("7"), Some("3"), names, 7).unwrap();
        let named = |names: [&str; 3]| {
            let numbers = [3, 4, 5].into_iter();
            let named = numbers.zip(names.map(str::to_owned));
            named.collect::<Vec<_>>()
        };
        assert_eq!(passed(None), named(["", "", ""]));
        assert_eq!(passed(Some("v4:v6:old")), named(["v4", "v6", "old"]));
        assert_eq!(passed(Some("unknown::x:y")), named(["", "", "x"]));
    }

    #[test]
    fn what_is_for_another_process_is_left_alone() {
        for (pid, count) in [
            (None, Some("1")),
            (Some("8"), Some("1")),
            (Some("x"), Some("1")),
            (Some("7"), None),
            (Some("7"), Some("0")),
        ] {
            let found = passed(pid, count, None, 7).unwrap();
            assert!(found.is_empty(), "{pid:?} {count:?}");
        }
    }

    #[test]
    fn a_second_descriptor_is_the_same_socket_and_nothing_else_is_one() {
        use std::os::fd::AsRawFd;

        let first = UdpSocket::bind("127.0.0.1:0").unwrap();
        let second = duplicated(first.as_raw_fd()).unwrap();
        assert_ne!(first.as_raw_fd(), second.as_raw_fd());
        assert_eq!(first.local_addr().unwrap(), second.local_addr().unwrap());
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let (pair, _) = UnixDatagram::pair().unwrap();
        let unbound = socket2::Socket::new(socket2::Domain::IPV4, Type::DGRAM, None).unwrap();
        for number in [
            -1,
            i32::MAX,
            tcp.as_raw_fd(),
            pair.as_raw_fd(),
            unbound.as_raw_fd(),
        ] {
            assert!(duplicated(number).is_err(), "{number}");
        }
    }

    #[test]
    fn a_count_that_is_none_is_an_error() {
        for count in ["-1", "many", "1025", "99999999999999999999", ""] {
            let error = passed(Some("7"), Some(count), None, 7).unwrap_err();
            assert!(error.to_string().contains("LISTEN_FDS"), "{error}");
        }
    }

    #[test]
    fn a_udp_socket_is_taken_and_not_passed_on() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let number = socket.into_raw_fd();
        let taken = take(number, "boot".to_owned()).unwrap();
        assert_eq!(taken.socket.local_addr().unwrap(), address);
        assert_eq!(taken.name, "boot");
        let flags = fcntl_getfd(&taken.socket).unwrap();
        assert!(flags.contains(FdFlags::CLOEXEC));
    }

    #[test]
    fn other_descriptors_are_refused_in_words() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap().into_raw_fd();
        let unix = UnixDatagram::unbound().unwrap().into_raw_fd();
        let file = std::fs::File::open("/proc/self/status")
            .unwrap()
            .into_raw_fd();
        for (number, told) in [
            (tcp, "ListenDatagram="),
            (unix, "no address and port"),
            (file, "no UDP socket"),
            (1_000_000, "not open"),
        ] {
            let error = take(number, "x".to_owned()).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
