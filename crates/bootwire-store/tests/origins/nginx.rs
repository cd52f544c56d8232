//! A real web server.

use std::process::{Child, Command};

use super::*;

/// nginx on a port of its own, until it is dropped.
struct Nginx {
    child: Child,
    dir: tempfile::TempDir,
    port: u16,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Nginx {
    /// Serves its folder's `www/boot`; more under `extra`. `None` if there is no nginx.
    fn start(extra: &str) -> Option<Self> {
        Self::start_in(tempfile::tempdir().unwrap(), extra)
    }

    fn start_in(dir: tempfile::TempDir, extra: &str) -> Option<Self> {
        std::fs::create_dir_all(dir.path().join("www/boot")).unwrap();
        // Nobody else is given this port for a while.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = port.local_addr().unwrap().port();
        let root = dir.path().display();
        let ssl = if extra.contains("ssl_") { " ssl" } else { "" };
        let user = if rustix::process::getuid().is_root() {
            "user root;"
        } else {
            ""
        };
        let config = format!(
            "daemon off; master_process off; pid {root}/pid; {user} error_log {root}/error.log;\n\
             events {{ worker_connections 64; }}\n\
             http {{ access_log {root}/access.log combined;\n\
             client_body_temp_path {root}/b; proxy_temp_path {root}/p; fastcgi_temp_path {root}/f;\n\
             uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;\n\
             gzip on; gzip_types *; gzip_min_length 1;\n\
             server {{ listen 127.0.0.1:{port}{ssl}; root {root}/www; {extra} }} }}\n"
        );
        let config = config.replace("DIR", &root.to_string());
        let path = dir.path().join("nginx.conf");
        std::fs::write(&path, config).unwrap();
        let child = Command::new("nginx")
            .arg("-e")
            .arg("stderr")
            .arg("-c")
            .arg(&path)
            .spawn();
        let Ok(child) = child else {
            skipped("there is no nginx here (Debian: nginx-light)");
            return None;
        };
        Some(Self { child, dir, port })
    }

    async fn ready(&self) {
        until(|| std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok()).await;
    }

    fn write(&self, name: &str, content: &[u8]) {
        std::fs::write(self.dir.path().join("www/boot").join(name), content).unwrap();
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/boot", self.port)
    }

    fn access_log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("access.log")).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_sends_chunks_and_knows_conditions() {
    let Some(nginx) = Nginx::start("") else {
        return;
    };
    nginx.ready().await;
    nginx.write("vmlinuz 6", &pattern(9 * MIB + 5, 1));
    nginx.write("grub.cfg", b"set default=0\n");
    nginx.write("empty", b"");
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(dir.path()).await;
    let origin = HttpOrigin::new(&nginx.url()).unwrap();
    let running = serve(origin.cached(&cache).ttl(Duration::ZERO));
    for _ in 0..2 {
        let content = running.get("/vmlinuz 6").await.unwrap();
        assert!(content == pattern(9 * MIB + 5, 1));
        assert_eq!(running.get("/grub.cfg").await.unwrap(), b"set default=0\n");
        assert_eq!(running.get("/empty").await.unwrap(), b"");
    }
    assert_eq!(running.error("/absent").await, 1);
    let log = nginx.access_log();
    assert_eq!(
        log.matches("vmlinuz%206 HTTP/1.1\" 206").count(),
        3,
        "{log}"
    );
    assert_eq!(
        log.matches("vmlinuz%206 HTTP/1.1\" 304").count(),
        1,
        "{log}"
    );
    assert_eq!(log.matches("grub.cfg HTTP/1.1\" 304").count(), 1, "{log}");
    // A new version, as an operator puts it there.
    let boot = nginx.dir.path().join("www/boot");
    nginx.write("next", &pattern(5 * MIB, 2));
    std::fs::rename(boot.join("next"), boot.join("vmlinuz 6")).unwrap();
    assert!(running.get("/vmlinuz 6").await.unwrap() == pattern(5 * MIB, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_without_ranges_or_etags() {
    for extra in ["max_ranges 0;", "etag off;", "max_ranges 0; etag off;"] {
        let Some(nginx) = Nginx::start(extra) else {
            return;
        };
        nginx.ready().await;
        nginx.write("vmlinuz", &pattern(9 * MIB + 5, 1));
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(dir.path()).await;
        let origin = HttpOrigin::new(&nginx.url()).unwrap();
        let running = serve(origin.cached(&cache).ttl(Duration::ZERO));
        for _ in 0..2 {
            let content = running.get("/vmlinuz").await.unwrap();
            assert!(content == pattern(9 * MIB + 5, 1), "{extra}");
        }
        let fetched = cache.stats().fetched_bytes;
        assert_eq!(fetched, 9 * MIB as u64 + 5, "{extra}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_killed_in_a_storm() {
    let Some(mut nginx) = Nginx::start("limit_rate 2m;") else {
        return;
    };
    nginx.ready().await;
    nginx.write("cached", &pattern(5 * MIB, 1));
    nginx.write("uncached", &pattern(60 * MIB, 1));
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(dir.path()).await;
    let origin = HttpOrigin::new(&nginx.url()).unwrap();
    let cached = origin.cached(&cache).ttl(Duration::ZERO);
    let running = Arc::new(serve(cached.give_up(Duration::from_secs(2))));
    running.get("/cached").await.unwrap();
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let running = Arc::clone(&running);
        waiting.spawn(async move { running.error("/uncached").await });
    }
    let handle = running.handle.as_ref().unwrap();
    until(|| handle.stats().bytes_out > 7 * MIB as u64).await;
    nginx.child.kill().unwrap();
    let begun = Instant::now();
    for _ in 0..5 {
        assert!(running.get("/cached").await.unwrap() == pattern(5 * MIB, 1));
    }
    assert_eq!(waiting.join_all().await, [0; 20], "told to try again");
    assert!(begun.elapsed() < Duration::from_secs(40));
}

/// Makes a certificate authority, and what it has signed for a server and for a client.
fn certificates(dir: &Path) -> bool {
    let script = "set -e; cd \"$0\"
        new='openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
        $new -x509 -keyout ca.key -out ca.pem -subj /CN=ca -days 2
        for name in server client; do
            $new -keyout $name.key -out $name.csr -subj /CN=$name
            printf 'subjectAltName=IP:127.0.0.1\\n' >ext
            openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial \\
                -extfile ext -out $name.pem -days 2
        done";
    let output = Command::new("sh").arg("-c").arg(script).arg(dir).output();
    output.is_ok_and(|output| output.status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_authority_and_a_client_certificate() {
    let tls = tempfile::tempdir().unwrap();
    if !certificates(tls.path()) {
        skipped("openssl makes no certificates here");
        return;
    }
    let extra = "ssl_certificate DIR/server.pem; ssl_certificate_key DIR/server.key; \
                 ssl_client_certificate DIR/ca.pem; ssl_verify_client on;";
    let Some(nginx) = Nginx::start_in(tls, extra) else {
        return;
    };
    nginx.ready().await;
    nginx.write("vmlinuz", &pattern(5 * MIB, 1));
    let file = |name: &str| nginx.dir.path().join(name);
    let url = nginx.url().replace("http:", "https:");
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(dir.path()).await;
    let trusting = || HttpOrigin::new(&url).unwrap().ca(file("ca.pem"));
    let app = Router::new()
        .read("/stranger", HttpOrigin::new(&url).unwrap().cached(&cache))
        .read("/anonymous", trusting().cached(&cache));
    let running = Running::start(app);
    assert_eq!(running.error("/stranger").await, 0);
    assert_eq!(running.error("/anonymous").await, 0, "400 of nginx");
    let records = running.stop().await;
    let detail = |path: &str| {
        let record = records.iter().find(|record| record.path == path).unwrap();
        record.detail.clone().unwrap()
    };
    assert!(
        detail("/stranger").contains("certificate"),
        "{}",
        detail("/stranger")
    );
    let known = trusting().client_certificate(file("client.pem"), file("client.key"));
    known.check().await.unwrap();
    let running = serve(known.cached(&cache));
    assert!(running.get("/vmlinuz").await.unwrap() == pattern(5 * MIB, 1));
}

/// What `openssl req -x509` makes is an authority and its server in one.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_signed_itself() {
    let tls = tempfile::tempdir().unwrap();
    let script = "set -e; cd \"$0\"
        for name in ca other; do
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \\
                -keyout $name.key -out $name.pem -subj /CN=here -days 2
        done";
    let mut make = Command::new("sh");
    let made = make.arg("-c").arg(script).arg(tls.path()).output();
    if !made.is_ok_and(|made| made.status.success()) {
        skipped("openssl makes no certificates here");
        return;
    }
    let extra = "ssl_certificate DIR/ca.pem; ssl_certificate_key DIR/ca.key;";
    let Some(nginx) = Nginx::start_in(tls, extra) else {
        return;
    };
    nginx.ready().await;
    nginx.write("vmlinuz", &pattern(5 * MIB, 1));
    let file = |name: &str| nginx.dir.path().join(name);
    let url = nginx.url().replace("http:", "https:");
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(dir.path()).await;
    let trusting = |name: &str| HttpOrigin::new(&url).unwrap().ca(file(name)).cached(&cache);
    let running = serve(trusting("ca.pem"));
    assert!(running.get("/vmlinuz").await.unwrap() == pattern(5 * MIB, 1));
    let running = serve(trusting("other.pem"));
    assert_eq!(running.error("/vmlinuz").await, 0);
    let detail = running.stop().await.remove(0).detail.unwrap();
    assert!(detail.contains("certificate"), "{detail}");
}
