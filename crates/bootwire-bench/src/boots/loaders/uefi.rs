//! UEFI firmware, as EDK2 has it: each file is asked for twice, the first time for its size.

use bootwire_proto::ErrorCode;
use bootwire_proto::OptionKind::{Blksize, Tsize, Windowsize};

use super::{Program, efi_program};
use crate::boots::run::{File, Run, Stop, Way};
use crate::boots::{Got, Part, manners};

/// The firmware's network, which programs that it starts may go on using: a port more for each
/// request.
pub(in crate::boots) struct Stack {
    next: u16,
}

impl Stack {
    fn new(run: &mut Run<'_>) -> Self {
        Self {
            next: run.any_port(),
        }
    }

    pub(super) fn port(&mut self) -> u16 {
        self.next = self.next.checked_add(1).unwrap_or(1024);
        self.next
    }

    /// Fetches a file: its size first.
    async fn load(&mut self, run: &mut Run<'_>, part: Part, path: &str) -> Result<File, Stop> {
        let (port, options) = (self.port(), [(Tsize, 0), (Blksize, 1468), (Windowsize, 4)]);
        let probe = Way::new(&options, manners::EDK2).leaving(
            0,
            ErrorCode::OptionRefused,
            "User aborted the transfer",
        );
        let (got, _) = run.ask(part, path, port, probe).await?;
        let size = match got {
            Got::Left { size } => size,
            got => return Err(refused(path, &got)),
        };
        if run.only_probes() {
            return Err(Stop::with("goes on with the next boot entry"));
        }
        let (port, options) = (self.port(), [(Blksize, 1468), (Windowsize, 4)]);
        let way = Way::new(&options, manners::EDK2).of_size(size);
        match run.ask(part, path, port, way).await? {
            (Got::Whole, file) => Ok(file),
            (got, _) => Err(refused(path, &got)),
        }
    }
}

/// What such firmware shows.
fn refused(path: &str, got: &Got) -> Stop {
    let code = match got {
        Got::NoAnswer => "PXE-E18: Server response timeout",
        Got::Refused { code: 1, .. } => "PXE-E23: Client received TFTP error from server",
        _ => "PXE-E99: Unexpected network error",
    };
    Stop::With(format!("{code} ({path})"))
}

/// Fetches what DHCP names, and starts it.
pub(in crate::boots) async fn boot(run: &mut Run<'_>) -> Result<Program, Stop> {
    let mut stack = Stack::new(run);
    let path = run.machine.boot_file.clone();
    let file = stack.load(run, Part::Loader, &path).await?;
    run.work(300).await;
    efi_program(run, &file, stack)
}
