//! Landlock: no files but those granted, and no TCP.

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus,
    PathBeneath, RestrictionStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope,
};

use super::{Access, Grant};

/// The newest version of Landlock whose rights are known here. Of an older kernel's it has what
/// there is.
const KNOWN: ABI = ABI::V9;

/// Leaves this thread, and those it makes, the files granted and no others; opens and accepts no
/// TCP connections; reaches no abstract Unix sockets and signals no processes outside.
///
/// Answers with a line for the log, or with what is missing.
pub(super) fn restrict(grants: Vec<Grant>) -> Result<String, String> {
    let makes_dirs = |grant: &Grant| grant.access() == Access::WriteAndMakeDirs;
    let renames = grants.iter().any(makes_dirs);
    let told = grants
        .iter()
        .map(Grant::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    let status = apply(grants, renames).map_err(|error| match error {
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

fn apply(grants: Vec<Grant>, renames: bool) -> Result<RestrictionStatus, RulesetError> {
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(KNOWN))?
        .handle_access(AccessNet::from_all(KNOWN))?
        .scope(Scope::from_all(KNOWN))?;
    if renames {
        ruleset = ruleset
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::Refer)?
            .set_compatibility(CompatLevel::BestEffort);
    }
    let mut ruleset = ruleset.create()?;
    for grant in grants {
        let access = rights(grant.access());
        ruleset = ruleset.add_rule(PathBeneath::new(grant, access))?;
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
        Access::Write => write,
        Access::WriteAndMakeDirs => {
            write | AccessFs::MakeDir | AccessFs::RemoveDir | AccessFs::Refer
        }
    }
}
