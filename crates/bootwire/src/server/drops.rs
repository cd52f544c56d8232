//! What the kernel dropped because a socket's buffer was full.
//!
//! It tells with each datagram how many it dropped before, if asked; but to tell costs something
//! each time, so it is asked for a moment only, again and again. The count itself never stops.

use bootwire_io::Socket;

/// Batches after which no answer means that nothing was dropped: the first may have been waiting
/// since before the question.
const PATIENCE: u8 = 3;

/// One socket's count.
#[derive(Debug, Default)]
pub(super) struct Drops {
    /// As last told. The kernel's counter wraps around.
    told: u32,
    /// Batches for which an answer is still waited for.
    waiting: u8,
}

impl Drops {
    /// Asks the kernel.
    pub(super) fn ask(&mut self, socket: &Socket) {
        if self.waiting == 0 && socket.set_count_drops(true).is_ok() {
            self.waiting = PATIENCE;
        }
    }

    /// Whether the next batch may bring an answer.
    pub(super) const fn is_waiting(&self) -> bool {
        self.waiting > 0
    }

    /// Takes the answer that came with the last datagram of a batch, and says how many datagrams
    /// were dropped since the last one.
    pub(super) fn hear(&mut self, socket: &Socket, answer: Option<u32>) -> u32 {
        let new = answer.map_or(0, |count| count.wrapping_sub(self.told));
        self.told = answer.unwrap_or(self.told);
        self.waiting = match answer {
            Some(_) => 0,
            None => self.waiting.saturating_sub(1),
        };
        if self.waiting == 0 {
            // If it goes on telling, that only costs time.
            let _ = socket.set_count_drops(false);
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use bootwire_io::SocketOptions;

    use super::*;

    fn socket() -> Socket {
        Socket::bind(([127, 0, 0, 1], 0).into(), &SocketOptions::default()).unwrap()
    }

    #[test]
    fn each_drop_is_counted_once_and_the_counter_may_wrap_around() {
        let (socket, mut drops) = (socket(), Drops::default());
        drops.ask(&socket);
        assert_eq!(drops.hear(&socket, Some(5)), 5);
        assert!(!drops.is_waiting(), "the answer has come");
        drops.ask(&socket);
        assert_eq!(drops.hear(&socket, Some(5)), 0);
        drops.ask(&socket);
        assert_eq!(drops.hear(&socket, Some(2)), u32::MAX - 2);
    }

    #[test]
    fn silence_means_that_nothing_was_dropped() {
        let (socket, mut drops) = (socket(), Drops::default());
        drops.ask(&socket);
        for _ in 0..PATIENCE {
            assert!(drops.is_waiting());
            assert_eq!(drops.hear(&socket, None), 0);
        }
        assert!(!drops.is_waiting());
    }
}
