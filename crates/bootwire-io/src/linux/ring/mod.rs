//! io_uring: multishot `recvmsg` into provided buffers, and sends that are queued.

mod about;
mod outgoing;
mod pool;

use std::{
    io,
    mem::ManuallyDrop,
    net::{Ipv4Addr, SocketAddr},
    os::fd::{AsFd, AsRawFd},
    sync::Arc,
    time::Duration,
};

use io_uring::{IoUring, cqueue, opcode, squeue, types};

use self::{
    about::{About, GENERATION},
    outgoing::Outgoing,
    pool::Pool,
};
use super::address::WireAddress;
use crate::{
    Arrival, Datagram, Ring as Public, RingFailure, Socket, Waker, receive::is_pending,
    signal::Signal,
};

/// Requests queued at once. More of them are submitted in between.
const SUBMISSIONS: u32 = 4096;

/// Completions that fit; the kernel keeps more, at a price.
const COMPLETIONS: u32 = 16_384;

/// Tokens are below this.
const TOKENS: usize = 1 << 24;

/// What the kernel puts before a datagram (`io_uring_recvmsg_out`), and its sender's address.
const PREFIX: usize = 16 + size_of::<libc::sockaddr_in6>();

/// The rest of a ring is gone by then: how long the kernel may take to give up its requests.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// What is known of a token.
#[derive(Clone, Debug, Default)]
struct Seat {
    /// The socket that has it. Open as long as requests name its descriptor: whoever closed it
    /// sooner would let them reach whatever is opened next under the same number.
    socket: Option<Arc<Socket>>,
    /// It is received from.
    armed: bool,
    /// Whom the socket is connected to.
    peer: Option<SocketAddr>,
    /// Counts the sockets that had it.
    generation: u32,
}

impl Seat {
    fn fd(&self) -> Option<types::Fd> {
        let socket = self.socket.as_deref()?;
        Some(types::Fd(socket.as_fd().as_raw_fd()))
    }
}

/// A datagram in a buffer.
#[derive(Clone, Copy, Debug)]
struct Arrived {
    token: u32,
    generation: u32,
    buffer: u16,
    len: usize,
}

pub(crate) struct Ring {
    uring: ManuallyDrop<IoUring>,
    pool: ManuallyDrop<Pool>,
    outgoing: ManuallyDrop<Outgoing>,
    /// How every datagram is received. The kernel reads it with each request.
    header: Box<libc::msghdr>,
    slot_len: usize,
    seats: Vec<Seat>,
    /// Sockets that are retired, open until what was queued for them is submitted.
    retired: Vec<Arc<Socket>>,
    arrived: Vec<Arrived>,
    failures: Vec<RingFailure>,
    /// Tokens whose sockets are not received from: new ones, and for want of buffers.
    unarmed: Vec<u32>,
    signal: Arc<Signal>,
    hears_signal: bool,
    /// The ring has its thread.
    enabled: bool,
}

// SAFETY: the pointers lead to memory that belongs to the ring alone and stays where it is. The
// kernel refuses a ring to all threads but the first to wait.
unsafe impl Send for Ring {}

impl Ring {
    pub(crate) fn new(slot_len: usize) -> io::Result<Self> {
        // Completions are made when the thread asks for them, without interrupting it. Which
        // thread that is shows when the ring is enabled.
        let uring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_taskrun_flag()
            .setup_submit_all()
            .setup_r_disabled()
            .setup_cqsize(COMPLETIONS)
            .build(SUBMISSIONS)?;
        // SAFETY: all zeros is a valid header, an empty one.
        let mut header: Box<libc::msghdr> = Box::new(unsafe { std::mem::zeroed() });
        header.msg_namelen = size_of::<libc::sockaddr_in6>() as u32;
        let mut ring = Self {
            uring: ManuallyDrop::new(uring),
            // One byte more, by which a longer datagram is known.
            pool: ManuallyDrop::new(Pool::new(PREFIX + slot_len + 1)?),
            outgoing: ManuallyDrop::new(Outgoing::new()),
            header,
            slot_len,
            seats: Vec::new(),
            retired: Vec::new(),
            arrived: Vec::new(),
            failures: Vec::new(),
            unarmed: Vec::new(),
            signal: Arc::new(Signal::eventfd()?),
            hears_signal: false,
            enabled: false,
        };
        ring.pool.register(&ring.uring.submitter())?;
        Ok(ring)
    }

    pub(crate) fn waker(&self) -> Waker {
        Waker::new(&self.signal)
    }

    pub(crate) fn add(&mut self, socket: Arc<Socket>, token: usize) -> io::Result<()> {
        if token >= TOKENS {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if self.seats.len() <= token {
            self.seats.resize(token + 1, Seat::default());
        }
        let seat = &mut self.seats[token];
        if seat.socket.is_some() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        seat.socket = Some(socket);
        seat.armed = false;
        seat.peer = None;
        self.unarmed.push(token as u32);
        Ok(())
    }

    pub(crate) fn connect(&mut self, token: usize, peer: SocketAddr) -> io::Result<()> {
        let seat = self.seats.get_mut(token);
        let unknown = io::ErrorKind::InvalidInput;
        let seat = seat.ok_or(unknown)?;
        let socket = seat.socket.as_deref().ok_or(unknown)?;
        rustix::net::connect(socket, &peer)?;
        seat.peer = Some(peer);
        Ok(())
    }

    pub(crate) fn retire(&mut self, token: usize) {
        let Some(seat) = self.seats.get_mut(token) else {
            return;
        };
        let Some(socket) = seat.socket.take() else {
            return;
        };
        self.retired.push(socket);
        let (token, generation) = (token as u32, seat.generation);
        seat.generation = (generation + 1) & GENERATION;
        let receive = About::Receive { token, generation };
        let cancel = opcode::AsyncCancel::new(receive.to_bits())
            .build()
            .user_data(About::Cancel.to_bits())
            .flags(squeue::Flags::SKIP_SUCCESS);
        // The ring itself does not work if this fails; the next wait says so.
        let _ = self.push(&cancel);
    }

    pub(crate) fn send(&mut self, token: usize, to: SocketAddr, packet: &[u8]) -> io::Result<()> {
        let unfit = io::ErrorKind::InvalidInput;
        let seat = self.seats.get(token).ok_or(unfit)?;
        let socket = seat.socket.as_deref().ok_or(unfit)?;
        if packet.len() > Public::PACKET_MAX {
            return Err(unfit.into());
        }
        let (fd, ipv6) = (types::Fd(socket.as_fd().as_raw_fd()), socket.is_ipv6());
        let (known, generation) = (seat.peer == Some(to), seat.generation);
        if self.outgoing.is_full() {
            self.submit()?;
            self.reap();
        }
        let address = (!known).then(|| WireAddress::new(to, ipv6));
        let filled = self
            .outgoing
            .fill(token as u32, generation, fd, address, packet);
        let Some((slot, entry)) = filled else {
            // The kernel holds on to all of them: no room, and so lost.
            return Ok(());
        };
        let entry = entry.user_data(About::Send { slot }.to_bits());
        self.push(&entry)
            .inspect_err(|_| self.outgoing.take_back(slot))
    }

    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        for gone in self.arrived.drain(..) {
            self.pool.give_back(gone.buffer);
        }
        self.pool.publish();
        self.failures.clear();
        self.enable()?;
        if !self.hears_signal {
            self.listen_to_signal()?;
        }
        while let Some(token) = self.unarmed.pop() {
            self.arm(token)?;
        }
        // Sends are done as they are submitted; what is waited for comes beside them.
        let wanted = self.outgoing.under_way() + 1;
        let waited = match timeout {
            None => self.uring.submit_and_wait(wanted),
            Some(Duration::ZERO) => self.look(),
            Some(timeout) => {
                let timeout = types::Timespec::from(timeout);
                let args = types::SubmitArgs::new().timespec(&timeout);
                self.uring.submitter().submit_with_args(wanted, &args)
            }
        };
        match waited {
            Ok(_) => {}
            Err(error) if passes(&error) => {}
            Err(error) => return Err(error),
        }
        if self.uring.submission().is_empty() {
            self.retired.clear();
        }
        self.reap();
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.arrived.len()
    }

    pub(crate) fn get(&self, index: usize) -> Option<Arrival<'_>> {
        let arrived = self.arrived.get(index)?;
        let seat = self.seats.get(arrived.token as usize)?;
        if seat.generation != arrived.generation {
            return None;
        }
        // SAFETY: the kernel gave us the buffer with its completion, and it stays ours until
        // `wait`, which needs the ring for itself.
        let bytes = unsafe { self.pool.filled(arrived.buffer, arrived.len) };
        let parsed = types::RecvMsgOut::parse(bytes, &self.header).ok()?;
        let nobody = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        let payload = bytes.get(PREFIX..)?;
        Some(Arrival {
            token: arrived.token as usize,
            datagram: Datagram {
                payload: &payload[..payload.len().min(self.slot_len)],
                peer: WireAddress::read(parsed.name_data()).unwrap_or(nobody),
                local: None,
                interface: 0,
                truncated: parsed.is_payload_truncated() || payload.len() > self.slot_len,
                drops: None,
                unicast: true,
            },
        })
    }

    pub(crate) fn failure(&mut self) -> Option<RingFailure> {
        self.failures.pop()
    }

    /// Receives from a token's socket, if it has one and does not yet.
    fn arm(&mut self, token: u32) -> io::Result<()> {
        let seat = self.seats.get_mut(token as usize);
        let Some((seat, fd)) = seat.and_then(|seat| seat.fd().map(|fd| (seat, fd))) else {
            return Ok(());
        };
        if std::mem::replace(&mut seat.armed, true) {
            return Ok(());
        }
        let generation = seat.generation;
        let receive = opcode::RecvMsgMulti::new(fd, &raw const *self.header, pool::GROUP)
            .build()
            .user_data(About::Receive { token, generation }.to_bits());
        self.push(&receive)
    }

    /// Waits for other threads' calls.
    fn listen_to_signal(&mut self) -> io::Result<()> {
        let fd = types::Fd(self.signal.readable().as_raw_fd());
        let poll = opcode::PollAdd::new(fd, libc::POLLIN as _)
            .multi(true)
            .build()
            .user_data(About::Wake.to_bits());
        self.push(&poll)?;
        self.hears_signal = true;
        Ok(())
    }

    /// Lets this thread have the ring.
    fn enable(&mut self) -> io::Result<()> {
        if !self.enabled {
            self.uring.submitter().register_enable_rings()?;
            self.enabled = true;
        }
        Ok(())
    }

    /// Queues a request.
    fn push(&mut self, entry: &squeue::Entry) -> io::Result<()> {
        loop {
            // SAFETY: what a request refers to is kept until the kernel has done with it: packets
            // and addresses in `outgoing`, the header, the buffers of the pool.
            if unsafe { self.uring.submission().push(entry) }.is_ok() {
                return Ok(());
            }
            self.submit()?;
        }
    }

    fn submit(&mut self) -> io::Result<()> {
        self.enable()?;
        match self.uring.submit() {
            Err(error) if !passes(&error) => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Submits what is queued and has the kernel complete what has come. It never sleeps, and
    /// where there is neither, it costs no system call.
    fn look(&mut self) -> io::Result<usize> {
        let queue = self.uring.submission();
        if queue.is_empty() && !queue.taskrun() && !queue.cq_overflow() {
            return Ok(0);
        }
        drop(queue);
        let args = types::SubmitArgs::new();
        self.uring.submitter().submit_with_args(0, &args)
    }

    /// Takes in what the kernel has completed.
    fn reap(&mut self) {
        let mut called = false;
        // SAFETY: this is the only place where completions are taken, and it needs the ring for
        // itself.
        for done in unsafe { self.uring.completion_shared() } {
            let more = cqueue::more(done.flags());
            match About::from_bits(done.user_data()) {
                About::Receive { token, generation } => {
                    let seat = self.seats.get_mut(token as usize);
                    let seat = seat.filter(|seat| seat.generation == generation);
                    if let Some(buffer) = cqueue::buffer_select(done.flags()) {
                        self.arrived.push(Arrived {
                            token,
                            generation,
                            buffer,
                            len: usize::try_from(done.result()).unwrap_or(0),
                        });
                    }
                    let Some(seat) = seat.filter(|_| !more) else {
                        continue;
                    };
                    seat.armed = false;
                    match error(done.result()).filter(is_grave) {
                        Some(error) => self.failures.push(RingFailure {
                            token: token as usize,
                            error,
                        }),
                        None => self.unarmed.push(token),
                    }
                }
                About::Send { slot } => {
                    let Some((token, generation)) = self.outgoing.done(slot) else {
                        continue;
                    };
                    let seat = self.seats.get(token as usize);
                    if let Some(error) = error(done.result()).filter(is_grave)
                        && seat.is_some_and(|seat| seat.generation == generation)
                    {
                        self.failures.push(RingFailure {
                            token: token as usize,
                            error,
                        });
                    }
                }
                About::Wake => {
                    called = true;
                    self.hears_signal &= more;
                }
                About::Cancel => {}
            }
        }
        if called {
            self.signal.clear();
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        let patience = types::Timespec::from(LAST_WAIT);
        let every = types::CancelBuilder::any();
        let submitter = self.uring.submitter();
        let quiet = match submitter.register_sync_cancel(Some(patience), every) {
            Ok(()) => true,
            Err(error) => error.raw_os_error() == Some(libc::ENOENT),
        };
        // SAFETY: not used after this.
        unsafe { ManuallyDrop::drop(&mut self.uring) };
        if quiet && self.outgoing.under_way() == 0 {
            // SAFETY: no request is under way, and the ring is gone.
            unsafe { self.pool.free() };
            // SAFETY: not used after this, by the kernel either.
            unsafe { ManuallyDrop::drop(&mut self.outgoing) };
        }
        // Else the kernel may still write or read there: better lost than used twice.
    }
}

/// What passes by itself while requests are submitted.
fn passes(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EINTR | libc::ETIME | libc::EAGAIN | libc::EBUSY)
    )
}

/// The error a completion tells.
fn error(result: i32) -> Option<io::Error> {
    (result < 0).then(|| io::Error::from_raw_os_error(-result))
}

/// Whether a socket will not go on after this.
fn is_grave(error: &io::Error) -> bool {
    let passes = matches!(
        error.raw_os_error(),
        Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM | libc::ECANCELED)
    );
    !passes && !is_pending(error)
}

#[cfg(test)]
mod tests;
