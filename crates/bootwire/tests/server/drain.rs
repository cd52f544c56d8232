//! Going down well.

use bootwire::{Outcome, Router};

use super::*;

fn app() -> Router {
    Router::new().read("/big", || async { pattern(2000) })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_finishes_and_what_is_new_gets_no_answer() {
    for single_port in [false, true] {
        let mut running =
            Running::with(app(), Server::bind("127.0.0.1:0").single_port(single_port));
        let raw = Raw::new("127.0.0.1:0");
        raw.send(running.address, &rrq("big", ""));
        let (_, tid) = raw.receive();
        let drain = tokio::spawn(
            running
                .handle
                .take()
                .unwrap()
                .drain(Duration::from_secs(20)),
        );
        tokio::time::sleep(Duration::from_secs(1)).await;
        let late = Raw::new("127.0.0.1:0");
        late.send(running.address, &rrq("big", ""));
        assert!(late.hears_nothing());
        for block in 1..=4 {
            raw.send(tid, &[0, 4, 0, block]);
            if block < 4 {
                // Blocks sent again while we waited may come first.
                while raw.receive().0[3] != block + 1 {}
            }
        }
        let drained = drain.await.unwrap();
        assert_eq!(
            (drained.finished, drained.cut_off),
            (1, 0),
            "single port: {single_port}"
        );
        let records = running.records.lock().unwrap();
        assert_eq!((records.len(), records[0].outcome), (1, Outcome::Complete));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_finish_in_time_is_told() {
    let mut running = Running::start(app());
    let raw = Raw::new("127.0.0.1:0");
    raw.send(running.address, &rrq("big", ""));
    raw.receive();
    let drained = running
        .handle
        .take()
        .unwrap()
        .drain(Duration::from_millis(100))
        .await;
    assert_eq!((drained.finished, drained.cut_off), (0, 1));
    let error = raw.receive().0;
    assert_eq!(error[..4], [0, 5, 0, 0]);
    assert_eq!(running.records.lock().unwrap()[0].outcome, Outcome::Busy);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_that_is_dropped_stops_the_server() {
    let running = Running::start(app());
    let address = running.address;
    drop(running);
    UdpSocket::bind(address).expect("the port is free again");
}

/// A signal that comes as soon as the port is seen open must not find a process that knows none.
#[tokio::test]
async fn its_end_is_waited_for_before_the_port_opens() {
    let free = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let mut looks = Vec::new();
    let shutdown = std::future::poll_fn(|context| {
        looks.push(UdpSocket::bind(address).is_err());
        if looks.len() == 1 {
            context.waker().wake_by_ref();
            return std::task::Poll::Pending;
        }
        std::task::Poll::Ready(())
    });
    let server = Server::bind(address.to_string()).serve(app());
    server.run_until(shutdown).await.unwrap();
    assert_eq!(looks, [false, true], "whether the port was taken");
}
