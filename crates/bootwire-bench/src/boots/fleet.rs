//! Many machines, which boot again and again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{Event, Machine};
use crate::faults::Random;

/// How long machines rest between two boots.
#[derive(Clone, Copy, Debug)]
pub struct Rest {
    /// At least.
    pub shortest: Duration,
    /// At most.
    pub longest: Duration,
}

/// Machines that boot from one server.
#[derive(Clone, Debug)]
pub struct Fleet {
    server: SocketAddr,
    machines: Vec<Machine>,
    seed: u64,
    rest: Option<Rest>,
    stagger: Duration,
    at_once: usize,
}

impl Fleet {
    /// These machines, which boot once, all at the same time.
    #[must_use]
    pub const fn new(server: SocketAddr, machines: Vec<Machine>) -> Self {
        Self {
            server,
            machines,
            seed: 1,
            rest: None,
            stagger: Duration::ZERO,
            at_once: usize::MAX >> 4,
        }
    }

    /// Makes other choices: the same seed, the same boots.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// They boot again after a rest, for ever.
    #[must_use]
    pub const fn again_after(mut self, rest: Rest) -> Self {
        self.rest = Some(rest);
        self
    }

    /// They begin one after the other, this far apart.
    #[must_use]
    pub const fn stagger(mut self, apart: Duration) -> Self {
        self.stagger = apart;
        self
    }

    /// No more than so many boot at a time.
    #[must_use]
    pub fn at_once(mut self, boots: usize) -> Self {
        self.at_once = boots.clamp(1, usize::MAX >> 4);
        self
    }

    /// Lets them boot until all are done or the future is dropped, and tells what happens.
    ///
    /// Within a tokio runtime with time and network.
    pub async fn run(self, tell: impl Fn(&Machine, Event<'_>) + Send + Sync + 'static) {
        let tell = Arc::new(tell);
        let turns = Arc::new(Semaphore::new(self.at_once));
        let mut tasks = JoinSet::new();
        let mut after = Duration::ZERO;
        for (number, machine) in (1..).zip(self.machines) {
            let random = Random::new(self.seed, number);
            let (tell, turns) = (Arc::clone(&tell), Arc::clone(&turns));
            let (server, rest) = (self.server, self.rest);
            tasks.spawn(async move {
                sleep(after).await;
                boots(&machine, server, rest, &turns, random, &*tell).await;
            });
            after += self.stagger;
        }
        while tasks.join_next().await.is_some() {}
    }
}

async fn boots(
    machine: &Machine,
    server: SocketAddr,
    rest: Option<Rest>,
    turns: &Semaphore,
    mut random: Random,
    tell: &(impl Fn(&Machine, Event<'_>) + Send + Sync),
) {
    loop {
        // Nobody closes it.
        let turn = turns.acquire().await;
        machine
            .boot(server, random.next(), |event| tell(machine, event))
            .await;
        drop(turn);
        let Some(rest) = rest else {
            return;
        };
        let most = rest.longest.saturating_sub(rest.shortest).as_millis();
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        let more = Duration::from_millis(random.below(most.saturating_add(1)));
        sleep(rest.shortest + more).await;
    }
}
