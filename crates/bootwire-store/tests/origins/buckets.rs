//! Buckets: a server that speaks S3's protocol, with its files in a folder.

use bootwire::Outcome;
use bootwire_store::ObjectOrigin;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tokio::net::TcpListener;

use super::*;

/// An S3 server over `root`, whose folders are buckets.
async fn s3(root: &Path) -> SocketAddr {
    let files = s3s_fs::FileSystem::new(root).unwrap();
    let mut builder = S3ServiceBuilder::new(files);
    builder.set_auth(SimpleAuth::from_single("key", "secret"));
    let service = builder.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(async move {
                let http = Builder::new(TokioExecutor::new());
                let stream = TokioIo::new(stream);
                let _ = http.serve_connection(stream, service).await;
            });
        }
    });
    address
}

fn bucket(address: SocketAddr, secret: &str) -> ObjectOrigin {
    let endpoint = format!("http://{address}");
    let settings = [
        ("endpoint", &*endpoint),
        ("allow_http", "true"),
        ("region", "us-east-1"),
        ("access_key_id", "key"),
        ("secret_access_key", secret),
    ];
    ObjectOrigin::s3("netboot", "images", settings).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_is_read_through_the_cache() {
    let root = tempfile::tempdir().unwrap();
    let images = root.path().join("netboot/images/linux 6");
    std::fs::create_dir_all(&images).unwrap();
    std::fs::write(images.join("vmlinuz"), pattern(9 * MIB + 1, 1)).unwrap();
    std::fs::write(images.join("grub.cfg"), pattern(100, 1)).unwrap();
    std::fs::write(images.join("empty"), "").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(dir.path()).await;
    let cached = bucket(s3(root.path()).await, "secret").cached(&cache);
    let running = serve(cached.ttl(Duration::ZERO));
    for _ in 0..2 {
        let content = running.get("/linux 6/vmlinuz").await.unwrap();
        assert!(content == pattern(9 * MIB + 1, 1));
        assert!(running.get("/linux 6/grub.cfg").await.unwrap() == pattern(100, 1));
    }
    assert_eq!(running.get("/linux 6/empty").await.unwrap(), b"");
    assert_eq!(running.error("/linux 6/absent").await, 1);
    assert_eq!(
        cache.stats().fetched_bytes,
        (9 * MIB + 1 + 100) as u64,
        "each byte once, although the bucket was asked again"
    );
    std::fs::write(images.join("grub.cfg"), pattern(101, 2)).unwrap();
    assert!(running.get("/linux 6/grub.cfg").await.unwrap() == pattern(101, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_told_to_the_operator() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("netboot/images")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(dir.path()).await;
    let running = serve(bucket(s3(root.path()).await, "wrong").cached(&cache));
    assert_eq!(running.error("/vmlinuz").await, 2);
    let record = running.stop().await.remove(0);
    assert_eq!(record.outcome, Outcome::Denied);
    let detail = record.detail.unwrap();
    assert!(detail.contains("s3://netboot/images"), "{detail}");
}

/// The origin as a bucket: it answers as it is told, whatever the path.
async fn bad_bucket(manner: Manner) -> (Running, Origin, tempfile::TempDir) {
    let origin = Origin::start().await;
    let object = Object::new(pattern(100, 1), "1").manner(manner);
    let endpoint = format!("http://{}", origin.address);
    let settings = [
        ("endpoint", &*endpoint),
        ("allow_http", "true"),
        ("region", "us-east-1"),
        ("skip_signature", "true"),
        ("virtual_hosted_style_request", "false"),
    ];
    // The bucket's path below the endpoint is the one the origin puts its objects under.
    let bucket = ObjectOrigin::s3("boot", "", settings).unwrap();
    origin.put("x", object);
    let dir = tempfile::tempdir().unwrap();
    let cached = bucket.cached(&cache(dir.path()).await);
    (serve(cached), origin, dir)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_is_not_followed_elsewhere_and_not_taken_compressed() {
    let elsewhere = Origin::start().await;
    elsewhere.put("y", Object::new(pattern(100, 2), "1"));
    let redirect = Manner::Redirect(format!("{}y", elsewhere.url()));
    for (manner, why) in [
        (redirect, "redirect"),
        (Manner::Compressed, "compressed"),
        (Manner::CompressedOnTheWay, "compressed"),
    ] {
        let (running, origin, _dir) = bad_bucket(manner).await;
        assert_eq!(running.error("/x").await, 0);
        // Once, and perhaps for a client in a hurry once more: no retries.
        assert!(origin.asked().len() <= 2, "asking again is no use");
        let record = running.stop().await.remove(0);
        let detail = record.detail.unwrap();
        assert!(detail.contains(why), "{detail}");
    }
    assert_eq!(elsewhere.asked().len(), 0);
}
