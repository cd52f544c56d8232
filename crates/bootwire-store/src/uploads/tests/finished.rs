//! Who hears of uploads.

use std::sync::{Arc, Mutex};

use super::*;

#[tokio::test]
async fn an_upload_is_told_of_when_it_is_there() {
    let place = Place::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let uploads = place.uploads().create_dirs(true).finished(move |stored| {
        let content = fs::read(&stored.file).unwrap();
        let path = stored.request.path().into_owned();
        heard
            .lock()
            .unwrap()
            .push((path, stored.file.clone(), stored.size, content));
    });
    let peer = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4000);
    let request = || Request::synthetic(Op::Write, "a/b", peer, &[]).unwrap();
    let mut sink = uploads.begin(request()).await.unwrap();
    sink.write(Bytes::from_static(b"content")).await.unwrap();
    assert!(told.lock().unwrap().is_empty(), "not yet");
    Box::new(sink).finish().await.unwrap();
    let expected = (
        "/a/b".to_owned(),
        place.root.join("a/b"),
        7,
        b"content".to_vec(),
    );
    assert_eq!(*told.lock().unwrap(), [expected]);

    // This one is refused at its end: the name is taken.
    let mut sink = uploads.clone().replace().begin(request()).await.unwrap();
    sink.write(Bytes::from_static(b"x")).await.unwrap();
    fs::remove_file(place.root.join("a/b")).unwrap();
    fs::create_dir(place.root.join("a/b")).unwrap();
    assert!(Box::new(sink).finish().await.is_err());
    assert_eq!(told.lock().unwrap().len(), 1);
}
