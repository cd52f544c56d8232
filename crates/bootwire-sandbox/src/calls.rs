//! seccomp: the system calls a server makes, and no others.
//!
//! The list is what the standard library, the C library (glibc and musl), tokio and Bootwire's own
//! crates call once the sockets are open; a call is here because one of them makes it, and those
//! that could reach beyond the sandbox only with the arguments that they use. What is not on the
//! list fails as on a kernel that does not have it (`ENOSYS`): libraries know what to do then, and
//! nothing dies of a call that nobody thought of. So there is no way to start a program, to make a
//! process, to trace one, to mount, to change identity, to open a TCP, raw or netlink socket, to
//! connect, or to make memory executable.
//!
//! A configuration may need more: databases and the cache lock files ([`STORES`]), origins are
//! connected to, the neighbour table is asked by netlink, scrapes come in on a socket that listens
//! already. Where it names programs to start, they
//! inherit the filter, and nobody knows what they call: then it is a list of what is refused
//! ([`programs`]) instead.
//!
//! The calls of the data path are allowed whatever their arguments: then the kernel (from 5.11 on)
//! remembers the answer and does not run the filter for them.

mod programs;

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter,
};

use super::Reach;

/// Allowed whatever the arguments.
const ALWAYS: &[c_long] = &[
    // Memory, but see `guarded`.
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    // Threads, but see `guarded`.
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_restart_syscall, // a wait that a stopped process goes on with
    libc::SYS_rseq,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    // Signals to this process.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    // Time and chance.
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_getrandom,
    libc::SYS_gettimeofday,
    libc::SYS_nanosleep,
    // Descriptors.
    libc::SYS_close,
    libc::SYS_fcntl,
    libc::SYS_lseek,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    // Waiting.
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    libc::SYS_ppoll,
    // Files: which ones is Landlock's business.
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fchmod,
    libc::SYS_fchown,
    libc::SYS_fdatasync,
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_getdents64,
    libc::SYS_linkat,
    libc::SYS_mkdirat,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_readlinkat,
    libc::SYS_renameat2,
    libc::SYS_statx,
    libc::SYS_unlinkat,
    // UDP, but see `guarded`.
    libc::SYS_bind,
    libc::SYS_getpeername,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_recvfrom,
    libc::SYS_recvmmsg,
    libc::SYS_recvmsg,
    libc::SYS_sendmmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
];

/// What databases and the cache call beside that.
const STORES: &[c_long] = &[
    libc::SYS_fallocate,
    libc::SYS_flock,
    libc::SYS_getcwd,
    libc::SYS_geteuid,
    libc::SYS_utimensat,
];

/// Older calls with the same meaning as some above, which newer architectures do not have.
#[cfg(target_arch = "x86_64")]
const OLDER: &[c_long] = &[
    libc::SYS_access,
    libc::SYS_epoll_wait,
    libc::SYS_lstat,
    libc::SYS_mkdir,
    libc::SYS_open,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_rmdir,
    libc::SYS_stat,
    libc::SYS_unlink,
];
#[cfg(target_arch = "aarch64")]
const OLDER: &[c_long] = &[libc::SYS_renameat];
#[cfg(target_arch = "riscv64")]
const OLDER: &[c_long] = &[];

/// Which calls are needed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Needed {
    stores: bool,
    connects: bool,
    databases: bool,
    neighbours: bool,
    accepts: bool,
    programs: bool,
}

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

impl Needed {
    pub(super) const fn of(reach: &Reach) -> Self {
        Self {
            stores: reach.stores,
            connects: reach.connects(),
            databases: reach.databases,
            neighbours: reach.neighbours,
            accepts: reach.accepts,
            programs: reach.programs,
        }
    }

    /// Restricts this thread and those it makes. Answers with what is in force, or with what is
    /// missing.
    pub(super) fn restrict(self) -> Result<String, String> {
        let broken = |error| format!("no seccomp filter: {error}");
        let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(broken)?;
        let (program, told) = if self.programs {
            let (program, count) = programs::filter(arch).map_err(broken)?;
            (program, format!("seccomp without {count} calls"))
        } else {
            let rules = self.rules().map_err(broken)?;
            let told = format!("seccomp {} calls", rules.len());
            (compile(rules, arch).map_err(broken)?, told)
        };
        apply_filter(&program).map_err(|error| format!("no seccomp in this kernel: {error}"))?;
        Ok(told)
    }

    fn rules(self) -> Result<Rules, BackendError> {
        let stores = if self.stores { STORES } else { &[] };
        let mut rules: Rules = ALWAYS
            .iter()
            .chain(OLDER)
            .chain(stores)
            .map(|&call| (call, Vec::new()))
            .collect();
        if self.connects {
            rules.insert(libc::SYS_connect, Vec::new());
        }
        if self.accepts {
            rules.insert(libc::SYS_accept4, Vec::new());
        }
        rules.extend(guarded(self)?);
        Ok(rules)
    }

    /// The sockets that may be made.
    fn sockets(self) -> Result<Vec<SeccompRule>, BackendError> {
        let kind = |family: i32, kind: i32| {
            SeccompRule::new(vec![
                equal(0, family as u32)?,
                masked(1, SOCKET_TYPES, kind as u32)?,
            ])
        };
        // Transfer sockets; and one of the Unix kind, to ask for the MTU of an interface.
        let mut sockets = vec![
            kind(libc::AF_INET, libc::SOCK_DGRAM)?,
            kind(libc::AF_INET6, libc::SOCK_DGRAM)?,
            kind(libc::AF_UNIX, libc::SOCK_DGRAM)?,
        ];
        if self.connects {
            for family in [libc::AF_INET, libc::AF_INET6] {
                sockets.push(kind(family, libc::SOCK_STREAM)?);
            }
        }
        // One on this host. Nothing else is connected to by a path: not all that listen there ask
        // who comes, and root comes everywhere.
        if self.databases {
            sockets.push(kind(libc::AF_UNIX, libc::SOCK_STREAM)?);
        }
        // Also for the C library, which asks which addresses this host has before it looks up a
        // name.
        if self.connects || self.neighbours {
            sockets.push(SeccompRule::new(vec![
                equal(0, libc::AF_NETLINK as u32)?,
                equal(2, libc::NETLINK_ROUTE as u32)?,
            ])?);
        }
        Ok(sockets)
    }
}

fn compile(rules: Rules, arch: TargetArch) -> Result<BpfProgram, BackendError> {
    let otherwise = SeccompAction::Errno(libc::ENOSYS as u32);
    SeccompFilter::new(rules, otherwise, SeccompAction::Allow, arch)?.try_into()
}

/// Allowed with some arguments only.
fn guarded(needed: Needed) -> Result<Vec<(c_long, Vec<SeccompRule>)>, BackendError> {
    let not_executable = || one(vec![clear(2, libc::PROT_EXEC as u32)?]);
    let request = |number| SeccompRule::new(vec![equal(1, number)?]);
    Ok(vec![
        (libc::SYS_mmap, not_executable()?),
        (libc::SYS_mprotect, not_executable()?),
        // Threads, not processes. clone3 is missing on purpose: its flags lie in memory, where a
        // filter cannot see them. C libraries fall back to clone.
        (
            libc::SYS_clone,
            one(vec![masked(0, THREAD | NAME_SPACES, THREAD)?])?,
        ),
        // Names of threads.
        (
            libc::SYS_prctl,
            one(vec![equal(0, libc::PR_SET_NAME as u32)?])?,
        ),
        // Threads let others go first: their own priority, by no other way.
        (
            libc::SYS_setpriority,
            one(vec![equal(0, libc::PRIO_PROCESS)?, equal(1, 0)?])?,
        ),
        // What abort does. Signals go to nobody else.
        (libc::SYS_tgkill, one(vec![equal(0, std::process::id())?])?),
        // Limits are looked at, not changed.
        (libc::SYS_prlimit64, one(vec![null(2)?])?),
        (libc::SYS_socket, needed.sockets()?),
        // Between threads of this process.
        (
            libc::SYS_socketpair,
            one(vec![equal(0, libc::AF_UNIX as u32)?])?,
        ),
        (
            libc::SYS_ioctl,
            vec![
                request(FIONBIO)?,
                request(FIOCLEX)?,
                request(SIOCGIFMTU)?,
                request(SIOCGIFNAME)?,
            ],
        ),
    ])
}

// Requests of `ioctl`: the same on these architectures, while their type differs between C libraries.
const FIONBIO: u32 = 0x5421;
const FIOCLEX: u32 = 0x5451;
const SIOCGIFNAME: u32 = 0x8910;
const SIOCGIFMTU: u32 = 0x8921;

/// The bits of `socket`'s second argument that are no flags.
const SOCKET_TYPES: u32 = 0xf;
const THREAD: u32 = libc::CLONE_THREAD as u32;
/// Flags of `clone` that make name spaces.
const NAME_SPACES: u32 = (libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWUTS) as u32;

fn one(conditions: Vec<SeccompCondition>) -> Result<Vec<SeccompRule>, BackendError> {
    Ok(vec![SeccompRule::new(conditions)?])
}

/// The argument, an `int` to the kernel, has this value.
fn equal(argument: u8, value: u32) -> Result<SeccompCondition, BackendError> {
    let (len, op) = (SeccompCmpArgLen::Dword, SeccompCmpOp::Eq);
    SeccompCondition::new(argument, len, op, value.into())
}

/// The argument has this value in the bits of `mask`.
fn masked(argument: u8, mask: u32, value: u32) -> Result<SeccompCondition, BackendError> {
    let (len, op) = (SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(mask.into()));
    SeccompCondition::new(argument, len, op, value.into())
}

/// The argument has none of these bits.
fn clear(argument: u8, mask: u32) -> Result<SeccompCondition, BackendError> {
    masked(argument, mask, 0)
}

/// The argument is no pointer.
fn null(argument: u8) -> Result<SeccompCondition, BackendError> {
    let (len, op) = (SeccompCmpArgLen::Qword, SeccompCmpOp::Eq);
    SeccompCondition::new(argument, len, op, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_compiles_for_every_architecture_and_has_no_call_twice() {
        let least = Needed::default();
        let rules = least.rules().unwrap();
        let guarded = guarded(least).unwrap().len();
        assert_eq!(rules.len(), ALWAYS.len() + OLDER.len() + guarded);
        let all = Needed {
            stores: true,
            connects: true,
            databases: true,
            neighbours: true,
            accepts: true,
            programs: false,
        };
        assert_eq!(all.rules().unwrap().len(), rules.len() + STORES.len() + 2);
        for arch in [TargetArch::x86_64, TargetArch::aarch64, TargetArch::riscv64] {
            assert!(!compile(rules.clone(), arch).unwrap().is_empty());
            assert!(!compile(all.rules().unwrap(), arch).unwrap().is_empty());
        }
    }

    #[test]
    fn what_leads_out_is_not_on_the_list() {
        let rules = Needed::default().rules().unwrap();
        for call in [
            libc::SYS_execve,
            libc::SYS_execveat,
            libc::SYS_clone3,
            libc::SYS_ptrace,
            libc::SYS_process_vm_writev,
            libc::SYS_connect,
            libc::SYS_listen,
            libc::SYS_accept4,
            libc::SYS_kill,
            libc::SYS_mount,
            libc::SYS_unshare,
            libc::SYS_setns,
            libc::SYS_chroot,
            libc::SYS_setresuid,
            libc::SYS_capset,
            libc::SYS_bpf,
            libc::SYS_io_uring_setup,
            libc::SYS_memfd_create,
            libc::SYS_open_by_handle_at,
            libc::SYS_keyctl,
            libc::SYS_userfaultfd,
            libc::SYS_perf_event_open,
        ] {
            assert!(!rules.contains_key(&call), "{call}");
        }
    }
}
