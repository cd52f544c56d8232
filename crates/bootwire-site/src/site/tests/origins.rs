//! Origins, read through the cache.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// A web server that has a few files and counts what it is asked.
#[derive(Clone)]
pub(in crate::site) struct Web {
    address: SocketAddr,
    files: Arc<Mutex<HashMap<String, String>>>,
    asked: Arc<AtomicUsize>,
}

impl Web {
    pub(in crate::site) async fn with(files: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let files = files.iter();
        let files = files.map(|(path, content)| ((*path).to_owned(), (*content).to_owned()));
        let web = Self {
            address: listener.local_addr().unwrap(),
            files: Arc::new(Mutex::new(files.collect())),
            asked: Arc::default(),
        };
        let serving = web.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let web = serving.clone();
                tokio::spawn(async move { web.serve(stream).await });
            }
        });
        web
    }

    pub(in crate::site) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    fn set(&self, path: &str, content: &str) {
        let mut files = self.files.lock().unwrap();
        files.insert(path.to_owned(), content.to_owned());
    }

    pub(in crate::site) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// Answers requests for whole small files; each content is a version.
    async fn serve(&self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        loop {
            let (mut path, mut unless) = (None, String::new());
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                    return;
                }
                if let Some(rest) = line.strip_prefix("GET ") {
                    path = rest.split(' ').next().map(str::to_owned);
                } else if let Some(etag) = line.to_ascii_lowercase().strip_prefix("if-none-match: ")
                {
                    etag.trim().clone_into(&mut unless);
                } else if line.trim().is_empty() {
                    break;
                }
            }
            self.asked.fetch_add(1, Ordering::Relaxed);
            let content = {
                let files = self.files.lock().unwrap();
                path.and_then(|path| files.get(&path).cloned())
            };
            let mut answer = String::new();
            match content {
                None => answer.push_str("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"),
                Some(content) if unless == etag(&content) => {
                    let _ = write!(
                        answer,
                        "HTTP/1.1 304 Not Modified\r\netag: {unless}\r\n\r\n"
                    );
                }
                Some(content) => {
                    let (etag, size) = (etag(&content), content.len());
                    let _ = write!(
                        answer,
                        "HTTP/1.1 200 OK\r\netag: {etag}\r\ncontent-length: {size}\r\n\r\n{content}"
                    );
                }
            }
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

fn etag(content: &str) -> String {
    let hex = content.bytes().take(8).map(|byte| format!("{byte:02x}"));
    format!("\"{}-{}\"", content.len(), hex.collect::<String>())
}

/// Waits until a version of one object is on the disk, all of it.
async fn is_on_disk(cache: &Path) {
    let began = Instant::now();
    let is_whole = |file: std::fs::DirEntry| {
        let is_note = file.path().extension().is_some_and(|end| end == "meta");
        let text = std::fs::read_to_string(file.path()).unwrap_or_default();
        is_note && text.lines().count() >= 2
    };
    loop {
        let origins = std::fs::read_dir(cache.join("objects")).unwrap();
        let mut files =
            origins.flat_map(|origin| std::fs::read_dir(origin.unwrap().path()).unwrap());
        if files.any(|file| is_whole(file.unwrap())) {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn images(web: &Web, settings: &str, routes: &str) -> String {
    format!(
        "[cache]\ndir = 'cache'\n[origin.images]\nurl = '{}'\n{settings}\n{routes}",
        web.url()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_fetched_once_and_then_at_hand_as_is_a_miss() {
    let dir = tempfile::tempdir().unwrap();
    let web = Web::with(&[("/linux/vmlinuz", "kernel")]).await;
    let route = "[[route]]\npath = '/images/{*path}'\norigin = 'images'\nblksize_max = 1024\n\
                 deadline = '5s'\nrewrite = '/linux/{path}'";
    let site = open(dir.path(), &images(&web, "", route)).await;
    assert!(!is_at_hand(&site, "/images/vmlinuz"));
    assert_eq!(text(&site, "/images/vmlinuz").await.unwrap(), "kernel");
    assert_eq!(code(&site, "/images/none").await, 1);
    let asked = web.asked();
    assert!(is_at_hand(&site, "/images/vmlinuz"), "through all wrappers");
    assert!(is_at_hand(&site, "/images/none"), "known to be missing");
    assert_eq!(text(&site, "/images/vmlinuz").await.unwrap(), "kernel");
    assert_eq!(web.asked(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_machine_is_known_by_its_hardware_address() {
    let dir = tempfile::tempdir().unwrap();
    let web = Web::with(&[("/initrd", "one")]).await;
    let route = "[[route]]\npath = '/{mac}/{*path}'\norigin = 'images'";
    let settings = "pin = 'boot'\nttl = '0s'";
    let site = open(dir.path(), &images(&web, settings, route)).await;
    let size = async |path: &str, client: &str| match site.app().call(get(path, client, &[])).await
    {
        Ok(Answer::Reply(reply)) => reply.size(),
        other => panic!("{other:?}"),
    };
    assert_eq!(size("/525400000001/initrd", "10.0.0.7").await, Some(3));
    is_on_disk(&dir.path().join("cache")).await;
    web.set("/initrd", "two!");
    // Another machine gets the new one, as soon as the old one counts as asked about before.
    let mut machines = 2..;
    let began = Instant::now();
    while size(
        &format!("/52540000{:04x}/initrd", machines.next().unwrap()),
        "10.0.0.7",
    )
    .await
        != Some(4)
    {
        assert!(began.elapsed() < Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let elsewhere = size("/525400000001/initrd", "10.0.0.8").await;
    assert_eq!(elsewhere, Some(3), "the same machine, wherever it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hook_points_to_comes_from_the_origin() {
    let dir = tempfile::tempdir().unwrap();
    let web = Web::with(&[("/debian/vmlinuz", "kernel")]).await;
    let decision = r#"{"redirect": {"origin": "images", "path": "/debian/vmlinuz"}}"#;
    program(
        dir.path(),
        "decide",
        &format!("#!/bin/sh\necho '{decision}'\n"),
    );
    let route = "[[route]]\nexec = { program = 'decide', output = 'decision' }";
    let site = open(dir.path(), &images(&web, "", route)).await;
    assert_eq!(text(&site, "/whatever").await.unwrap(), "kernel");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hook_points_to_is_pinned_for_the_machine_that_asked_the_hook() {
    let dir = tempfile::tempdir().unwrap();
    let web = Web::with(&[("/initrd", "one")]).await;
    let decision = r#"{"redirect": {"origin": "images", "path": "/initrd"}}"#;
    program(
        dir.path(),
        "decide",
        &format!("#!/bin/sh\necho '{decision}'\n"),
    );
    let route = "[[route]]\nexec = { program = 'decide', output = 'decision' }";
    let site = open(dir.path(), &images(&web, "pin = 'boot'\nttl = '0s'", route)).await;
    let size = async |client: &str| {
        let request = get("/pxelinux.cfg/01-52-54-00-12-34-56", client, &[]);
        match site.app().call(request).await {
            Ok(Answer::Reply(reply)) => reply.size(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(size("10.0.0.7").await, Some(3));
    is_on_disk(&dir.path().join("cache")).await;
    web.set("/initrd", "two!");
    assert_eq!(
        size("10.0.0.8").await,
        Some(3),
        "the name says which machine it is"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_there_before_anybody_asks() {
    let dir = tempfile::tempdir().unwrap();
    let web = Web::with(&[("/a", "first"), ("/b", "second")]).await;
    let route = "[[route]]\norigin = 'images'";
    let site = open(
        dir.path(),
        &images(&web, "prefetch = ['/none', 'a', '/b']", route),
    )
    .await;
    site.prefetch();
    let began = Instant::now();
    while !(is_at_hand(&site, "/a") && is_at_hand(&site, "/b")) {
        assert!(began.elapsed() < Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_origin_delays_nobody_longer_than_the_route_says() {
    let dir = tempfile::tempdir().unwrap();
    // Connections are taken by the kernel, and nobody answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let text_of = format!(
        "[cache]\ndir = 'cache'\n[origin.images]\nurl = '{url}'\n\
         [[route]]\npath = '/images/{{*path}}'\norigin = 'images'\ndeadline = '100ms'\n\
         [[route]]\ntext = 'others'"
    );
    let site = open(dir.path(), &text_of).await;
    let refusal = text(&site, "/images/x").await.unwrap_err();
    assert_eq!(refusal.reason().code().wire(), 0);
    assert!(refusal.detail().unwrap().contains("100ms"), "{refusal}");
    assert_eq!(text(&site, "/motd").await.unwrap(), "others");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_origins_and_cache_is_told() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "file", "");
    let told = wrong(
        dir.path(),
        "[cache]\ndir = 'file/cache'\n[origin.images]\nurl = 'http://repo/'",
    )
    .await;
    assert!(
        told.contains("[cache]: cache ") && told.contains("cache.dir"),
        "{told}"
    );
    let told = wrong(
        dir.path(),
        "[cache]\ndir = 'cache'\n[origin.a]\nurl = 'http://repo/'\nbearer_file = 'token'\n\
         [origin.b]\nurl = 'http://repo/'\nheaders = { Range = 'x' }\n\
         [origin.c]\ns3 = 'bucket'\nsettings = { colour = 'red' }",
    )
    .await;
    for part in [
        "[origin.a]: ",
        "token",
        "[origin.b]: ",
        "Range",
        "[origin.c]: ",
        "colour",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}
