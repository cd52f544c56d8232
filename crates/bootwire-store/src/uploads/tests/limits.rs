//! Too large, too full, too long.

use super::*;

#[tokio::test]
async fn no_upload_is_larger_than_allowed() {
    let place = Place::new();
    let uploads = place.uploads().size_max(8);
    let announced = uploads
        .begin(request("config", &[("tsize", "9")]).unwrap())
        .await;
    assert_eq!(said(announced), refused(Reason::TooLarge, "File too large"));
    put(&uploads, "eight", "12345678").await.unwrap();
    assert_eq!(
        said(put(&uploads, "nine", "123456789").await),
        refused(Reason::TooLarge, "File too large")
    );
    assert_eq!(place.names(), ["eight"]);
}

#[tokio::test]
async fn space_is_kept_free() {
    let place = Place::new();
    let full = refused(Reason::DiskFull, "Disk full");
    assert_eq!(
        said(begin(&place.uploads().keep_free(u64::MAX / 2), "config").await),
        full
    );
    let uploads = place.uploads().size_max(u64::MAX);
    let huge = (u64::MAX / 2).to_string();
    assert_eq!(
        said(
            uploads
                .begin(request("config", &[("tsize", &huge)]).unwrap())
                .await
        ),
        full
    );
    let odd = uploads
        .begin(request("config", &[("tsize", "a lot")]).unwrap())
        .await;
    assert!(
        odd.is_ok(),
        "a tsize that is no number is the negotiation's matter"
    );
}

#[tokio::test]
async fn space_that_runs_out_meanwhile_ends_the_upload() {
    let place = Place::new();
    let mut sink = begin(&place.uploads(), "config").await.unwrap();
    let mib = Bytes::from(vec![0; 1 << 20]);
    for _ in 0..3 {
        sink.write(mib.clone()).await.unwrap();
    }
    let Stage::Open(_, part) = &mut sink.stage else {
        panic!("it has sent data");
    };
    // Promises are for at most 4 MiB.
    part.share.keep_free(u64::MAX);
    let mut refusal = None;
    for _ in 0..5 {
        refusal = said(sink.write(mib.clone()).await);
        if refusal.is_some() {
            break;
        }
    }
    assert_eq!(refusal, refused(Reason::DiskFull, "Disk full"));
    assert!(
        place.names().is_empty(),
        "gone even before the sink is dropped"
    );
}

#[tokio::test]
async fn names_too_long_for_the_disk_are_refused_at_once() {
    let place = Place::new();
    let (long, longest) = ("x".repeat(256), "x".repeat(255));
    let too_long = refused(Reason::Denied, "File name too long");
    assert_eq!(said(begin(&place.uploads(), &long).await), too_long);
    assert_eq!(
        said(begin(&place.uploads().create_dirs(true), &format!("{long}/x")).await),
        too_long
    );
    assert_eq!(
        said(begin(&place.uploads().versioned(), &longest).await),
        too_long,
        "no room for a version's name"
    );
    put(&place.uploads(), &longest, "fits").await.unwrap();
}
