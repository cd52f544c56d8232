//! A dictionary of Python becomes a server.

use std::net::UdpSocket;
use std::time::Duration;

use bootwire::{Schedule, Server};
use ipnet::IpNet;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::terms::seconds;

/// What a server is told, as it was told it: a server can be made of it more than once.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    pub(crate) listen: Vec<String>,
    /// Descriptors of bound UDP sockets.
    pub(crate) sockets: Vec<i32>,
    changes: Vec<Change>,
    pub(crate) blksize_max: Option<u16>,
    pub(crate) fragment: bool,
}

/// One setting, on its way to a server.
#[derive(Clone)]
enum Change {
    Workers(usize),
    SinglePort(bool),
    Ports(u16, u16),
    BlksizeMax(u16),
    WindowsizeMax(u16),
    WindowsizeFirst(u16),
    Fragment(bool),
    Traceparent(bool),
    Allow(Vec<IpNet>),
    Unlimited(Vec<IpNet>),
    TransfersMax(usize),
    TransfersPerPeerMax(usize),
    UnprovenMax(u32),
    UnprovenPerSourceMax(u32, u32),
    UnprovenContentMax(u64),
    RequestsPerSecondMax(u32, u32),
    RefuseLowPorts(bool),
    Deadline(Duration),
    PortableIo(bool),
    Spin(Duration),
    Schedule(Rule),
}

/// One rule of retransmission.
#[derive(Clone, Copy)]
enum Rule {
    ResendMin(Duration),
    ResendFirst(Duration),
    ResendCeiling(Duration),
    UnprovenResends(u8),
    UnprovenLife(Duration),
    GiveUp(Duration),
    Linger(Duration),
}

/// All settings there are, for the error about one that is none.
const NAMES: [&str; 27] = [
    "workers",
    "single_port",
    "ports",
    "blksize_max",
    "windowsize_max",
    "windowsize_first",
    "fragment",
    "traceparent",
    "allow",
    "unlimited",
    "transfers_max",
    "transfers_per_peer_max",
    "unproven_max",
    "unproven_per_source_max",
    "unproven_content_max",
    "requests_per_second_max",
    "refuse_low_ports",
    "deadline",
    "portable_io",
    "spin",
    "resend_min",
    "resend_first",
    "resend_ceiling",
    "unproven_resends",
    "unproven_life",
    "give_up",
    "linger",
];

impl Settings {
    pub(crate) fn read(
        listen: Vec<String>,
        sockets: Vec<i32>,
        given: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let mut settings = Self {
            listen,
            sockets,
            ..Self::default()
        };
        for (name, value) in given.into_iter().flatten() {
            let name: String = name.extract()?;
            if value.is_none() {
                continue;
            }
            let change = change(&name, &value).map_err(|error| named(value.py(), &name, &error))?;
            match change {
                Change::BlksizeMax(bytes) => settings.blksize_max = Some(bytes),
                Change::Fragment(on) => settings.fragment = on,
                _ => {}
            }
            settings.changes.push(change);
        }
        Ok(settings)
    }

    /// Says all of it to `server`.
    pub(crate) fn apply(&self, mut server: Server) -> Server {
        let mut schedule = Schedule::default();
        for change in &self.changes {
            server = match change.clone() {
                Change::Workers(count) => server.workers(count),
                Change::SinglePort(on) => server.single_port(on),
                Change::Ports(from, to) => server.ports(from..=to),
                Change::BlksizeMax(bytes) => server.blksize_max(bytes),
                Change::WindowsizeMax(blocks) => server.windowsize_max(blocks),
                Change::WindowsizeFirst(blocks) => server.windowsize_first(blocks),
                Change::Fragment(on) => server.fragment(on),
                Change::Traceparent(on) => server.traceparent(on),
                Change::Allow(networks) => server.allow(networks),
                Change::Unlimited(networks) => server.unlimited(networks),
                Change::TransfersMax(count) => server.transfers_max(count),
                Change::TransfersPerPeerMax(count) => server.transfers_per_peer_max(count),
                Change::UnprovenMax(count) => server.unproven_max(count),
                Change::UnprovenPerSourceMax(address, network) => {
                    server.unproven_per_source_max(address, network)
                }
                Change::UnprovenContentMax(bytes) => server.unproven_content_max(bytes),
                Change::RequestsPerSecondMax(address, network) => {
                    server.requests_per_second_max(address, network)
                }
                Change::RefuseLowPorts(on) => server.refuse_low_ports(on),
                Change::Deadline(limit) => server.deadline(limit),
                Change::PortableIo(on) => server.portable_io(on),
                Change::Spin(time) => server.spin(time),
                Change::Schedule(rule) => {
                    rule.apply(&mut schedule);
                    server.schedule(schedule)
                }
            };
        }
        server
    }

    /// A server that listens where it is told to.
    pub(crate) fn server(&self) -> std::io::Result<Option<Server>> {
        let mut server: Option<Server> = None;
        for address in &self.listen {
            server = Some(match server {
                Some(server) => server.and_bind(address),
                None => Server::bind(address),
            });
        }
        for &descriptor in &self.sockets {
            let socket: UdpSocket = bootwire_io::duplicated(descriptor)?;
            server = Some(match server {
                Some(server) => server.and_socket(socket),
                None => Server::from_socket(socket),
            });
        }
        Ok(server.map(|server| self.apply(server)))
    }
}

impl Rule {
    const fn apply(self, schedule: &mut Schedule) {
        match self {
            Self::ResendMin(time) => schedule.resend_min = Some(time),
            Self::ResendFirst(time) => schedule.first = time,
            Self::ResendCeiling(time) => schedule.ceiling = time,
            Self::UnprovenResends(count) => schedule.unproven_resends = count,
            Self::UnprovenLife(time) => schedule.unproven_life = time,
            Self::GiveUp(time) => schedule.give_up = time,
            Self::Linger(time) => schedule.linger = time,
        }
    }
}

fn change(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Change> {
    Ok(match name {
        "workers" => Change::Workers(value.extract()?),
        "single_port" => Change::SinglePort(value.extract()?),
        "ports" => {
            let (from, to) = value.extract()?;
            Change::Ports(from, to)
        }
        "blksize_max" => Change::BlksizeMax(value.extract()?),
        "windowsize_max" => Change::WindowsizeMax(value.extract()?),
        "windowsize_first" => Change::WindowsizeFirst(value.extract()?),
        "fragment" => Change::Fragment(value.extract()?),
        "traceparent" => Change::Traceparent(value.extract()?),
        "allow" => Change::Allow(networks(value)?),
        "unlimited" => Change::Unlimited(networks(value)?),
        "transfers_max" => Change::TransfersMax(value.extract()?),
        "transfers_per_peer_max" => Change::TransfersPerPeerMax(value.extract()?),
        "unproven_max" => Change::UnprovenMax(value.extract()?),
        "unproven_per_source_max" => {
            let (address, network) = value.extract()?;
            Change::UnprovenPerSourceMax(address, network)
        }
        "unproven_content_max" => Change::UnprovenContentMax(value.extract()?),
        "requests_per_second_max" => {
            let (address, network) = value.extract()?;
            Change::RequestsPerSecondMax(address, network)
        }
        "refuse_low_ports" => Change::RefuseLowPorts(value.extract()?),
        "deadline" => Change::Deadline(time(value)?),
        "portable_io" => Change::PortableIo(value.extract()?),
        "spin" => Change::Spin(time(value)?),
        "resend_min" => Change::Schedule(Rule::ResendMin(time(value)?)),
        "resend_first" => Change::Schedule(Rule::ResendFirst(time(value)?)),
        "resend_ceiling" => Change::Schedule(Rule::ResendCeiling(time(value)?)),
        "unproven_resends" => Change::Schedule(Rule::UnprovenResends(value.extract()?)),
        "unproven_life" => Change::Schedule(Rule::UnprovenLife(time(value)?)),
        "give_up" => Change::Schedule(Rule::GiveUp(time(value)?)),
        "linger" => Change::Schedule(Rule::Linger(time(value)?)),
        _ => {
            return Err(PyTypeError::new_err(format!(
                "there is no such setting; there are {}",
                NAMES.join(", ")
            )));
        }
    })
}

/// An error of the same kind that says which setting it is about.
fn named(py: Python<'_>, name: &str, error: &PyErr) -> PyErr {
    let text = format!("{name}: {}", error.value(py));
    if error.is_instance_of::<PyTypeError>(py) {
        PyTypeError::new_err(text)
    } else {
        PyValueError::new_err(text)
    }
}

/// Seconds, as Python has times.
fn time(value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    let given: f64 = value.extract()?;
    seconds(given).ok_or_else(|| PyValueError::new_err(format!("{given} is no number of seconds")))
}

/// Networks, or single addresses, as text or as objects of `ipaddress`.
fn networks(value: &Bound<'_, PyAny>) -> PyResult<Vec<IpNet>> {
    let mut networks = Vec::new();
    for network in value.try_iter()? {
        let text = network?.str()?.to_string();
        let parsed = text
            .parse::<IpNet>()
            .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from));
        let wrong = |_| PyValueError::new_err(format!("{text:?} is no network"));
        networks.push(parsed.map_err(wrong)?);
    }
    Ok(networks)
}
