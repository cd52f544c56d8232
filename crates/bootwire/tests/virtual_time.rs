//! What a program's tests can rely on: a whole server in virtual time.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bootwire::file::OpenFile;
use bootwire::testing::{Failure, Fate, Script, Transfer, VirtualServer};
use bootwire::{
    Accept, BoxFuture, ErrorCode, Outcome, Refusal, Reply, Router, Server, ServerError, Sink,
    State, TransferRecord,
};
use bytes::Bytes;

type Stored = Arc<Mutex<Vec<u8>>>;

/// Keeps an upload once it is finished.
struct Keep(Vec<u8>, Stored);

impl Sink for Keep {
    fn write(&mut self, data: Bytes) -> BoxFuture<'_, Result<(), Refusal>> {
        self.0.extend_from_slice(&data);
        Box::pin(std::future::ready(Ok(())))
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), Refusal>> {
        *self.1.lock().unwrap() = self.0;
        Box::pin(std::future::ready(Ok(())))
    }
}

fn image() -> Vec<u8> {
    (0..200_000_u32).map(|number| (number / 3) as u8).collect()
}

fn app(stored: &Stored) -> Router {
    Router::new()
        .read("/image", async || image())
        .read("/text", async || "one\ntwo\n")
        .read("/slow", async || {
            tokio::time::sleep(Duration::from_secs(3)).await;
            "at last"
        })
        .read("/never", async || {
            std::future::pending::<()>().await;
            "never"
        })
        .read("/file", async || {
            let file = tempfile::tempfile()?;
            std::io::Write::write_all(&mut &file, &image())?;
            let open = tokio::task::spawn_blocking(move || OpenFile::new(file));
            Ok::<_, Refusal>(Reply::file(open.await.map_err(std::io::Error::other)??))
        })
        .write("/up", async |State(stored): State<Stored>| {
            Accept::into(Keep(Vec::new(), stored)).size_max(100_000)
        })
        .with_state(Arc::clone(stored))
}

fn server() -> VirtualServer {
    VirtualServer::new(Server::bind("[::]:69").serve(app(&Stored::default()))).unwrap()
}

fn outcome(transfer: &Transfer) -> Outcome {
    assert_eq!(transfer.records.len(), 1, "{transfer:?}");
    transfer.records[0].outcome
}

fn refused(transfer: &Transfer) -> ErrorCode {
    match &transfer.content {
        Err(Failure::Error { code, .. }) => *code,
        other => panic!("no ERROR: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_gets_what_was_served_and_granted() {
    let boot = Script::read("/image").blksize(1468).windowsize(8).tsize();
    let transfer = server().run(boot).await;
    assert_eq!(transfer.content.as_deref(), Ok(&*image()));
    let granted = [("tsize", 200_000), ("blksize", 1468), ("windowsize", 8)];
    assert_eq!(
        transfer.granted,
        granted.map(|(name, value)| (name.to_owned(), value))
    );
    assert_eq!(outcome(&transfer), Outcome::Complete);
    let record = &transfer.records[0];
    assert_eq!((record.bytes, record.blocks_resent), (200_000, 0));
    assert_eq!(record.route.as_deref(), Some("/image"));
}

#[tokio::test(start_paused = true)]
async fn netascii_is_text_in_the_end() {
    let transfer = server().run(Script::read("/text").netascii()).await;
    assert_eq!(transfer.content.as_deref(), Ok(&b"one\ntwo\n"[..]));
}

#[tokio::test(start_paused = true)]
async fn files_are_read_in_no_time() {
    let transfer = server().run(Script::read("/file").blksize(1468)).await;
    assert_eq!(transfer.content.as_deref(), Ok(&*image()));
    assert!(
        transfer.took < Duration::from_secs(1),
        "{:?}",
        transfer.took
    );
}

#[tokio::test(start_paused = true)]
async fn a_bad_line_costs_time_and_no_byte() {
    for lossy in [Script::read("/image"), Script::read("/image").windowsize(8)] {
        let boot = lossy.network(|packet| match packet.number % 7 {
            3 => Fate::Lost,
            5 => Fate::Twice,
            6 => Fate::Late(Duration::from_millis(2)),
            _ => Fate::Arrives,
        });
        let transfer = server().run(boot).await;
        assert_eq!(transfer.content.as_deref(), Ok(&*image()));
        let record = &transfer.records[0];
        assert!(record.blocks_resent > 0);
        assert_eq!(record.blocks, 200_000 / 512 + 1, "each counts once");
    }
}

#[tokio::test(start_paused = true)]
async fn records_come_in_the_order_in_which_transfers_end() {
    let told: Arc<Mutex<Vec<TransferRecord>>> = Arc::default();
    let observed = Arc::clone(&told);
    let server = Server::bind("[::]:69")
        .serve(app(&Stored::default()))
        .observe(move |record| observed.lock().unwrap().push(record.clone()));
    let mut server = VirtualServer::new(server).unwrap();
    server
        .run_all([Script::read("/slow"), Script::read("/text")])
        .await;
    let told = told.lock().unwrap();
    let paths: Vec<_> = told.iter().map(|record| record.path.as_str()).collect();
    assert_eq!(paths, ["/text", "/slow"]);
    assert!(told.is_sorted_by_key(|record| record.ended()));
    assert!(told[0].ended() < told[1].ended());
}

#[tokio::test(start_paused = true)]
async fn a_script_picks_the_packet_that_is_lost() {
    let mut dropped = false;
    let boot = Script::read("/image").network(move |packet| {
        let hit = packet.data() == Some(5) && !dropped;
        dropped |= hit;
        if hit { Fate::Lost } else { Fate::Arrives }
    });
    let transfer = server().run(boot).await;
    assert_eq!(transfer.records[0].blocks_resent, 1);
    assert!(
        transfer.took >= Duration::from_secs(1),
        "polite before it is quick"
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_pauses_is_waited_for_and_one_that_vanishes_is_given_up() {
    let real = Instant::now();
    let mut server = server();
    let pause = Duration::from_secs(20);
    let paused = server
        .run(Script::read("/image").pause_after(5, pause))
        .await;
    assert_eq!(outcome(&paused), Outcome::Complete);
    assert!(paused.took >= pause, "{:?}", paused.took);

    let gone = server.run(Script::read("/image").vanish_after(5)).await;
    assert_eq!(gone.content, Err(Failure::Left));
    assert_eq!(outcome(&gone), Outcome::Timeout);
    assert!(gone.records[0].duration >= Duration::from_secs(30));
    assert!(real.elapsed() < Duration::from_secs(20), "time is virtual");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_gives_up_says_so() {
    let transfer = server()
        .run(Script::read("/image").abort_after(3, "No memory"))
        .await;
    assert_eq!(transfer.content, Err(Failure::Left));
    assert_eq!(outcome(&transfer), Outcome::ClientAbort);
    let (_, text) = transfer.records[0].error.as_ref().expect("its ERROR");
    assert_eq!(text, "No memory");
}

#[tokio::test(start_paused = true)]
async fn handlers_wait_in_virtual_time_up_to_their_deadline() {
    let mut server = server();
    let slow = server.run(Script::read("/slow")).await;
    assert_eq!(slow.content.as_deref(), Ok(&b"at last"[..]));
    assert!(slow.took >= Duration::from_secs(3));
    let never = server.run(Script::read("/never")).await;
    assert_eq!(refused(&never), ErrorCode::NotDefined);
    assert_eq!(outcome(&never), Outcome::OriginError);
    let missing = server.run(Script::read("/missing")).await;
    assert_eq!(refused(&missing), ErrorCode::NotFound);
}

#[tokio::test(start_paused = true)]
async fn uploads_are_stored_or_refused() {
    let stored = Stored::default();
    let mut server = VirtualServer::new(Server::bind("[::]:69").serve(app(&stored))).unwrap();
    let content = &image()[..50_000];
    let upload = Script::write("/up", content.to_vec()).blksize(1024).tsize();
    let transfer = server.run(upload).await;
    assert_eq!(transfer.content, Ok(Bytes::new()));
    assert_eq!(outcome(&transfer), Outcome::Complete);
    assert!(*stored.lock().unwrap() == content);

    let lost = Script::write("/up", "lost").network(|packet| match packet.number {
        2 => Fate::Lost,
        _ => Fate::Arrives,
    });
    assert_eq!(outcome(&server.run(lost).await), Outcome::Complete);
    assert_eq!(*stored.lock().unwrap(), b"lost");

    let large = server.run(Script::write("/up", image()).tsize()).await;
    assert_eq!(
        (refused(&large), outcome(&large)),
        (ErrorCode::DiskFull, Outcome::TooLarge)
    );
    let gone = server
        .run(Script::write("/up", image()).vanish_after(10))
        .await;
    assert_eq!(outcome(&gone), Outcome::Timeout);
    assert_eq!(*stored.lock().unwrap(), b"lost", "half an upload is none");
    let nowhere = server.run(Script::write("/elsewhere", "x")).await;
    assert_eq!(refused(&nowhere), ErrorCode::AccessViolation);
}

#[tokio::test(start_paused = true)]
async fn many_clients_at_once_each_have_their_record_and_every_run_is_the_same() {
    let play = async || {
        let scripts = (0..50_u64).map(|number| {
            let lossy = move |packet: &bootwire::testing::Packet<'_>| match (packet.number + number)
                .is_multiple_of(9)
            {
                true => Fate::Lost,
                false => Fate::Arrives,
            };
            Script::read("/image").windowsize(4).network(lossy)
        });
        let transfers = server().run_all(scripts).await;
        let figures = transfers.into_iter().map(|transfer| {
            assert_eq!(transfer.content.as_deref(), Ok(&*image()));
            assert_eq!(transfer.records.len(), 1);
            (transfer.took, transfer.datagrams)
        });
        figures.collect::<Vec<_>>()
    };
    assert_eq!(play().await, play().await);
}

#[tokio::test(start_paused = true)]
async fn the_servers_settings_and_observers_hold() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&seen);
    let settings = Server::bind("[::]:69")
        .serve(app(&Stored::default()))
        .blksize_max(600)
        .single_port(true)
        .allow(["10.0.0.0/8".parse().unwrap()])
        .observe(move |record| tell.lock().unwrap().push(record.outcome));
    let mut server = VirtualServer::new(settings).unwrap();
    let transfer = server.run(Script::read("/image").blksize(1468)).await;
    assert_eq!(transfer.granted, [("blksize".to_owned(), 600)]);
    let stranger = Script::read("/image").peer(([192, 0, 2, 7], 4000));
    let stranger = server.run(stranger).await;
    assert_eq!(stranger.content, Err(Failure::Silence));
    assert!(stranger.records.is_empty());
    assert_eq!(*seen.lock().unwrap(), [Outcome::Complete]);
    let stats = server.stats();
    assert_eq!((stats.reads, stats.ended(Outcome::Complete)), (1, 1));
    assert!(stats.not_allowed >= 1);
    server.pass(Duration::from_secs(600)).await;
    assert_eq!(server.stats().active, 0);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_could_not_start_is_an_error_here_too() {
    let nothing = VirtualServer::new(Server::bind("[::]:69"));
    assert!(matches!(nothing, Err(ServerError::Incomplete(_))));
    let nowhere = VirtualServer::new(Server::bind("nowhere").serve(Router::new()));
    assert!(matches!(nowhere, Err(ServerError::Address { .. })));
}
