//! Who the process is, and what the kernel lets it do for that.

use rustix::io::{Errno, Result};
use rustix::process::geteuid;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capability_is_in_bounding_set, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs, set_thread_groups,
    set_thread_res_gid, set_thread_res_uid,
};

use super::{Account, SandboxError};

/// Becomes another user, for good: all three user and group numbers, and no groups of the old one.
///
/// # Errors
/// If the kernel refuses. Nothing has changed then, unless the process may change its group and
/// not its user.
pub(super) fn become_user(account: &Account) -> std::result::Result<(), SandboxError> {
    let failed = |what: &str, errno| {
        let hint = match errno {
            Errno::PERM => " (it takes CAP_SETUID and CAP_SETGID)",
            Errno::INVAL => " (this user name space does not have it)",
            _ => "",
        };
        SandboxError::User(format!(
            "cannot become user {account}: {what}: {errno}{hint}"
        ))
    };
    set_thread_groups(&account.groups()).map_err(|errno| failed("groups", errno))?;
    let (uid, gid) = (account.uid(), account.gid());
    set_thread_res_gid(gid, gid, gid).map_err(|errno| failed("group", errno))?;
    set_thread_res_uid(uid, uid, uid).map_err(|errno| failed("user", errno))?;
    Ok(())
}

/// For the log: who this process is.
pub(super) fn who() -> String {
    let uid = geteuid();
    Account::name_of(uid).map_or_else(
        || format!("UID {}", uid.as_raw()),
        |name| format!("user {name}"),
    )
}

/// Takes every capability out of the bounding set, out of which no program gets it back. Only
/// `CAP_SETPCAP` may; for others no capabilities and no new privileges come to the same.
pub(super) fn drop_bounding_set() {
    for number in 0..u64::BITS {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        // Numbers beyond the last one of this kernel are none.
        if capability_is_in_bounding_set(capability) != Ok(true) {
            continue;
        }
        if remove_capability_from_bounding_set(capability).is_err() {
            return;
        }
    }
}

/// No program that is started, set-user-ID or not, gets more than this process has.
pub(super) fn forbid_new() -> Result<()> {
    set_no_new_privs(true)
}

/// Gives up all capabilities.
pub(super) fn empty_capabilities() -> Result<()> {
    // They go with the permitted ones; kernels before 4.3 have none.
    let _ = clear_ambient_capability_set();
    let none = CapabilitySet::empty();
    set_capabilities(
        None,
        CapabilitySets {
            effective: none,
            permitted: none,
            inheritable: none,
        },
    )
}
