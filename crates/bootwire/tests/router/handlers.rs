//! What handlers take and give.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bootwire::router::App;
use bootwire::{
    Endpoint, FromRequest, MacAddr, Mode, Op, Path, Reason, Refusal, Reply, Request, Router, State,
};
use bytes::Bytes;

use super::{Shelf, read, request, size, tell, told};

#[tokio::test]
async fn handlers_share_the_state() {
    async fn count(State(counter): State<Arc<AtomicUsize>>, request: Request) -> Refusal {
        tell(format_args!(
            "{} {}",
            request.path(),
            counter.fetch_add(1, Ordering::Relaxed)
        ))
    }
    let counter = Arc::new(AtomicUsize::new(5));
    let router = Router::new()
        .read("/a", count)
        .fallback(count)
        .with_state(Arc::clone(&counter));
    // A router that has its state can be added to; what is added needs none.
    let app = App::from(router.read("/b", || async { "b" }));
    assert_eq!(told(app.call(request(Op::Read, "a")).await), "/a 5");
    assert_eq!(told(app.clone().call(request(Op::Read, "c")).await), "/c 6");
    assert_eq!(size(app.call(request(Op::Read, "b")).await), 1);
    assert_eq!(counter.load(Ordering::Relaxed), 7);
}

#[tokio::test]
async fn parameters_arrive_typed_and_in_order() {
    async fn four(Path((a, b, c, d)): Path<(String, u16, MacAddr, std::net::IpAddr)>) -> Refusal {
        tell(format_args!("{a} {b} {c} {d}"))
    }
    let router = Router::new().read("/{a}/{b}/{mac}/{ip:hex}", four);
    assert_eq!(
        told(read(router, "x/7/525400123456/C0000207").await),
        "x 7 52:54:00:12:34:56 192.0.2.7"
    );
}

#[tokio::test]
async fn a_parameter_that_cannot_be_read_is_not_found() {
    let router = Router::new().read(
        "/vlan{id:int}",
        |Path(id): Path<u16>| async move { tell(id) },
    );
    let refusal = read(router, "vlan70000").await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::NotFound);
    assert_eq!(refusal.client_text(), "File not found");
    assert_eq!(
        refusal.detail(),
        Some("id \"70000\" is no u16: number too large to fit in target type")
    );
}

#[tokio::test]
async fn the_wrong_number_of_parameters_is_the_programs_fault() {
    let router = || {
        Router::new()
            .read("/{site}/{mac}", |Path(mac): Path<MacAddr>| async move {
                tell(mac)
            })
            .fallback(|Path((a, b)): Path<(String, String)>| async move { tell(a + &b) })
    };
    let refusal = read(router(), "lab/525400123456").await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Internal);
    assert_eq!(
        refusal.detail(),
        Some("the handler takes 1 path parameters, /{site}/{mac} has 2")
    );
    let refusal = read(router(), "lab").await.unwrap_err();
    assert_eq!(
        refusal.detail(),
        Some("the handler takes 2 path parameters, the fallback has 0")
    );
}

#[tokio::test]
async fn programs_bring_their_own_extractors() {
    struct Blksize(u16);
    impl<S: Sync> FromRequest<S> for Blksize {
        async fn from_request(request: &Request, _state: &S) -> Result<Self, Refusal> {
            let value = request
                .option("blksize")
                .and_then(|value| value.parse().ok());
            value.map(Self).ok_or_else(|| Refusal::new(Reason::Options))
        }
    }
    async fn all(request: Request, op: Op, mode: Mode, Blksize(blksize): Blksize) -> Refusal {
        tell(format_args!("{} {op:?} {mode:?} {blksize}", request.peer()))
    }
    let app = App::from(Router::new().fallback(all));
    assert_eq!(
        told(app.call(request(Op::Read, "x")).await),
        "192.0.2.7:4000 Read Octet 1432"
    );
    let plain = Request::synthetic(Op::Read, "x", "192.0.2.7:4000".parse().unwrap(), &[]).unwrap();
    assert_eq!(app.call(plain).await.unwrap_err().reason(), Reason::Options);
}

#[tokio::test]
async fn handlers_answer_in_many_ways() {
    let router = || {
        Router::new()
            .read("/text", || async { "text" })
            .read("/bytes", || async { vec![0_u8; 5] })
            .read("/reply", || async { Reply::text("reply!") })
            .read("/some", || async { Some(String::from("7 bytes")) })
            .read("/none", || async { None::<Reply> })
            .read("/ok", || async {
                Ok::<_, Refusal>(Bytes::from_static(b"8 bytes."))
            })
            .read("/io", || async {
                Err::<Reply, _>(std::io::Error::from(std::io::ErrorKind::PermissionDenied))
            })
            .read("/refusal", || async { Refusal::busy() })
    };
    for (filename, expected) in [
        ("text", 4),
        ("bytes", 5),
        ("reply", 6),
        ("some", 7),
        ("ok", 8),
    ] {
        assert_eq!(size(read(router(), filename).await), expected, "{filename}");
    }
    for (filename, expected) in [
        ("none", Reason::NotFound),
        ("io", Reason::Denied),
        ("refusal", Reason::Busy),
    ] {
        assert_eq!(
            read(router(), filename).await.unwrap_err().reason(),
            expected,
            "{filename}"
        );
    }
}

#[tokio::test]
async fn answers_at_hand_are_given_at_once() {
    let shelf: Arc<dyn Endpoint<Reply>> = Arc::new(Shelf);
    let app = App::from(
        Router::new()
            .read("/shelf/{name}", Arc::clone(&shelf))
            .read("/fn", || async { "text" })
            .fallback(shelf),
    );
    let at_hand = |op, filename| app.at_hand(&request(op, filename));
    assert_eq!(size(at_hand(Op::Read, "shelf/near!").unwrap()), 5);
    assert!(at_hand(Op::Read, "shelf/far").is_none());
    assert!(at_hand(Op::Read, "fn").is_none());
    assert!(at_hand(Op::Read, "elsewhere").is_none());
    assert_eq!(
        told(at_hand(Op::Write, "shelf/near").unwrap()),
        "Uploads are not allowed here"
    );
    assert_eq!(size(app.call(request(Op::Read, "shelf/far")).await), 7);

    let misses = App::from(Router::new().read("/shelf/{name}", Shelf));
    assert_eq!(
        misses
            .at_hand(&request(Op::Read, "x"))
            .unwrap()
            .unwrap_err(),
        Refusal::not_found()
    );
}
