//! Sockets that the server was started with: socket activation.

use std::net::{SocketAddr, UdpSocket};
use std::thread::available_parallelism;

use bootwire_io::{Inherited, inherited};
use bootwire_site::Config;

use crate::notes::Notes;
use crate::{ServiceError, size};

/// The sockets, in the order they came.
#[derive(Debug, Default)]
pub(crate) struct Passed(Vec<Inherited>);

impl Passed {
    /// Takes them from the environment, if there are any.
    pub(crate) fn take() -> Result<Self, ServiceError> {
        let sockets = inherited().map_err(ServiceError::system(
            "cannot take the sockets of the service manager",
        ))?;
        Ok(Self(sockets))
    }

    /// Says what that means: for where it listens, and for its speed.
    pub(crate) fn introduce(&self, config: &Config, notes: &Notes) {
        let sockets = self.0.iter();
        let passed: Vec<_> = sockets
            .filter_map(|one| Some((one.name.as_str(), one.socket.local_addr().ok()?)))
            .collect();
        if passed.is_empty() {
            return;
        }
        let listen = config.document.listen.iter().flatten();
        let wanted: Vec<_> = listen.map(String::as_str).collect();
        let cores = available_parallelism().map_or(1, usize::from);
        let workers = config.document.workers.map_or(cores, usize::from);
        told(&passed, &wanted, workers)
            .iter()
            .for_each(|line| notes.note(line));
    }

    /// The sockets alone.
    pub(crate) fn sockets(self) -> Vec<UdpSocket> {
        self.0.into_iter().map(|one| one.socket).collect()
    }
}

/// What to say of sockets with their names, where the configuration wants these addresses and so many
/// workers.
fn told(passed: &[(&str, SocketAddr)], wanted: &[&str], workers: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let count = size::count(passed.len() as u64, "socket", "sockets");
    let mut names: Vec<_> = passed.iter().map(|(name, _)| *name).collect();
    names.retain(|name| !name.is_empty());
    names.dedup();
    let names = match names.as_slice() {
        [] => String::new(),
        names => format!(" ({})", crate::shown::escaped(names.join(", ").as_bytes())),
    };
    lines.push(format!("takes {count} from the service manager{names}"));
    let has = |address: &str| {
        let address = address.parse::<SocketAddr>();
        address.is_ok_and(|address| passed.iter().any(|(_, is)| *is == address))
    };
    let unused: Vec<_> = wanted.iter().filter(|address| !has(address)).collect();
    if let [first, ..] = unused.as_slice() {
        lines.push(format!(
            "warning: listen = {first:?} is not used: the service manager opens the sockets; write the \
             address into the socket unit"
        ));
    }
    if passed.len() < workers {
        lines.push(format!(
            "one worker serves each of these sockets, so {} instead of {workers}: for more, repeat \
             ListenDatagram= in the socket unit",
            passed.len()
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn sockets_are_named_and_counted() {
        let all = at("[::]:69");
        assert_eq!(
            told(&[("bootwire.socket", all)], &[], 1),
            ["takes 1 socket from the service manager (bootwire.socket)"]
        );
        let both = [("boot", all), ("boot", all)];
        assert_eq!(
            told(&both, &["[::]:69"], 4),
            [
                "takes 2 sockets from the service manager (boot)",
                "one worker serves each of these sockets, so 2 instead of 4: for more, repeat \
                 ListenDatagram= in the socket unit"
            ]
        );
    }

    #[test]
    fn an_address_that_is_not_used_is_said() {
        let lines = told(&[("", at("[::]:69"))], &["[::]:69", "10.0.0.1:6969"], 1);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(
            lines[1].starts_with("warning: listen = \"10.0.0.1:6969\" is not used"),
            "{lines:?}"
        );
    }
}
