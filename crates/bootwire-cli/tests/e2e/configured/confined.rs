//! Hooks that try to get out of the sandbox by system calls.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::harness::{Server, Wire};

/// What to try, in Perl's words, and how it must end: 0 or the number of an error.
fn attempts() -> Vec<(String, String, i32)> {
    let mut attempts = Vec::new();
    let mut add = |name: &str, code: String, expected: i32| {
        attempts.push((name.to_owned(), code, expected));
    };
    // A child that clone makes has nothing more to do.
    let made = |call: i64, arguments: &str| {
        format!(
            "my $r = syscall({call}, {arguments}); POSIX::_exit(0) if defined $r && $r == 0; $r"
        )
    };
    let signal = libc::SIGCHLD;
    add(
        "clone",
        made(libc::SYS_clone, &format!("{signal}, 0, 0, 0, 0")),
        0,
    );
    for (name, flag) in [
        ("user", libc::CLONE_NEWUSER),
        ("net", libc::CLONE_NEWNET),
        ("mnt", libc::CLONE_NEWNS),
        ("pid", libc::CLONE_NEWPID),
        ("ipc", libc::CLONE_NEWIPC),
        ("uts", libc::CLONE_NEWUTS),
        ("cgroup", libc::CLONE_NEWCGROUP),
        ("user and net", libc::CLONE_NEWUSER | libc::CLONE_NEWNET),
    ] {
        let arguments = format!("{}, 0, 0, 0, 0", flag | signal);
        add(
            &format!("clone {name}"),
            made(libc::SYS_clone, &arguments),
            libc::EPERM,
        );
        let arguments = format!("my $a = pack('Q8', {flag}, 0, 0, 0, {signal}, 0, 0, 0); ");
        add(
            &format!("clone3 {name}"),
            arguments + &made(libc::SYS_clone3, "$a, 64"),
            libc::ENOSYS,
        );
        add(
            &format!("unshare {name}"),
            format!("syscall({}, {flag})", libc::SYS_unshare),
            libc::EPERM,
        );
    }
    for (name, call) in [
        ("add_key", libc::SYS_add_key),
        ("bpf", libc::SYS_bpf),
        ("fanotify_init", libc::SYS_fanotify_init),
        ("fsopen", libc::SYS_fsopen),
        ("io_uring_setup", libc::SYS_io_uring_setup),
        ("kexec_load", libc::SYS_kexec_load),
        ("keyctl", libc::SYS_keyctl),
        ("mount", libc::SYS_mount),
        ("mount_setattr", libc::SYS_mount_setattr),
        ("move_mount", libc::SYS_move_mount),
        ("open_by_handle_at", libc::SYS_open_by_handle_at),
        ("open_tree", libc::SYS_open_tree),
        ("perf_event_open", libc::SYS_perf_event_open),
        ("pidfd_getfd", libc::SYS_pidfd_getfd),
        ("process_vm_readv", libc::SYS_process_vm_readv),
        ("ptrace", libc::SYS_ptrace),
        ("quotactl_fd", 443),
        ("setns", libc::SYS_setns),
        ("userfaultfd", libc::SYS_userfaultfd),
        (
            "kexec_file_load",
            if cfg!(target_arch = "x86_64") {
                320
            } else {
                294
            },
        ),
    ] {
        let code = format!("syscall({call}, 0, 0, 0, 0, 0)");
        add(name, code, libc::EPERM);
    }
    // TIOCSTI, TIOCLINUX, TIOCSETD.
    for request in [0x5412, 0x541c, 0x5423] {
        let code = format!("syscall({}, 0, {request}, 0)", libc::SYS_ioctl);
        add(&format!("ioctl {request:#x}"), code, libc::EPERM);
    }
    let (stream, datagram, raw) = (libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_RAW);
    for (name, family, kind, protocol, expected) in [
        ("tcp", libc::AF_INET, stream, 0, 0),
        ("udp", libc::AF_INET, datagram, 0, 0),
        ("unix", libc::AF_UNIX, stream, 0, 0),
        ("routes", libc::AF_NETLINK, raw, 0, 0),
        ("raw", libc::AF_INET, raw, libc::IPPROTO_ICMP, libc::EPERM),
        (
            "raw tcp",
            libc::AF_INET6,
            raw,
            libc::IPPROTO_TCP,
            libc::EPERM,
        ),
        ("packet", libc::AF_PACKET, raw, 0, libc::EPERM),
        ("packet by its old name", libc::AF_INET, 10, 0, libc::EPERM),
        ("netfilter", libc::AF_NETLINK, raw, 12, libc::EPERM),
        (
            "ciphers",
            libc::AF_ALG,
            libc::SOCK_SEQPACKET,
            0,
            libc::EPERM,
        ),
        ("vsock", libc::AF_VSOCK, stream, 0, libc::EPERM),
    ] {
        let code = format!("socket(my $s, {family}, {kind}, {protocol}) ? 0 : -1");
        add(&format!("socket {name}"), code, expected);
    }
    attempts
}

/// A program that makes all attempts and answers how each ended.
fn script(attempts: &[(String, String, i32)]) -> String {
    let mut script = "#!/usr/bin/perl\nuse POSIX ();\nuse Socket ();\n\
        sub tried { my ($name, $code) = @_; my $r = $code->();\n\
        print \"$name=\", ($r < 0 ? $! + 0 : 0), \"\\n\"; }\n\
        print \"child=\", system('/bin/true'), \"\\n\";\n"
        .to_owned();
    for (name, code, _) in attempts {
        writeln!(script, "tried('{name}', sub {{ {code} }});").expect("text");
    }
    script
}

/// Whoever takes a hook over gets no capabilities by making name spaces, and no way around the
/// filter; and what hooks need, they have.
#[test]
fn a_hook_gets_out_by_no_system_call() {
    let attempts = attempts();
    let server = Server::builder()
        .beside("hook", script(&attempts))
        .config("[sandbox]\nlevel = \"require\"\n[[route]]\nexec = { program = \"hook\" }\n")
        .start();
    let told = Wire::new(server.address()).fetch("attempts");
    let told = String::from_utf8_lossy(&told);
    let ends: BTreeMap<&str, &str> = told
        .lines()
        .filter_map(|line| line.split_once('='))
        .collect();
    assert_eq!(ends.get("child"), Some(&"0"), "{told}");
    let wrong: Vec<_> = attempts
        .iter()
        .filter(|(name, _, expected)| ends.get(name.as_str()) != Some(&&*expected.to_string()))
        .map(|(name, _, expected)| (name, expected, ends.get(name.as_str())))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}
