//! Which sockets a busy worker reads without being told that they are ready.
//!
//! A watched socket costs something with each packet that arrives at it, and with each that leaves:
//! the kernel calls the poller when it frees the packet. A worker that never sleeps needs nobody to
//! wake it. So while packets come round after round, the sockets that carry them are taken from the
//! poller and just read, and the poller is asked now and then what the others have. Before the
//! worker sleeps they are all watched again: the poller tells what has come meanwhile.
//!
//! The packets of few clients come round after round as well, if they come soon enough for a worker
//! that looks for them ([`Spin`](super::spin::Spin)).

use std::time::Duration;

use bootwire_proto::Instant;

/// Rounds with packets and without sleep, one after the other, that make a worker busy: to stop
/// watching a socket and to start again costs two system calls.
const ROUNDS: u32 = 32;
/// How often a busy worker asks the poller.
const PERIOD: Duration = Duration::from_micros(100);
/// A wait that took longer was a sleep.
const SLEEP: Duration = Duration::from_micros(5);
/// A socket's credit at first, and at most: one for each packet.
const CREDIT: usize = 8;
const CREDIT_MAX: usize = 64;
/// What a read in vain takes of it: the call costs about what two packets save.
const IN_VAIN: usize = 2;

/// How busy a worker is, and the sockets it reads unasked.
#[derive(Debug, Default)]
pub(super) struct Watching {
    /// Rounds since it slept, while it is not known to be busy.
    rounds: u32,
    unwatched: Vec<Unwatched>,
    /// When the poller was asked last.
    asked: Instant,
}

/// A socket that is not watched.
#[derive(Clone, Copy, Debug)]
struct Unwatched {
    id: u16,
    credit: usize,
    /// What was read from it in this round; it is not taken without a packet.
    read: usize,
}

impl Watching {
    /// Whether the poller is to be asked in this round; without waiting, while any socket is not
    /// watched.
    pub(super) fn asks(&mut self, now: Instant) -> bool {
        if self.is_watched() || now.since(self.asked) >= PERIOD {
            self.asked = now;
            return true;
        }
        false
    }

    /// Whether all sockets are watched, so that the worker may sleep.
    pub(super) const fn is_watched(&self) -> bool {
        self.unwatched.is_empty()
    }

    /// The poller told of packets after so long.
    pub(super) fn told(&mut self, after: Duration) {
        self.rounds = if after >= SLEEP { 0 } else { self.rounds + 1 }.min(ROUNDS);
    }

    /// Whether sockets on which there are packets need not be watched.
    pub(super) const fn is_busy(&self) -> bool {
        self.rounds >= ROUNDS
    }

    /// Socket `id` is not watched from now on.
    pub(super) fn add(&mut self, id: u16) {
        self.unwatched.push(Unwatched {
            id,
            credit: CREDIT,
            read: 1,
        });
    }

    /// Whether socket `id` is read unasked.
    pub(super) fn contains(&self, id: u16) -> bool {
        self.unwatched.iter().any(|socket| socket.id == id)
    }

    /// Socket `id` is watched again.
    pub(super) fn remove(&mut self, id: u16) {
        self.unwatched.retain(|socket| socket.id != id);
    }

    /// The sockets to be read unasked, by number from 0 on.
    pub(super) fn get(&self, at: usize) -> Option<u16> {
        self.unwatched.get(at).map(|socket| socket.id)
    }

    /// So many packets were read from the socket that is number `at`.
    pub(super) fn read(&mut self, at: usize, count: usize) {
        if let Some(socket) = self.unwatched.get_mut(at) {
            socket.read = count;
        }
    }

    /// A round is over in which there were packets on some socket: one that no longer pays, if
    /// there is any. It is to be watched again.
    pub(super) fn idle(&mut self) -> Option<u16> {
        let mut idle = None;
        for socket in &mut self.unwatched {
            let credit = match socket.read {
                0 => socket.credit.saturating_sub(IN_VAIN),
                read => (socket.credit + read).min(CREDIT_MAX),
            };
            (socket.credit, socket.read) = (credit, 0);
            if credit == 0 {
                idle = Some(socket.id);
            }
        }
        idle
    }

    /// A round is over in which there was nothing to do: the worker is busy no more. Its sockets
    /// are to be watched again, one after the other until none is left.
    pub(super) fn rest(&mut self) -> Option<u16> {
        self.rounds = 0;
        self.get(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    /// A worker that has read socket 7 unasked for the first time.
    fn busy() -> Watching {
        let mut watching = Watching::default();
        for _ in 0..ROUNDS {
            assert!(!watching.is_busy());
            watching.told(Duration::ZERO);
        }
        assert!(watching.is_busy());
        watching.add(7);
        watching
    }

    #[test]
    fn a_worker_that_sleeps_now_and_then_leaves_all_sockets_watched() {
        let mut watching = Watching::default();
        for round in 0..100 * ROUNDS {
            let slept = round % ROUNDS == ROUNDS - 1;
            watching.told(if slept { SLEEP } else { Duration::ZERO });
            assert!(!watching.is_busy());
            assert!(watching.asks(at(round.into())), "each round begins with it");
        }
    }

    #[test]
    fn a_busy_worker_asks_now_and_then_what_the_others_have() {
        let mut watching = busy();
        assert!(watching.asks(at(1000)));
        let asked = (1001..2001).filter(|&micros| watching.asks(at(micros)));
        assert_eq!(asked.count(), 10);
    }

    #[test]
    fn a_socket_that_others_outlast_is_watched_again() {
        let mut watching = busy();
        watching.add(9);
        for round in 0.. {
            watching.read(0, 1);
            watching.read(1, 0);
            if let Some(id) = watching.idle() {
                assert_eq!((id, round), (9, CREDIT / IN_VAIN - 1));
                break;
            }
        }
        watching.remove(9);
        assert!(!watching.is_watched() && watching.is_busy());
    }

    #[test]
    fn packets_earn_a_socket_a_longer_silence_but_not_an_endless_one() {
        let mut watching = busy();
        for _ in 0..1000 {
            watching.read(0, 64);
            assert_eq!(watching.idle(), None);
        }
        let silent = (1..).find(|_| watching.idle() == Some(7));
        assert_eq!(silent, Some(CREDIT_MAX / IN_VAIN));
    }

    #[test]
    fn a_worker_that_rests_watches_all_and_is_busy_no_more() {
        let mut watching = busy();
        watching.add(9);
        while let Some(id) = watching.rest() {
            watching.remove(id);
        }
        assert!(watching.is_watched() && !watching.is_busy());
        assert!(watching.asks(at(0)));
    }
}
