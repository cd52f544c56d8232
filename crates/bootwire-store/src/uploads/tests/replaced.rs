//! The directory itself is replaced.

use super::*;

#[tokio::test]
async fn uploads_go_into_the_directory_that_has_the_name() {
    let place = Place::new();
    let told = Arc::<Mutex<Vec<String>>>::default();
    let keep = Arc::clone(&told);
    let uploads = place
        .uploads()
        .observe(move |event| keep.lock().unwrap().push(event.to_string()));
    put(&uploads, "first", "1").await.unwrap();
    let mut under_way = begin(&uploads, "second").await.unwrap();
    under_way.write(Bytes::from_static(b"2")).await.unwrap();
    let asked = begin(&uploads, "third").await.unwrap();
    let away = place.outside.join("away");
    fs::rename(&place.root, &away).unwrap();
    fs::create_dir(&place.root).unwrap();
    uploads.directory.expire();
    asked.finish().await.unwrap();
    put(&uploads, "fourth", "4").await.unwrap();
    under_way.finish().await.unwrap();
    assert_eq!(names_below(&away), ["first", "second"]);
    assert_eq!(place.names(), ["fourth", "third"]);
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("was replaced"), "{told:?}");
}
