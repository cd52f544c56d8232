//! Where the time of a transfer went.

use std::time::Duration;

use bootwire_proto::{Side, Waited};

use crate::words::words;

words! {
    /// Who holds up a transfer, in the words used by records, logs and metrics alike.
    pub enum Limit {
        /// The client: the time it takes to answer, the way there and back included.
        Client = "client",
        /// The network: packets were lost, and had to be sent again.
        Network = "network",
        /// The answer and its content, which were not at hand: a handler, an origin, a disk; for an
        /// upload, the place it is stored.
        Content = "content",
        /// The server: it had packets to send and was busy with others.
        Server = "server",
    }
}

impl From<Side> for Limit {
    fn from(side: Side) -> Self {
        match side {
            Side::Peer => Self::Client,
            Side::Network => Self::Network,
            Side::Content => Self::Content,
            Side::Own => Self::Server,
        }
    }
}

/// How long a transfer waited for each. At any time it waits for one, so they add up to its duration
/// and never to more. A network, content or server time ends at 71 minutes.
///
/// What a packet waits in the kernel before the server reads it counts as the client's: nobody knows
/// when it came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waits {
    /// See [`Limit::Client`].
    pub client: Duration,
    /// See [`Limit::Network`]: from what was lost until the next progress.
    pub network: Duration,
    /// See [`Limit::Content`]: the handler's time, and whatever the client waited for the source or
    /// sink.
    pub content: Duration,
    /// See [`Limit::Server`].
    pub server: Duration,
}

impl Waits {
    /// The time spent waiting for one of them.
    #[must_use]
    pub const fn of(&self, limit: Limit) -> Duration {
        match limit {
            Limit::Client => self.client,
            Limit::Network => self.network,
            Limit::Content => self.content,
            Limit::Server => self.server,
        }
    }

    /// All of them together.
    #[must_use]
    pub fn total(&self) -> Duration {
        Limit::ALL.into_iter().map(|limit| self.of(limit)).sum()
    }

    /// Whom it waited for longest; `None` if it never waited.
    #[must_use]
    pub fn longest(&self) -> Option<Limit> {
        let longest = Limit::ALL
            .into_iter()
            .rev()
            .max_by_key(|&limit| self.of(limit))?;
        (self.of(longest) > Duration::ZERO).then_some(longest)
    }

    /// Those of the machine that moved the blocks, after `handler` had found what they are.
    pub(crate) fn of_transfer(handler: Duration, waited: Waited) -> Self {
        Self {
            client: waited.peer,
            network: waited.network,
            content: handler.saturating_add(waited.content),
            server: waited.own,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_wait_is_the_limit_and_of_two_the_first() {
        let mut waits = Waits::default();
        assert_eq!((waits.longest(), waits.total()), (None, Duration::ZERO));
        waits.server = Duration::from_millis(3);
        waits.content = Duration::from_millis(3);
        assert_eq!(waits.longest(), Some(Limit::Content));
        waits.network = Duration::from_millis(4);
        assert_eq!(waits.longest(), Some(Limit::Network));
        assert_eq!(waits.total(), Duration::from_millis(10));
    }

    #[test]
    fn each_limit_has_a_word_of_its_own() {
        for limit in Limit::ALL {
            assert_eq!(Limit::from_word(limit.as_str()), Some(limit));
        }
        assert_eq!(Limit::from_word("peer"), None);
    }
}
