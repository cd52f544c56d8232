//! File descriptors: every client needs one that shares no socket.

use bootwire_io::Kernel;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::net;
use super::plan::Plan;
use crate::BenchError;

/// Descriptors that are not sockets of clients: the terminal, pollers, the runtime, files.
const OTHERS: u64 = 64;

/// Raises the limit of this process, as far as it may, to what a run needs.
pub(super) fn provide(plan: &Plan, kernel: Kernel) -> Result<(), BenchError> {
    let clients = plan.clients;
    let needed = net::descriptors(plan, kernel) + 2 * u64::from(plan.threads) + OTHERS;
    let limit = getrlimit(Resource::Nofile);
    let Some(wanted) = wanted(limit, needed) else {
        return Ok(());
    };
    if setrlimit(Resource::Nofile, wanted).is_err() {
        return Err(BenchError::Descriptors {
            clients,
            needed,
            may: limit.maximum.unwrap_or(needed),
        });
    }
    Ok(())
}

/// The limit to ask for; `None` if the present one will do.
fn wanted(limit: Rlimit, needed: u64) -> Option<Rlimit> {
    limit
        .current
        .is_some_and(|current| current < needed)
        .then(|| Rlimit {
            current: Some(needed),
            // More than that needs a privilege, which root has.
            maximum: limit.maximum.map(|maximum| maximum.max(needed)),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(current: Option<u64>, maximum: Option<u64>) -> Rlimit {
        Rlimit { current, maximum }
    }

    #[test]
    fn no_more_is_asked_for_than_is_needed() {
        assert_eq!(wanted(limit(Some(1024), Some(4096)), 1000), None);
        assert_eq!(wanted(limit(None, None), 1_000_000), None);
        assert_eq!(
            wanted(limit(Some(1024), Some(4096)), 3000),
            Some(limit(Some(3000), Some(4096)))
        );
        assert_eq!(
            wanted(limit(Some(1024), Some(4096)), 9000),
            Some(limit(Some(9000), Some(9000)))
        );
        assert_eq!(
            wanted(limit(Some(1024), None), 9000),
            Some(limit(Some(9000), None))
        );
    }
}
