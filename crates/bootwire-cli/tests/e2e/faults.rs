//! What can go wrong around the server: disks that crawl, descriptors that run out, clocks that
//! jump. Who is not concerned notices nothing.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::{Isolation, Packet, Server, Wire, noise};

/// Bytes a second that the slow disk gives.
const CRAWL: u64 = 512 << 10;

/// A disk of 16 MiB with `content` as `cold`, of which nothing is in memory, and which gives
/// [`CRAWL`] bytes a second to the processes of a control group: shell commands that mount it on
/// the directory `slow` of the root, and enter that group. `None` where the kernel has no such
/// control.
fn slow_disk(place: &Path, root: &Path, content: &[u8]) -> Option<(String, ControlGroup)> {
    let group = ControlGroup::new()?;
    let (files, image) = (place.join("files"), place.join("image"));
    fs::create_dir(&files).expect("a directory");
    fs::write(files.join("cold"), content).expect("a file");
    let made = Command::new("mkfs.ext4")
        .args(["-q", "-O", "^has_journal", "-d"])
        .arg(&files)
        .arg(&image)
        .arg("16M")
        .status()
        .expect("mkfs.ext4");
    assert!(made.success(), "mkfs.ext4: {made}");
    fs::create_dir(root.join("slow")).expect("a directory");
    let script = format!(
        "loop=$(losetup --find --show {image:?})\n\
         mount -o ro $loop {root:?}/slow\n\
         losetup --detach $loop\n\
         echo $(cat /sys/block/${{loop#/dev/}}/dev) {CRAWL} > {group}/blkio.throttle.read_bps_device\n\
         echo $$ > {group}/cgroup.procs",
        group = group.0,
    );
    Some((script, group))
}

/// A control group for one server's disk, removed at the end.
struct ControlGroup(String);

impl ControlGroup {
    fn new() -> Option<Self> {
        let path = format!("/sys/fs/cgroup/blkio/bootwire-{}", std::process::id());
        fs::create_dir(&path).ok()?;
        Some(Self(path))
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        // Not before its processes have ended.
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A cold file on a disk that crawls arrives as fast as the disk gives it; a client of another file
/// waits for nothing.
#[test]
#[expect(clippy::print_stderr, reason = "a test that cannot run says so")]
fn a_slow_disk_delays_only_who_reads_from_it() {
    let (cold, warm) = (noise(1_000_000, 31), noise(100_000, 32));
    let builder = Server::builder().file("warm", &warm);
    let place = builder.root().parent().expect("a parent").to_owned();
    let Some((script, _group)) = slow_disk(&place, &builder.root(), &cold) else {
        eprintln!("not tested: no control group for disks (blkio) on this machine");
        return;
    };
    let server = builder.wrapped(Isolation::mounts(&script)).start();
    let began = Instant::now();
    std::thread::scope(|scope| {
        let mut slow = Wire::new(server.address());
        let reader = scope.spawn(move || {
            slow.read("slow/cold", &[("blksize", "1024")]);
            slow.expect_oack();
            slow.ack(0);
            slow.read_rest(1024, 1)
        });
        let mut times = Vec::new();
        while !reader.is_finished() {
            let began = Instant::now();
            assert!(Wire::new(server.address()).fetch("warm") == warm);
            times.push(began.elapsed());
        }
        assert!(reader.join().expect("read") == cold);
        let took = began.elapsed();
        assert!(
            took > Duration::from_secs(1),
            "the disk was not slow: {took:?}"
        );
        times.sort_unstable();
        let median = times[times.len() / 2];
        // 196 blocks in lockstep: far less than the cold file takes, however busy the machine.
        assert!(
            median < Duration::from_millis(500).max(took / 2),
            "{median:?} for 100 kB of another file"
        );
    });
}

/// More files than descriptors: who finds none left is told to come back, and can; who has one keeps
/// it.
#[test]
fn descriptors_run_out() {
    const FILES: usize = 60;
    let content = |number: usize| noise(3_000, number as u64);
    let mut builder = Server::builder();
    for number in 0..FILES {
        builder = builder.file(&number.to_string(), &content(number));
    }
    let server = builder
        .flags(["--workers", "1", "--sandbox", "off"])
        .wrapped(["sh", "-c", "ulimit -n 48; exec \"$0\" \"$@\""])
        .start();
    let (mut open, mut turned_away) = (Vec::new(), Vec::new());
    for number in 0..FILES {
        let mut client = Wire::new(server.address());
        client.read(number.to_string().as_str(), &[]);
        match client.receive() {
            Packet::Data { block: 1, payload } => open.push((number, client, payload)),
            Packet::Error { code, text } => {
                assert_eq!(
                    (code, text.contains("try again")),
                    (0, true),
                    "{code} {text}"
                );
                turned_away.push(number);
            }
            other => panic!("{number}: {other:?}"),
        }
    }
    assert!(open.len() >= 10, "only {} files open", open.len());
    assert!(!turned_away.is_empty(), "descriptors did not run out");
    for (number, mut client, first) in open {
        client.ack(1);
        let rest = client.read_rest(512, 2);
        assert!([first, rest].concat() == content(number), "{number}");
    }
    for number in turned_away {
        let name = number.to_string();
        assert!(
            Wire::new(server.address()).fetch(&name) == content(number),
            "{number}"
        );
    }
}

/// The time of day jumps while a transfer runs, as it does when a machine first hears of the right
/// time: nothing is resent, given up or late, and durations stay true. The client asks for five seconds before
/// anything is: a busy machine may stop both for a while.
#[test]
fn the_clock_jumps() {
    const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
    let library = [
        LIBRARY,
        "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    ]
    .into_iter()
    .find(|path| Path::new(path).exists())
    .expect("libfaketime, which ./test installs");
    let content = noise(512 * 300, 41);
    let builder = Server::builder().file("file", &content);
    let clock = builder.root().parent().expect("a parent").join("clock");
    fs::write(&clock, "+0").expect("a file");
    let preload = [
        "env".to_owned(),
        format!("LD_PRELOAD={library}"),
        format!("FAKETIME_TIMESTAMP_FILE={}", clock.display()),
        "FAKETIME_NO_CACHE=1".to_owned(),
        // The clock that only counts is not what jumps.
        "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
    ];
    let server = builder.flags(["--sandbox", "off"]).wrapped(preload).start();
    let began = Instant::now();
    let mut client = Wire::new(server.address());
    client.read("file", &[("timeout", "5")]);
    client.expect_oack();
    client.ack(0);
    let mut received = Vec::new();
    for block in 1..=300 {
        received.extend(client.await_data(block));
        let offset = match block {
            100 => Some("-400d"),
            200 => Some("+400d"),
            _ => None,
        };
        if let Some(offset) = offset {
            fs::write(&clock, offset).expect("written");
        }
        client.ack(block);
    }
    assert_eq!(client.await_data(301), b"");
    client.ack(301);
    assert!(received == content);
    let record = server.finish_with_one();
    let took = began.elapsed();
    assert_eq!(
        (record.outcome(), record.number("blocks_resent")),
        ("complete", 0)
    );
    let duration = Duration::from_micros(record.number("duration_us"));
    assert!(duration <= took, "{duration:?} of {took:?}");
}

/// A client whose program has ended: its host says so, and after some resends it is believed.
#[test]
fn a_client_whose_port_is_closed_is_given_up_before_a_silent_one() {
    let kinds: [(&str, &[&str]); 4] = [
        ("127.0.0.1", &[]),
        ("127.0.0.1", &["--single-port"]),
        ("0.0.0.0", &["--single-port"]),
        // This client has IPv4, the server's socket both.
        ("[::]", &["--single-port"]),
    ];
    let servers = kinds.map(|(host, flags)| {
        let builder = Server::builder().file("file", &noise(60_000, 3));
        let server = builder.host(host).flags(flags).start();
        let mut client = Wire::new(server.address());
        client.read("file", &[("blksize", "1024")]);
        client.expect_oack();
        client.ack(0);
        server
    });
    for (server, kind) in servers.iter().zip(kinds) {
        let records = server.records_within(1, Duration::from_secs(50));
        assert_eq!(records[0].outcome(), "timeout", "{kind:?}");
        let detail = records[0].text("detail");
        let closed = detail.contains("reported to be closed (ICMP)");
        assert!(closed, "{kind:?}: {detail}");
        let seconds = records[0].number("duration_us") / 1_000_000;
        assert!((5..50).contains(&seconds), "{kind:?}: {seconds} s");
    }
}
