//! What a confined thread, and those it makes, can still do.
//!
//! Each test confines a thread of its own: as root it becomes nobody there, and all the rest holds
//! whoever runs the tests.

use std::fs;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use bootwire::client::Client;
use bootwire::{Router, Server};
use rustix::process::{Pid, Signal, Uid, geteuid, kill_process};
use tempfile::TempDir;

use super::*;

/// A directory to grant and one beside it, both open to every user: so nothing but the sandbox can
/// be what refuses.
struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let place = Self { dir };
        for path in [
            place.dir.path().to_owned(),
            place.inside(""),
            place.outside(""),
        ] {
            fs::create_dir_all(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        }
        for path in [place.inside("file"), place.outside("file")] {
            fs::write(&path, "content").unwrap();
        }
        place
    }

    fn inside(&self, name: &str) -> PathBuf {
        self.dir.path().join("inside").join(name)
    }

    fn outside(&self, name: &str) -> PathBuf {
        self.dir.path().join("outside").join(name)
    }

    fn grant(&self, access: Access) -> Vec<Grant> {
        vec![Grant::new(&self.inside(""), access).unwrap()]
    }
}

fn sandbox(level: Level) -> Sandbox {
    let account = geteuid().is_root().then(Account::nobody);
    Sandbox {
        level,
        account,
        named: false,
    }
}

/// Does `work` on a thread that was confined before.
fn confined<T: Send>(
    level: Level,
    reach: impl Into<Reach>,
    work: impl FnOnce(&str) -> T + Send,
) -> T {
    let reach = reach.into();
    thread::scope(|scope| {
        let thread = scope.spawn(move || {
            let report = sandbox(level).confine_thread(reach).unwrap();
            work(&report.to_string())
        });
        thread.join().unwrap()
    })
}

fn kind<T>(result: std::io::Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

const DENIED: Option<ErrorKind> = Some(ErrorKind::PermissionDenied);
/// What a call that is not on the list looks like.
const NO_SUCH_CALL: Option<ErrorKind> = Some(ErrorKind::Unsupported);

#[test]
fn a_thread_reads_what_it_was_granted_and_nothing_else() {
    let place = Place::new();
    confined(Level::Require, place.grant(Access::Read), |_| {
        assert_eq!(fs::read(place.inside("file")).unwrap(), b"content");
        assert_eq!(fs::read_dir(place.inside("")).unwrap().count(), 1);
        for path in [
            &place.outside("file"),
            Path::new("/etc/passwd"),
            Path::new("/proc/self/maps"),
        ] {
            assert_eq!(kind(fs::read(path)), DENIED, "{}", path.display());
        }
        assert_eq!(kind(fs::read_dir(place.outside(""))), DENIED);
        assert_eq!(kind(fs::write(place.inside("new"), "x")), DENIED);
        assert_eq!(kind(fs::write(place.inside("file"), "x")), DENIED);
        assert_eq!(kind(fs::remove_file(place.inside("file"))), DENIED);
        assert_eq!(kind(fs::write(place.outside("new"), "x")), DENIED);
    });
}

/// The same reads and writes by the same user: it is the sandbox that refused them.
#[test]
fn without_the_sandbox_nothing_of_that_is_refused() {
    let place = Place::new();
    confined(Level::Off, Reach::default(), |told| {
        assert!(told.starts_with("off"), "{told}");
        fs::read(place.outside("file")).unwrap();
        fs::read("/etc/passwd").unwrap();
        fs::write(place.outside("new"), "x").unwrap();
        fs::write(place.inside("new"), "x").unwrap();
        assert!(Command::new("true").status().unwrap().success());
    });
}

#[test]
fn uploads_are_made_renamed_and_removed_in_their_directory() {
    let place = Place::new();
    confined(Level::Require, place.grant(Access::Write), |_| {
        fs::write(place.inside("part"), "x").unwrap();
        fs::rename(place.inside("part"), place.inside("whole")).unwrap();
        fs::remove_file(place.inside("whole")).unwrap();
        assert_eq!(kind(fs::create_dir(place.inside("dir"))), DENIED);
        let link = std::os::unix::fs::symlink("/etc/passwd", place.inside("link"));
        assert_eq!(kind(link), NO_SUCH_CALL);
        fs::write(place.inside("part"), "x").unwrap();
        let moved = fs::rename(place.inside("part"), place.outside("part"));
        assert!(matches!(
            kind(moved),
            DENIED | Some(ErrorKind::CrossesDevices)
        ));
    });
    confined(
        Level::Require,
        place.grant(Access::WriteAndMakeDirs),
        |_| {
            fs::create_dir(place.inside("dir")).unwrap();
            fs::rename(place.inside("part"), place.inside("dir/whole")).unwrap();
            let moved = fs::rename(place.inside("dir/whole"), place.outside("whole"));
            assert!(matches!(
                kind(moved),
                DENIED | Some(ErrorKind::CrossesDevices)
            ));
        },
    );
}

#[test]
fn no_program_starts_and_nobody_else_is_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    confined(Level::Require, Reach::default(), |_| {
        assert!(Command::new("/bin/true").status().is_err());
        assert_eq!(kind(TcpStream::connect(address)), NO_SUCH_CALL);
        assert_eq!(kind(TcpListener::bind("127.0.0.1:0")), NO_SUCH_CALL);
        assert_eq!(
            kind(UnixStream::connect("/run/no-such-socket")),
            NO_SUCH_CALL
        );
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(kind(udp.connect(address)), NO_SUCH_CALL);
        let parent = Pid::from_raw(1).unwrap();
        assert!(kill_process(parent, Signal::CONT).is_err());
        let root = Uid::ROOT;
        assert!(rustix::thread::set_thread_res_uid(root, root, root).is_err());
        // Nor does a thread that is made now.
        let later = thread::spawn(|| kind(fs::read("/etc/passwd")))
            .join()
            .unwrap();
        assert_eq!(later, DENIED);
    });
}

#[test]
fn what_a_server_does_all_day_still_works() {
    confined(Level::Require, Reach::default(), |told| {
        let (one, two) = (
            UdpSocket::bind("127.0.0.1:0").unwrap(),
            UdpSocket::bind("127.0.0.1:0").unwrap(),
        );
        one.send_to(b"hello", two.local_addr().unwrap()).unwrap();
        assert_eq!(two.recv(&mut [0; 16]).unwrap(), 5);
        UdpSocket::bind("[::1]:0").unwrap();
        assert!(
            bootwire_io::interface_mtu(1).is_some(),
            "the loopback device"
        );
        let big = vec![7_u8; 64 << 20];
        assert_eq!(thread::spawn(move || big.len()).join().unwrap(), 64 << 20);
        thread::sleep(Duration::from_millis(1));
        for part in ["no_new_privs", "no capabilities", "landlock ABI ", " calls"] {
            assert!(told.contains(part), "{told}");
        }
        assert!(!told.contains("missing"), "{told}");
    });
}

/// The kernel's own account of a confined thread, told to one that is not: the other sees no /proc.
#[test]
fn the_kernel_says_so_too() {
    let (tell, told) = std::sync::mpsc::channel();
    let (done, wait) = std::sync::mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            confined(Level::Require, Reach::default(), move |_| {
                tell.send(rustix::thread::gettid()).unwrap();
                let _ = wait.recv();
            });
        });
        let thread = told.recv().unwrap().as_raw_nonzero();
        let status = fs::read_to_string(format!("/proc/self/task/{thread}/status")).unwrap();
        drop(done);
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().skip(1).collect::<Vec<_>>()
        };
        for capabilities in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
            assert_eq!(field(capabilities), ["0000000000000000"], "{capabilities}");
        }
        assert_eq!(field("NoNewPrivs:"), ["1"]);
        assert_eq!(field("Seccomp:"), ["2"]);
        if geteuid().is_root() {
            assert_eq!(field("CapBnd:"), ["0000000000000000"]);
            assert_eq!(field("Groups:"), [""; 0]);
            for ids in ["Uid:", "Gid:"] {
                assert_eq!(field(ids), ["65534"; 4], "{ids}");
            }
        }
    });
}

/// A handler that tries to get at what it must not, in a server started as `bootwire serve` does
/// it: sockets, sandbox, threads.
#[test]
fn a_handler_cannot_leave() {
    let place = Place::new();
    let (inside, outside) = (place.inside("file"), place.outside("file"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let tcp = listener.local_addr().unwrap();
    let router = Router::new()
        .read("/inside", tries(move || fs::read(&inside).map(drop)))
        .read("/outside", tries(move || fs::read(&outside).map(drop)))
        .read(
            "/program",
            tries(|| Command::new("/bin/true").status().map(drop)),
        )
        .read("/connect", tries(move || TcpStream::connect(tcp).map(drop)));
    let server = Server::bind("127.0.0.1:0").serve(router).open().unwrap();
    let address = server.local_addrs()[0];

    let (done, wait) = tokio::sync::oneshot::channel::<()>();
    thread::scope(|scope| {
        let served = scope.spawn(|| {
            confined(Level::Require, place.grant(Access::Read), |_| {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                runtime.block_on(server.run_until(async {
                    let _ = wait.await;
                }))
            })
        });
        assert_eq!(ask(address, "inside"), "done");
        assert_eq!(ask(address, "outside"), "PermissionDenied");
        assert_ne!(ask(address, "program"), "done");
        assert_eq!(ask(address, "connect"), "Unsupported");
        done.send(()).unwrap();
        served.join().unwrap().unwrap();
    });
}

/// A handler that answers how an attempt went.
fn tries(
    attempt: impl Fn() -> std::io::Result<()> + Clone + Send + Sync + 'static,
) -> impl Fn() -> std::future::Ready<String> + Clone + Send + Sync + 'static {
    move || {
        let told = match attempt() {
            Ok(()) => "done".to_owned(),
            Err(error) => format!("{:?}", error.kind()),
        };
        std::future::ready(told)
    }
}

fn ask(server: SocketAddr, path: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut content = Vec::new();
    runtime
        .block_on(Client::new(server).get(path, &mut content))
        .unwrap();
    String::from_utf8(content).unwrap()
}

#[test]
fn a_directory_that_the_user_cannot_use_is_named_at_the_start() {
    if !geteuid().is_root() {
        // Whoever owns a directory may open it to himself again; root becomes somebody else.
        return;
    }
    let place = Place::new();
    for (mode, access, words) in [
        (0o700, Access::Read, "may not enter"),
        (0o755, Access::Write, "chown nobody"),
    ] {
        fs::set_permissions(place.inside(""), fs::Permissions::from_mode(mode)).unwrap();
        let grants = place.grant(access);
        let refused = thread::spawn(move || {
            sandbox(Level::BestEffort)
                .confine_thread(grants.into())
                .unwrap_err()
                .to_string()
        });
        let refused = refused.join().unwrap();
        assert!(refused.contains(words), "{refused}");
        assert!(
            refused.contains(place.inside("").to_str().unwrap()),
            "{refused}"
        );
    }
}

#[test]
fn once_there_are_threads_it_is_too_late() {
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let other = thread::spawn(move || stopped.recv());
    let refused = sandbox(Level::BestEffort)
        .enter(Reach::default())
        .unwrap_err();
    assert!(refused.to_string().contains("too late"), "{refused}");
    drop(stop);
    assert!(other.join().unwrap().is_err());
}

#[test]
fn programs_start_where_the_configuration_has_some_and_are_confined_as_well() {
    let place = Place::new();
    let mut reach = Reach::from(place.grant(Access::Read));
    reach.programs = true;
    reach.add_program_files();
    reach.add_settings(false);
    confined(Level::Require, reach, |told| {
        assert!(told.contains("programs"), "{told}");
        let run = |script: String| {
            let output = Command::new("/bin/sh")
                .args(["-c", &script])
                .output()
                .unwrap();
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            (output.status.success(), output.stdout, errors)
        };
        let (done, out, errors) = run(format!("cat {}", place.inside("file").display()));
        assert!(done && out == b"content", "{errors}");
        for script in [
            format!("cat {}", place.outside("file").display()),
            format!("echo x > {}", place.inside("new").display()),
            format!("echo x > {}", place.outside("new").display()),
            "mount -t tmpfs none /mnt".to_owned(),
            "unshare --user true".to_owned(),
        ] {
            assert!(!run(script.clone()).0, "{script}");
        }
    });
}

#[test]
fn a_single_file_is_granted_and_not_what_is_beside_it() {
    let place = Place::new();
    let grant = Grant::new(&place.inside("file"), Access::Write).unwrap();
    fs::write(place.inside("other"), "content").unwrap();
    let all = fs::Permissions::from_mode(0o666);
    fs::set_permissions(place.inside("file"), all).unwrap();
    confined(Level::Require, vec![grant], |_| {
        fs::write(place.inside("file"), "new").unwrap();
        assert_eq!(kind(fs::read(place.inside("other"))), DENIED);
    });
}

#[test]
fn connections_go_to_the_ports_named_and_to_no_others() {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [named, other] = listeners.each_ref().map(|one| one.local_addr().unwrap());
    let only = |tcp| Reach {
        tcp,
        ..Reach::default()
    };
    let connects = |tcp| {
        confined(Level::BestEffort, only(tcp), |told| {
            let reached = [named, other].map(|address| kind(TcpStream::connect(address)));
            (reached, told.contains("missing"))
        })
    };
    assert_eq!(connects(Tcp::Anybody).0, [None, None]);
    let ([to_named, to_other], _) = connects(Tcp::Ports(vec![named.port()]));
    assert_eq!(to_named, None);
    // Landlock has known ports since Linux 6.7.
    assert!(matches!(to_other, DENIED | None), "{to_other:?}");
    let ([to_named, _], _) = connects(Tcp::Nobody);
    assert!(to_named.is_some());
}

/// Root gets everywhere by a path: only a database may be there.
#[test]
fn who_connects_to_others_does_not_connect_to_paths() {
    let socket = |databases| {
        let reach = Reach {
            tcp: Tcp::Anybody,
            databases,
            ..Reach::default()
        };
        confined(Level::BestEffort, reach, |_| {
            kind(UnixStream::connect("/run/no-such-socket"))
        })
    };
    assert_eq!(socket(false), NO_SUCH_CALL);
    assert_ne!(socket(true), NO_SUCH_CALL);
}
