//! A boot from its start to its end: from firmware to loader to kernel, and over again.

use std::net::SocketAddr;

use super::loaders::{self, Program};
use super::run::{Run, Stop};
use super::{Boot, Ending, Event, Kind, Machine};

/// Programs that may start each other before whoever stands beside the machine switches it off.
const PROGRAMS_MAX: u32 = 6;
/// Boots of a machine that starts over again and again, likewise.
const BOOTS_MAX: u32 = 4;

impl Machine {
    /// Boots once from the server at `server`, and tells what happens. The same seed makes the same
    /// choices: ports, and which packets are lost.
    ///
    /// Within a tokio runtime with time and network. Whoever drops the future switches the machine
    /// off.
    pub async fn boot(
        &self,
        server: SocketAddr,
        seed: u64,
        mut tell: impl FnMut(Event<'_>) + Send,
    ) -> Boot {
        Run::new(self, server, seed, &mut tell).boot().await
    }
}

impl Run<'_> {
    /// Boots until it has booted, or cannot go on.
    async fn boot(mut self) -> Boot {
        let mut boots = 0;
        let ending = loop {
            boots += 1;
            self.requests = 0;
            (self.tell)(Event::Started);
            match self.once().await {
                Ok(()) => break Ending::Booted,
                Err(Stop::With(words)) => break Ending::Stopped(words),
                Err(Stop::Silent) => break Ending::Silent,
                Err(Stop::Hung) => break Ending::Hung,
                Err(Stop::Reset) if boots < BOOTS_MAX => {}
                Err(Stop::Reset) => break Ending::Stopped("starts over and over".to_owned()),
            }
        };
        (self.tell)(Event::Ended(&ending));
        Boot {
            fetched: self.fetched,
            ending,
        }
    }

    async fn once(&mut self) -> Result<(), Stop> {
        // Its self-test, and DHCP.
        self.work(2000).await;
        let mut program = match self.machine.kind {
            Kind::RaspberryPi => Program::RaspberryPi,
            Kind::UBoot => Program::UBoot,
            Kind::Pxelinux => loaders::pxe_rom(self).await?,
            Kind::Grub | Kind::Ipxe | Kind::Windows => loaders::uefi(self).await?,
        };
        for _ in 0..PROGRAMS_MAX {
            match loaders::start(self, program).await? {
                Some(next) => program = next,
                None => {
                    // The kernel unpacks itself.
                    self.work(500).await;
                    return Ok(());
                }
            }
        }
        Err(Stop::with(
            "starts one loader from the other without end; somebody switched it off",
        ))
    }
}
