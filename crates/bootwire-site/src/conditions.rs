//! Which requests a route or a quirk is for.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bootwire::router::Pattern;
use bootwire::{Op, Request};
use ipnet::IpNet;

/// How long the name of an interface is taken for what it was.
const NAME_FOR: Duration = Duration::from_secs(1);
/// Interfaces whose names are kept, at most.
const NAMES_MAX: usize = 256;

/// What a request must be like: everything that is set must hold.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    pub(crate) op: Option<Op>,
    pub(crate) from: Option<Vec<IpNet>>,
    pub(crate) to: Option<Vec<IpNet>>,
    pub(crate) interfaces: Vec<String>,
    pub(crate) options: Vec<Wanted>,
    pub(crate) without: Vec<Wanted>,
    /// An expression that must find nothing.
    pub(crate) unlike: Option<Pattern>,
    /// Shared by all routes.
    pub(crate) names: Arc<Names>,
}

/// The first condition a request does not meet. Shown, it is the reason in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unmet<'a> {
    /// It reads where this is about writes, or the other way round.
    Op(Op),
    /// Another client.
    From(&'a [IpNet]),
    /// Another address of this host was asked.
    To(&'a [IpNet]),
    /// It came over another interface, or nobody knows over which.
    Interface(&'a [String], Option<String>),
    /// It lacks this option.
    Option(&'a Wanted),
    /// It has this option.
    Without(&'a Wanted),
    /// This expression finds something in its name.
    Like(&'a Pattern),
}

/// An option by name, and perhaps value: `tsize`, `blksize=1468`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    name: String,
    value: Option<String>,
}

impl Wanted {
    pub(crate) fn parse(text: &str) -> Self {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.trim().to_owned())),
            None => (text, None),
        };
        Self {
            name: name.trim().to_ascii_lowercase(),
            value,
        }
    }

    fn is_in(&self, request: &Request) -> bool {
        let sent = request.option(&self.name);
        sent.is_some_and(|sent| self.value.as_ref().is_none_or(|value| **value == *sent))
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={value}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// Whether a list of networks has an address.
pub(crate) fn holds(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

impl Conditions {
    /// Whether there are none, its operation aside.
    pub(crate) const fn is_everybody(&self) -> bool {
        let Self {
            op: _,
            from,
            to,
            interfaces,
            options,
            without,
            unlike,
            names: _,
        } = self;
        from.is_none()
            && to.is_none()
            && interfaces.is_empty()
            && options.is_empty()
            && without.is_empty()
            && unlike.is_none()
    }

    /// Whether it is for this request.
    pub(crate) fn hold(&self, request: &Request) -> bool {
        self.unmet(request).is_none()
    }

    /// Why it is not for this request; `None` if it is.
    pub(crate) fn why_not(&self, request: &Request) -> Option<String> {
        self.unmet(request).map(|unmet| unmet.to_string())
    }

    fn unmet(&self, request: &Request) -> Option<Unmet<'_>> {
        let Self {
            op,
            from,
            to,
            interfaces,
            options,
            without,
            unlike,
            names,
        } = self;
        if let Some(op) = *op
            && op != request.op()
        {
            return Some(Unmet::Op(op));
        }
        if let Some(from) = from
            && !holds(from, request.peer_ip())
        {
            return Some(Unmet::From(from));
        }
        if let Some(to) = to
            && !holds(to, request.local().ip())
        {
            return Some(Unmet::To(to));
        }
        if !interfaces.is_empty() {
            let name = names.of(request.interface());
            if name.as_ref().is_none_or(|name| !interfaces.contains(name)) {
                return Some(Unmet::Interface(interfaces, name));
            }
        }
        if let Some(wanted) = options.iter().find(|wanted| !wanted.is_in(request)) {
            return Some(Unmet::Option(wanted));
        }
        if let Some(unwanted) = without.iter().find(|unwanted| unwanted.is_in(request)) {
            return Some(Unmet::Without(unwanted));
        }
        let like = unlike.as_ref().filter(|like| like.takes(request));
        like.map(Unmet::Like)
    }
}

/// `from 10.0.0.0/8, with tsize`; nothing if there are no conditions.
impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            op: _,
            from,
            to,
            interfaces,
            options,
            without,
            unlike,
            names: _,
        } = self;
        let mut parts = Vec::new();
        if let Some(from) = from {
            parts.push(format!("from {}", joined(from)));
        }
        if let Some(to) = to {
            parts.push(format!("to {}", joined(to)));
        }
        if !interfaces.is_empty() {
            parts.push(format!("over {}", joined(interfaces)));
        }
        if !options.is_empty() {
            parts.push(format!("with {}", joined(options)));
        }
        if !without.is_empty() {
            parts.push(format!("without {}", joined(without)));
        }
        if let Some(unlike) = unlike {
            parts.push(format!("not like {unlike}"));
        }
        f.write_str(&parts.join(", "))
    }
}

impl fmt::Display for Unmet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Op(Op::Read) => f.write_str("only reads"),
            Self::Op(Op::Write) => f.write_str("only writes"),
            Self::From(networks) => write!(f, "only clients in {}", joined(networks)),
            Self::To(networks) => write!(f, "only requests to {}", joined(networks)),
            Self::Interface(wanted, Some(name)) => {
                write!(f, "only over {}, not {name}", joined(wanted))
            }
            Self::Interface(wanted, None) => {
                write!(
                    f,
                    "only over {}, and this came over none that is known",
                    joined(wanted)
                )
            }
            Self::Option(wanted) => write!(f, "only with the option {wanted}"),
            Self::Without(unwanted) => write!(f, "only without the option {unwanted}"),
            Self::Like(unlike) => write!(f, "only names in which {unlike} finds nothing"),
        }
    }
}

pub(crate) fn joined<T: fmt::Display>(list: &[T]) -> String {
    let words: Vec<String> = list.iter().map(T::to_string).collect();
    words.join(", ")
}

/// Names of interfaces, which the kernel is asked for once a second at most.
#[derive(Debug, Default)]
pub(crate) struct Names {
    known: Mutex<HashMap<u32, (Option<String>, Instant)>>,
}

impl Names {
    /// The name of the interface with this index; `None` if there is none.
    fn of(&self, index: u32) -> Option<String> {
        if index == 0 {
            return None;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((name, since)) = known.get(&index)
            && since.elapsed() < NAME_FOR
        {
            return name.clone();
        }
        if known.len() >= NAMES_MAX {
            known.clear();
        }
        let name = bootwire_io::interface_name(index);
        known.insert(index, (name.clone(), Instant::now()));
        name
    }
}

#[cfg(feature = "site")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::tests::{config, get, put};

    /// The conditions of a route as it is written in a configuration.
    fn conditions(route: &str) -> Arc<Conditions> {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path(), &format!("[[route]]\nrefuse = 'busy'\n{route}"));
        Arc::clone(&config.routes[0].conditions)
    }

    #[test]
    fn a_route_without_conditions_is_for_everybody() {
        let conditions = conditions("");
        assert_eq!(conditions.why_not(&get("/x", "192.0.2.7", &[])), None);
        assert_eq!(conditions.why_not(&put("/x", "fd00::7")), None);
        assert_eq!(conditions.to_string(), "");
    }

    #[test]
    fn clients_are_told_apart_by_network() {
        let conditions = conditions("from = ['10.0.0.0/8', 'fd00::/8']");
        for client in ["10.1.2.3", "::ffff:10.1.2.3", "fd00::1"] {
            assert!(conditions.hold(&get("/x", client, &[])), "{client}");
        }
        assert_eq!(
            conditions.why_not(&get("/x", "192.0.2.7", &[])).unwrap(),
            "only clients in 10.0.0.0/8, fd00::/8"
        );
        assert_eq!(conditions.to_string(), "from 10.0.0.0/8, fd00::/8");
    }

    #[test]
    fn and_by_the_address_they_ask() {
        let conditions = conditions("to = '192.0.2.1'");
        let asked = |address: &str| {
            let local = std::net::SocketAddr::new(address.parse().unwrap(), 69);
            get("/x", "10.0.0.7", &[]).arrived_at(local, 0)
        };
        assert!(conditions.hold(&asked("192.0.2.1")));
        assert_eq!(
            conditions.why_not(&asked("192.0.2.2")).unwrap(),
            "only requests to 192.0.2.1/32"
        );
    }

    #[test]
    fn and_by_the_interface_they_come_in_on() {
        let loopback =
            (1..64).find(|index| bootwire_io::interface_name(*index).as_deref() == Some("lo"));
        let Some(loopback) = loopback else { return };
        let conditions = conditions("interface = ['lo', 'boot0']");
        let over = |index| {
            let request = get("/x", "127.0.0.1", &[]);
            let local = request.local();
            request.arrived_at(local, index)
        };
        assert!(conditions.hold(&over(loopback)));
        assert_eq!(
            conditions.why_not(&over(0)).unwrap(),
            "only over lo, boot0, and this came over none that is known"
        );
        let other = self::conditions("interface = 'boot0'");
        assert_eq!(
            other.why_not(&over(loopback)).unwrap(),
            "only over boot0, not lo"
        );
    }

    #[test]
    fn and_by_their_options() {
        let conditions =
            conditions("option = ['TSIZE', 'blksize=1468']\nwithout_option = 'windowsize'");
        let with = |options: &[(&str, &str)]| conditions.why_not(&get("/x", "10.0.0.7", options));
        assert_eq!(with(&[("tsize", "0"), ("blksize", "1468")]), None);
        assert_eq!(
            with(&[("blksize", "1468")]).unwrap(),
            "only with the option tsize"
        );
        assert_eq!(
            with(&[("tsize", "0"), ("blksize", "512")]).unwrap(),
            "only with the option blksize=1468"
        );
        assert_eq!(
            with(&[("tsize", "0"), ("blksize", "1468"), ("windowsize", "4")]).unwrap(),
            "only without the option windowsize"
        );
        assert_eq!(
            conditions.to_string(),
            "with tsize, blksize=1468, without windowsize"
        );
    }

    #[test]
    fn and_by_what_their_name_is_not_like() {
        let conditions = conditions("not_regex = '^/?public/'\nas_sent = true");
        assert!(conditions.hold(&get("/private/x", "10.0.0.7", &[])));
        for name in ["/public/x", "public/x"] {
            assert_eq!(
                conditions.why_not(&get(name, "10.0.0.7", &[])).unwrap(),
                "only names in which ^/?public/ finds nothing"
            );
        }
        assert!(conditions.hold(&get("/Public/x", "10.0.0.7", &[])));
        assert_eq!(conditions.to_string(), "not like ^/?public/");
        let conditions = self::conditions("not_regex = '^/public/'\ncase = 'ignore'");
        assert!(!conditions.hold(&get("/Public/x", "10.0.0.7", &[])));
    }

    #[test]
    fn and_by_whether_they_read() {
        let conditions = conditions("op = 'write'");
        assert!(conditions.hold(&put("/x", "10.0.0.7")));
        assert_eq!(
            conditions.why_not(&get("/x", "10.0.0.7", &[])).unwrap(),
            "only writes"
        );
    }
}
