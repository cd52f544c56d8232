//! seccomp for a server that starts programs: what is refused, since nobody knows what they call.
//!
//! Refused is what no hook needs and whoever takes one over would like: ways to other processes, to
//! other views of the system (name spaces give whoever makes one all capabilities in it, and with
//! them raw and packet sockets, mounts and half of the kernel's code), to the kernel itself, to
//! keys, clocks and terminals, and sockets of families that no hook speaks. That fails with `EPERM`.
//! What has an older call that does the same and that a filter can look into fails with `ENOSYS`.

use libc::c_long;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, sock_filter,
};

use super::{NAME_SPACES, Rules, SOCKET_TYPES, equal, masked, one};

/// Refused whatever the arguments.
const REFUSED: &[c_long] = &[
    // Other processes.
    libc::SYS_kcmp,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    libc::SYS_pidfd_getfd,
    libc::SYS_process_madvise,
    PROCESS_MRELEASE,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    // Other views of the system.
    libc::SYS_chroot,
    libc::SYS_fanotify_init,
    libc::SYS_fanotify_mark,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_lookup_dcookie,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    OPEN_TREE_ATTR,
    libc::SYS_pivot_root,
    libc::SYS_setns,
    libc::SYS_umount2,
    libc::SYS_unshare,
    // The kernel itself.
    libc::SYS_bpf,
    libc::SYS_delete_module,
    libc::SYS_finit_module,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    KEXEC_FILE_LOAD,
    libc::SYS_kexec_load,
    LSM_SET_SELF_ATTR,
    libc::SYS_perf_event_open,
    libc::SYS_reboot,
    libc::SYS_userfaultfd,
    // The machine.
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_keyctl,
    libc::SYS_quotactl,
    QUOTACTL_FD,
    libc::SYS_request_key,
    libc::SYS_setdomainname,
    libc::SYS_sethostname,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_vhangup,
];

/// Calls of one architecture that reach its hardware.
#[cfg(target_arch = "x86_64")]
const OF_HARDWARE: &[c_long] = &[libc::SYS_ioperm, libc::SYS_iopl, libc::SYS_modify_ldt];
#[cfg(not(target_arch = "x86_64"))]
const OF_HARDWARE: &[c_long] = &[];

// Calls that not every C library has a name for. Numbers above 423 are the same everywhere.
#[cfg(target_arch = "x86_64")]
const KEXEC_FILE_LOAD: c_long = 320;
#[cfg(not(target_arch = "x86_64"))]
const KEXEC_FILE_LOAD: c_long = 294;
const QUOTACTL_FD: c_long = 443;
const PROCESS_MRELEASE: c_long = 448;
const LSM_SET_SELF_ATTR: c_long = 460;
const OPEN_TREE_ATTR: c_long = 467;

/// Requests of `ioctl` that type into a terminal, or load the kernel's code for one.
const OF_TERMINALS: [u32; 3] = [TIOCSTI, TIOCLINUX, TIOCSETD];
const TIOCSTI: u32 = 0x5412;
const TIOCLINUX: u32 = 0x541c;
const TIOCSETD: u32 = 0x5423;

/// A type of socket that the C library declares deprecated.
const SOCK_PACKET: u32 = 10;

/// Families of sockets that programs may open.
const FAMILIES: [i32; 4] = [
    libc::AF_UNIX,
    libc::AF_INET,
    libc::AF_INET6,
    libc::AF_NETLINK,
];

/// The filter, and how many calls it refuses.
pub(super) fn filter(arch: TargetArch) -> Result<(BpfProgram, usize), BackendError> {
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    let rules = rules()?;
    // clone3 is refused as well.
    let count = rules.len() + 1;
    let refused: BpfProgram =
        SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch)?.try_into()?;
    let mut program = missing(arch);
    program.extend(refused);
    Ok((program, count))
}

fn rules() -> Result<Rules, BackendError> {
    let mut rules: Rules = REFUSED
        .iter()
        .chain(OF_HARDWARE)
        .map(|&call| (call, Vec::new()))
        .collect();
    let bits = (0..u32::BITS).map(|bit| 1 << bit);
    let name_spaces = bits.filter(|bit| NAME_SPACES & bit != 0);
    let any_of_them = name_spaces.map(|bit| SeccompRule::new(vec![masked(0, bit, bit)?]));
    rules.insert(libc::SYS_clone, any_of_them.collect::<Result<_, _>>()?);
    let of_terminals = OF_TERMINALS.map(|request| SeccompRule::new(vec![equal(1, request)?]));
    let of_terminals: Result<_, _> = of_terminals.into_iter().collect();
    rules.insert(libc::SYS_ioctl, of_terminals?);
    rules.insert(libc::SYS_socket, sockets()?);
    // A pair is of Unix kind, or it is of one that can be nothing else.
    let pairs = one(vec![unequal(0, libc::AF_UNIX as u32)?])?;
    rules.insert(libc::SYS_socketpair, pairs);
    Ok(rules)
}

/// Sockets that are refused: other families, raw ones, and netlink to anything but routes.
fn sockets() -> Result<Vec<SeccompRule>, BackendError> {
    let families = FAMILIES.map(|family| unequal(0, family as u32));
    let others = families.into_iter().collect::<Result<_, _>>()?;
    let mut sockets = one(others)?;
    for family in [libc::AF_INET, libc::AF_INET6] {
        sockets.push(SeccompRule::new(vec![
            equal(0, family as u32)?,
            masked(1, SOCKET_TYPES, libc::SOCK_RAW as u32)?,
        ])?);
    }
    // Packet sockets by their old name.
    let packet = masked(1, SOCKET_TYPES, SOCK_PACKET)?;
    sockets.push(SeccompRule::new(vec![packet])?);
    sockets.push(SeccompRule::new(vec![
        equal(0, libc::AF_NETLINK as u32)?,
        unequal(2, libc::NETLINK_ROUTE as u32)?,
    ])?);
    Ok(sockets)
}

/// The argument, an `int` to the kernel, does not have this value.
fn unequal(argument: u8, value: u32) -> Result<SeccompCondition, BackendError> {
    let (len, op) = (SeccompCmpArgLen::Dword, SeccompCmpOp::Ne);
    SeccompCondition::new(argument, len, op, value.into())
}

// Instructions of the kernel's filter machine (`linux/bpf_common.h`, `linux/seccomp.h`).
const LOAD_WORD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;
const NO_SUCH_CALL: u32 = 0x0005_0000 | libc::ENOSYS as u32;

/// Where the x32 names of x86-64's calls begin: the same calls once more, past any list of numbers.
const X32: u32 = 0x4000_0000;

/// The beginning of the filter: what is answered as if the kernel did not have it. The flags of
/// clone3 lie in memory, where a filter cannot see them; C libraries fall back to clone.
fn missing(arch: TargetArch) -> BpfProgram {
    let instruction = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    // The call's number is the first word that a filter sees.
    let mut program = vec![instruction(LOAD_WORD, 0, 0, 0)];
    if arch == TargetArch::x86_64 {
        program.push(instruction(JUMP_IF_AT_LEAST, 0, 1, X32));
        program.push(instruction(RETURN, 0, 0, NO_SUCH_CALL));
    }
    program.push(instruction(JUMP_IF_EQUAL, 0, 1, libc::SYS_clone3 as u32));
    program.push(instruction(RETURN, 0, 0, NO_SUCH_CALL));
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_compiles_for_every_architecture_and_has_no_call_twice() {
        let listed = REFUSED.len() + OF_HARDWARE.len();
        for arch in [TargetArch::x86_64, TargetArch::aarch64, TargetArch::riscv64] {
            let (program, count) = filter(arch).unwrap();
            assert!(!program.is_empty());
            // clone, clone3, ioctl, socket, socketpair.
            assert_eq!(count, listed + 5);
        }
    }
}
