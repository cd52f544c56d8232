//! Landlock: no files but those granted, and no TCP but what is said to be needed.

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus,
    NetPort, PathBeneath, RestrictionStatus, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, Scope,
};

use super::{Access, Grant, Reach, Tcp};

/// The newest version of Landlock whose rights are known here. Of an older kernel's it has what
/// there is.
const KNOWN: ABI = ABI::V9;

/// Name servers are asked again over TCP if their answer is long.
const DNS: u16 = 53;

/// Leaves this thread, and those it makes, the files granted and no others; accepts no TCP
/// connections and opens none but those named; reaches no abstract Unix sockets and signals no
/// processes outside.
///
/// Answers with a line for the log, or with what is missing.
pub(super) fn restrict(reach: Reach) -> Result<String, String> {
    let makes_dirs = |grant: &Grant| grant.access() == Access::WriteAndMakeDirs;
    let renames = reach.grants.iter().any(makes_dirs);
    let told = tell(&reach);
    let status = apply(reach, renames).map_err(|error| match error {
        // The first version refuses all renames between directories.
        RulesetError::HandleAccesses(_) if renames => {
            "no Landlock that lets uploads make directories (Linux 5.19)".to_owned()
        }
        error => format!("no Landlock: {error}"),
    })?;
    match (status.landlock, status.ruleset) {
        (
            LandlockStatus::Available { effective_abi, .. },
            RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced,
        ) => Ok(format!("landlock ABI {effective_abi} ({told})")),
        (LandlockStatus::NotEnabled, _) => {
            Err("no Landlock: switched off (see the kernel's parameter lsm=)".to_owned())
        }
        _ => Err("no Landlock in this kernel (Linux 5.13 has it)".to_owned()),
    }
}

/// `read /srv/tftp, write /var/cache/bootwire, connect 443`
fn tell(reach: &Reach) -> String {
    let grants = reach.grants.iter().filter(|grant| grant.is_told());
    let mut words: Vec<String> = grants.map(Grant::to_string).collect();
    match &reach.tcp {
        Tcp::Nobody => {}
        Tcp::Ports(ports) => {
            let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
            words.push(format!("connect {}", ports.join(" ")));
        }
        Tcp::Anybody => words.push("connect".to_owned()),
    }
    if reach.programs {
        words.push("programs".to_owned());
    }
    words.join(", ")
}

fn apply(reach: Reach, renames: bool) -> Result<RestrictionStatus, RulesetError> {
    let network = match reach.tcp {
        Tcp::Nobody | Tcp::Ports(_) => AccessNet::from_all(KNOWN),
        Tcp::Anybody => AccessNet::from_all(KNOWN) & !AccessNet::ConnectTcp,
    };
    let mut files = AccessFs::from_all(KNOWN);
    if reach.databases || reach.programs {
        // Where a database of this host listens, and what programs connect to, nobody says.
        files &= !AccessFs::ResolveUnix;
    }
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(files)?
        .handle_access(network)?
        .scope(Scope::from_all(KNOWN))?;
    if renames {
        ruleset = ruleset
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::Refer)?
            .set_compatibility(CompatLevel::BestEffort);
    }
    let mut ruleset = ruleset.create()?;
    for grant in reach.grants {
        let mut access = rights(grant.access());
        if !grant.is_directory() {
            access &= AccessFs::from_file(KNOWN);
        }
        ruleset = ruleset.add_rule(PathBeneath::new(grant, access))?;
    }
    if let Tcp::Ports(ports) = reach.tcp {
        for port in ports.into_iter().chain([DNS]) {
            ruleset = ruleset.add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
        }
    }
    ruleset.restrict_self()
}

/// What a grant is in Landlock's terms.
fn rights(access: Access) -> BitFlags<AccessFs> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write =
        read | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::MakeReg | AccessFs::RemoveFile;
    match access {
        Access::Read => read,
        Access::Execute => read | AccessFs::Execute,
        Access::Write => write,
        Access::WriteAndMakeDirs => {
            write | AccessFs::MakeDir | AccessFs::RemoveDir | AccessFs::Refer
        }
    }
}
