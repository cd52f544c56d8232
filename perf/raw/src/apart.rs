//! The clients on a core of their own: each packet comes from the other core's cache, as it does
//! when clients and server are two programs. What they have read goes back to the server's core,
//! which is interrupted to free it.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::sockets::{self, Clients, Server};
use crate::{Costs, Shape, measure};

/// Whose turn it is: the server's, or that of the group whose number is stored.
const SERVERS: usize = usize::MAX;
/// The clients have gone, or are to go.
const OVER: usize = usize::MAX - 1;
/// A thread that only looks at its clock and sees it jump by this was interrupted.
const JUMP: Duration = Duration::from_nanos(500);

/// Microseconds per block.
pub fn measured(shape: &Shape, limit: Duration, core: usize) -> io::Result<Costs> {
    let (server, clients) = (Server::new()?, Clients::new(shape.clients)?);
    let turn = AtomicUsize::new(SERVERS);
    std::thread::scope(|scope| {
        let playing = scope.spawn(|| {
            let played = play(&turn, core, &server, &clients);
            turn.store(OVER, Ordering::Release);
            played
        });
        let costs = measure(shape, limit, &server, &clients, |group| {
            let gone = || io::Error::other("the clients have gone");
            turn.compare_exchange(SERVERS, group, Ordering::AcqRel, Ordering::Acquire)
                .map_err(|_| gone())?;
            let (now, interrupted) = wait_while(&turn, |now| now == group);
            if now == OVER {
                return Err(gone());
            }
            Ok(interrupted)
        });
        turn.store(OVER, Ordering::Release);
        match playing.join() {
            Ok(Ok(())) => costs,
            Ok(Err(error)) => Err(error),
            Err(_) => Err(io::Error::other("the clients panicked")),
        }
    })
}

/// Has group after group answer when it is told to.
fn play(turn: &AtomicUsize, core: usize, server: &Server, clients: &Clients) -> io::Result<()> {
    sockets::run_on(core)?;
    loop {
        match wait_while(turn, |now| now == SERVERS) {
            (OVER, _) => return Ok(()),
            (group, _) => clients.group(group).answer(server)?,
        }
        turn.store(SERVERS, Ordering::Release);
    }
}

/// Whose turn it is then, and how long this thread was interrupted meanwhile.
fn wait_while(turn: &AtomicUsize, is_not_yet: impl Fn(usize) -> bool) -> (usize, Duration) {
    let mut interrupted = Duration::ZERO;
    let mut last = Instant::now();
    loop {
        let now = turn.load(Ordering::Acquire);
        if !is_not_yet(now) {
            return (now, interrupted);
        }
        std::hint::spin_loop();
        let moment = Instant::now();
        let passed = moment.duration_since(last);
        if passed >= JUMP {
            interrupted += passed;
        }
        last = moment;
    }
}
