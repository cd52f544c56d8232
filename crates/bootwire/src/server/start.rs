//! From settings to running threads.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::time::{Duration, Instant as Clock};

use bootwire_io::{Kernel, Socket, SocketOptions};
use bootwire_proto::Instant;

use super::admission::Admission;
use super::builder::{ServerError, Settings};
use super::engine::{Config, Engine};
use super::handle::{Crew, ServerHandle};
use super::host::TokioHost;
use super::inbox::Inbox;
use super::observe::Observers;
use super::sockets::{RECEIVE_BUFFER, SEND_BUFFER, Sockets};
use super::stats::Counters;
use super::worker::Worker;

/// Longest a source or sink may do nothing while its client waits.
const STALL: Duration = Duration::from_secs(60);

/// Longest a worker may look for packets before it sleeps.
const SPIN_MAX: Duration = Duration::from_millis(10);

/// Checks the settings, opens the sockets and starts the threads.
pub(super) fn start(settings: Settings) -> Result<ServerHandle, ServerError> {
    let Settings { app, .. } = &settings;
    let Some(app) = app.clone() else {
        return Err(ServerError::Incomplete("give Server::serve a Router"));
    };
    check(&settings)?;
    let runtime = tokio::runtime::Handle::try_current()
        .map_err(|_| ServerError::Settings("start the server within a tokio runtime".to_owned()))?;
    let kernel = if settings.portable {
        Kernel::portable()
    } else {
        Kernel::probe()
    };
    let single_socket = !settings.sockets.is_empty() && settings.listen.is_empty();
    let workers = if single_socket {
        settings.sockets.len()
    } else {
        worker_count(&settings)
    };

    let (addresses, listeners) = listen(&settings, kernel, workers)?;
    let counters: Vec<Arc<Counters>> = (0..workers).map(|_| Arc::default()).collect();
    let observers = Observers::start(
        settings.observers,
        settings.stats_observers,
        counters.clone(),
    )?;
    let origin = Clock::now();
    let running = Arc::new(AtomicUsize::new(0));
    let ids = Arc::new(AtomicU64::new(0));
    let config = Config {
        limits: settings.limits,
        schedule: settings.schedule,
        deadline: settings.deadline,
        stall: STALL,
        fragment: settings.fragment,
        single_port: settings.single_port,
    };

    let mut crew = Crew::new(counters, observers);
    for (number, listeners) in listeners.into_iter().enumerate() {
        let range = port_share(settings.ports.as_ref(), number, workers);
        let sockets = Sockets::new(
            kernel,
            listeners,
            settings.single_port,
            settings.fragment,
            range,
        )?;
        let inbox = Arc::new(Inbox::new(sockets.waker()));
        let host = TokioHost {
            runtime: runtime.clone(),
            app: app.clone(),
            inbox: Arc::clone(&inbox),
            ids: Arc::clone(&ids),
            deadline: settings.deadline,
            mapping: kernel.mapping,
            records: crew.events(),
        };
        let allow = settings.allow.clone().map(Vec::into_boxed_slice);
        let admission = Admission::new(
            allow,
            Arc::clone(&running),
            settings.transfers_max,
            settings.transfers_per_peer_max,
        );
        let counters = crew.counters(number);
        let seed = std::process::id()
            .wrapping_mul(31)
            .wrapping_add(number as u32);
        let engine = Engine::new(
            Instant::ZERO,
            host,
            config,
            admission,
            Arc::clone(&counters),
            seed,
        );
        crew.add(Arc::clone(&inbox), number, move || {
            Worker::new(kernel, engine, sockets, inbox, counters, origin)
                .spinning(settings.spin)
                .run();
        })?;
    }
    Ok(ServerHandle::new(crew, addresses, kernel))
}

fn check(settings: &Settings) -> Result<(), ServerError> {
    if settings.listen.is_empty() && settings.sockets.is_empty() {
        return Err(ServerError::Incomplete("give Server::bind an address"));
    }
    let wrong = |text: &str| Err(ServerError::Settings(text.to_owned()));
    if !(8..=65_464).contains(&settings.limits.blksize_max) {
        return wrong("blksize_max must be from 8 to 65464 bytes");
    }
    // Half of the block numbers: beyond it an ACK could mean two blocks.
    if !(1..=32_767).contains(&settings.limits.windowsize_max) {
        return wrong("windowsize_max must be from 1 to 32767 blocks");
    }
    if settings.spin > SPIN_MAX {
        return wrong("a worker may spin for at most 10 ms");
    }
    if settings.workers == Some(0) {
        return wrong("at least one worker is needed");
    }
    if settings.single_port && settings.ports.is_some() {
        return wrong("single_port answers from the listening port: a port range contradicts it");
    }
    if let Some(ports) = &settings.ports
        && (ports.is_empty() || *ports.start() == 0)
    {
        return wrong("the port range must be like 30000-30063, lowest port first");
    }
    Ok(())
}

/// One worker a core, but no more than there are transfer ports.
fn worker_count(settings: &Settings) -> usize {
    // Elsewhere SO_REUSEPORT gives every datagram to one of the sockets, without balance.
    if !cfg!(target_os = "linux") {
        return 1;
    }
    let cores = settings
        .workers
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let ports = settings
        .ports
        .as_ref()
        .map_or(usize::MAX, ExactSizeIterator::len);
    cores.min(ports).max(1)
}

/// The transfer ports of one worker: never shared, as the kernel would deliver half of the ACKs to
/// the other.
fn port_share(
    ports: Option<&std::ops::RangeInclusive<u16>>,
    number: usize,
    workers: usize,
) -> Vec<u16> {
    ports.map_or_else(Vec::new, |ports| {
        ports.clone().skip(number).step_by(workers).collect()
    })
}

/// Opens the listening sockets: for each worker one for each address.
fn listen(
    settings: &Settings,
    kernel: Kernel,
    workers: usize,
) -> Result<(Vec<SocketAddr>, Vec<Vec<Socket>>), ServerError> {
    let mut addresses = Vec::new();
    let mut listeners: Vec<Vec<Socket>> = (0..workers).map(|_| Vec::new()).collect();
    let options = SocketOptions {
        reuse_port: workers > 1,
        receive_buffer: RECEIVE_BUFFER,
        send_buffer: SEND_BUFFER,
        packet_info: kernel.packet_info,
        dont_fragment: !settings.fragment,
        count_drops: true,
        ..SocketOptions::default()
    };
    for &wanted in &settings.listen {
        let failed = |source| ServerError::Bind {
            address: wanted,
            source,
        };
        if workers > 1 && wanted.port() != 0 {
            // With reuse_port a second server would quietly share the port; without it the kernel
            // says that it is taken.
            Socket::bind(
                wanted,
                &SocketOptions {
                    reuse_port: false,
                    ..options.clone()
                },
            )
            .map_err(failed)?;
        }
        let mut address = wanted;
        for own in &mut listeners {
            let socket = Socket::bind(address, &options).map_err(failed)?;
            // Port 0: the first worker's choice is the others' too.
            address.set_port(socket.local_addr().port());
            own.push(socket);
        }
        addresses.push(address);
    }
    for (number, socket) in settings.sockets.iter().enumerate() {
        let clone: UdpSocket = socket.try_clone()?;
        let socket = Socket::from_std(
            clone,
            &SocketOptions {
                reuse_port: false,
                ..options.clone()
            },
        )?;
        addresses.push(socket.local_addr());
        listeners[number % workers].push(socket);
    }
    Ok((addresses, listeners))
}
