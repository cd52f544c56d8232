//! What a configuration needs, and so what its server does not give up.

use std::path::{Path, PathBuf};

use bootwire_sandbox::{Access, Grant, Level, Reach, Sandbox, StandIn, Tcp, Wanted};
use bootwire_site::Requirements;
use bootwire_site::config::Config;
use bootwire_site::config::model::SandboxLevel;
use rustix::fs::{Access as Mode, access};

use crate::ServiceError;
use crate::notes::Notes;

/// What is wanted of the sandbox.
///
/// # Errors
/// If the configuration names a user that is none.
pub(crate) fn wanted(config: &Config) -> Result<Wanted, ServiceError> {
    let sandbox = &config.document.sandbox;
    let user = sandbox.user.as_deref().map(str::parse).transpose();
    Ok(Wanted {
        user: user.map_err(|why| ServiceError::setting(config, "sandbox.user", why))?,
        level: match sandbox.level {
            SandboxLevel::Off => Level::Off,
            SandboxLevel::BestEffort => Level::BestEffort,
            SandboxLevel::Require => Level::Require,
        },
    })
}

/// Becomes the user that a server with this configuration becomes, as far as this process may. From
/// then on files are judged as the server judges them. To be called before there are threads.
///
/// # Errors
/// If there is no such user, or the server would not start for what it may not enter.
pub fn stand_in(config: &Config) -> Result<StandIn, ServiceError> {
    let wanted = wanted(config)?;
    let needs = config.requirements();
    let read = needs.read.iter().map(|path| (path, false));
    let written = needs.write.iter().map(|path| (path, true));
    let paths: Vec<(&PathBuf, bool)> = read.chain(written).collect();
    let mut stand_in = Sandbox::stand_in(&wanted, paths, needs.runs_programs())?;
    let me = stand_in.user.clone();
    for path in needs.write.iter().filter(|path| path.exists()) {
        if access(path, Mode::WRITE_OK | Mode::EXEC_OK).is_err() {
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

/// The places from which the sandbox of this configuration lets programs start; `None` if there is none,
/// or no program.
#[must_use]
pub fn executable(config: &Config) -> Option<Vec<PathBuf>> {
    let needs = config.requirements();
    if config.document.sandbox.level == SandboxLevel::Off || !needs.runs_programs() {
        return None;
    }
    let mut reach = Reach::default();
    add_programs(&needs, &mut reach);
    Some(reach.executable())
}

fn add_programs(needs: &Requirements, reach: &mut Reach) {
    if needs.runs_programs() {
        reach.add_program_files();
    }
    for path in &needs.beside_programs {
        reach.add_if_there(path, Access::Execute);
    }
}

/// Directories with root's secrets. Of files right in them root gets the files alone: one that
/// replaces another is read after a restart.
const HOLDS_SECRETS: [&str; 3] = ["/", "/etc", "/root"];

/// What has to stay within reach of the sandbox, and makes the directories that are written to.
pub(crate) fn reach(
    config: &Config,
    sandbox: &mut Sandbox,
    notes: &Notes,
) -> Result<Reach, ServiceError> {
    let needs = config.requirements();
    let read = needs.read.iter().map(|path| (path, false));
    let written = needs.write.iter().map(|path| (path, true));
    // Who names a directory on the command line is told to open it.
    let stopped = match config.location.is_file() {
        true => sandbox.stay_if_stopped(read.chain(written))?,
        false => None,
    };
    if needs.runs_programs() {
        let warning = sandbox.allow_programs(stopped.as_deref())?;
        warning.into_iter().for_each(|line| notes.note(line));
    }
    if let Some(why) = stopped {
        notes.note(&format!(
            "warning: {why}, so root stays root, without capabilities: {}",
            bootwire_sandbox::HELP
        ));
    }
    let is_root = sandbox.stays_root();
    let mut reach = Reach {
        tcp: match (
            needs.any_connect || needs.runs_programs(),
            needs.connect.is_empty(),
        ) {
            (true, _) => Tcp::Anybody,
            (false, true) => Tcp::Nobody,
            (false, false) => Tcp::Ports(needs.connect.clone()),
        },
        programs: needs.runs_programs(),
        // Uploads alone lock nothing; what a later configuration stores may.
        stores: (config.location.is_file() && !needs.write.is_empty()) || needs.state.is_some(),
        databases: needs.databases,
        neighbours: needs.neighbours,
        accepts: needs.accepts,
        ..Reach::default()
    };
    // Another configuration may want directories made; another command line is another server.
    let access = if config.location.is_file() || needs.makes_directories {
        Access::WriteAndMakeDirs
    } else {
        Access::Write
    };
    for path in &needs.write {
        let grant = sandbox.grant_made(path, access)?;
        reach.grants.push(grant);
    }
    // Where the server may not write there is something else to do.
    if let Some(state) = &needs.state
        && let Ok(grant) = Grant::new(state, Access::Write)
    {
        reach.grants.push(grant.replaceable());
    }
    // What is not there is told when it is opened, with the line that names it.
    for path in &needs.read {
        if is_root && HOLDS_SECRETS.iter().any(|holds| path == Path::new(holds)) {
            let files = needs.files.iter();
            let files = files.filter(|file| file.parent() == Some(path));
            files.for_each(|file| reach.add_if_there(file, Access::Read));
            continue;
        }
        if let Ok(grant) = Grant::new(path, Access::Read) {
            reach.grants.push(grant);
        }
    }
    let served = needs.served.iter().map(PathBuf::as_path);
    reach.grants.extend(sandbox.beside(served));
    for path in &config.watched {
        reach.add_if_there(path, Access::Read);
    }
    if reach.tcp != Tcp::Nobody || needs.runs_programs() {
        reach.add_settings(is_root);
    }
    if reach.tcp != Tcp::Nobody {
        reach.add_network_files();
    }
    if needs.neighbours {
        reach.add_if_there(Path::new("/proc/net"), Access::Read);
    }
    add_programs(&needs, &mut reach);
    Ok(reach)
}
