//! What the server's user may do, for commands that say what the server would.

use std::path::PathBuf;

use bootwire_sandbox::{Sandbox, StandIn};
use rustix::fs::Access;

use crate::config::Config;

/// Becomes the user that a server with this configuration becomes, as far as this process may. From
/// then on files are judged as the server judges them. To be called before there are threads.
///
/// # Errors
/// If there is no such user, or the server would not start for what it may not enter.
pub(crate) fn stand_in(config: &Config) -> anyhow::Result<StandIn> {
    let wanted = super::sandbox::of_config(&config.document.sandbox)?;
    let needs = config.requirements();
    let read = needs.read.iter().map(|path| (path, false));
    let written = needs.write.iter().map(|path| (path, true));
    let paths: Vec<(&PathBuf, bool)> = read.chain(written).collect();
    let mut stand_in = Sandbox::stand_in(&wanted, paths, needs.runs_programs())?;
    let me = stand_in.user.clone();
    for path in needs.write.iter().filter(|path| path.exists()) {
        if rustix::fs::access(path, Access::WRITE_OK | Access::EXEC_OK).is_err() {
            let path = path.display();
            stand_in.problems.push(format!(
                "user {me} may not write into {path}: give it the directory (chown {me} {path}), \
                 or name another user (sandbox.user)"
            ));
        }
    }
    for file in &config.files {
        if let Err(error) = std::fs::File::open(file) {
            stand_in.warnings.push(format!(
                "user {me} cannot read {}, so it cannot be read again after a change: {error}",
                config.location.show(file)
            ));
        }
    }
    Ok(stand_in)
}
