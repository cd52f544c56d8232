//! The clients on a core of their own: each packet comes from the other core's cache, as it does
//! when clients and server are two programs.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::sockets::{self, Clients, Server};
use crate::{Shape, measure};

/// Whose turn it is: the server's, or that of the group whose number is stored.
const SERVERS: usize = usize::MAX;
/// The clients have gone, or are to go.
const OVER: usize = usize::MAX - 1;

/// Microseconds per block: to send it, and to read its share of an ACK.
pub fn measured(shape: &Shape, limit: Duration, core: usize) -> io::Result<(f64, f64)> {
    let (server, clients) = (Server::new()?, Clients::new(shape.clients)?);
    let turn = AtomicUsize::new(SERVERS);
    std::thread::scope(|scope| {
        let playing = scope.spawn(|| {
            let played = play(&turn, core, &server, &clients);
            turn.store(OVER, Ordering::Release);
            played
        });
        let figures = measure(shape, limit, &server, &clients, |group| {
            let gone = || io::Error::other("the clients have gone");
            turn.compare_exchange(SERVERS, group, Ordering::AcqRel, Ordering::Acquire)
                .map_err(|_| gone())?;
            match wait_while(&turn, |now| now == group) {
                OVER => Err(gone()),
                _ => Ok(()),
            }
        });
        turn.store(OVER, Ordering::Release);
        match playing.join() {
            Ok(Ok(())) => figures,
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
            OVER => return Ok(()),
            group => clients.group(group).answer(server)?,
        }
        turn.store(SERVERS, Ordering::Release);
    }
}

fn wait_while(turn: &AtomicUsize, is_not_yet: impl Fn(usize) -> bool) -> usize {
    loop {
        let now = turn.load(Ordering::Acquire);
        if !is_not_yet(now) {
            return now;
        }
        std::hint::spin_loop();
    }
}
