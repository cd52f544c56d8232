//! All that fbtftp is for, in one program: files, text made for each machine, images from a web server,
//! a handler with state, uploads, permissions by network, records and statistics for other programs.
//!
//! ```sh
//! cd examples/quickstart && mkdir -p state/configs
//! python3 -m http.server 8069 --bind 127.0.0.1 --directory origin &
//! cargo run -p bootwire-examples --bin provision
//! curl tftp://127.0.0.1:6969/grub/grub.cfg-01-52-54-00-12-34-56
//! curl -T bootwire.toml tftp://127.0.0.1:6969/configs/switch1
//! ```
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bootwire::{
    Endpoint, MacAddr, OrRefuse, Path, Refusal, Reply, Request, Router, Server, ServerStats, State,
};
use bootwire_store::{Cache, Dir, HttpOrigin, Uploads};
use ipnet::IpNet;

/// What the handlers know.
struct Site {
    kernels: HashMap<MacAddr, &'static str>,
    boots: AtomicU64,
}

/// Each machine boots its own kernel; the record says how many have booted.
async fn grub(Path(mac): Path<MacAddr>, State(site): State<Arc<Site>>) -> Result<Reply, Refusal> {
    let kernel = site.kernels.get(&mac).or_not_found()?;
    let boots = site.boots.fetch_add(1, Ordering::Relaxed) + 1;
    let config = format!("linux /images/{kernel}\nboot\n");
    Ok(Reply::text(config).label("boots", boots.to_string()))
}

/// Everybody reads; the switches of one network may write.
fn app(files: Dir, images: impl Endpoint<Reply>, switches: IpNet, configs: Uploads) -> Router {
    let mac = MacAddr::new([0x52, 0x54, 0, 0x12, 0x34, 0x56]);
    let site = Site {
        kernels: [(mac, "12.7/vmlinuz")].into(),
        boots: AtomicU64::new(0),
    };
    let is_switch = move |request: &Request| switches.contains(&request.peer_ip());
    Router::new()
        .read("/grub/grub.cfg-01-{mac}", grub)
        .read("/images/{*path}", images)
        .when(is_switch, Router::new().write("/configs/{name}", configs))
        .fallback(files)
        .with_state(Arc::new(site))
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A line of JSON for each transfer, and one each minute for what was counted in it.
fn export(server: Server, write: impl Fn(String) + Clone + Send + Sync + 'static) -> Server {
    let (write_record, last) = (write.clone(), Mutex::new(ServerStats::default()));
    server
        .observe(move |record| write_record(json(record)))
        .stats_every(Duration::from_secs(60), move |stats| {
            if let Ok(mut last) = last.lock() {
                write(json(&stats.since(&last)));
                *last = stats.clone();
            }
        })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cache = Cache::builder("state/cache").open().await?;
    let images = HttpOrigin::new("http://127.0.0.1:8069/images/")?.cached(&cache);
    let configs = Uploads::into("state/configs")?.versioned();
    let app = app(
        Dir::open("tftproot")?,
        images,
        "127.0.0.0/8".parse()?,
        configs,
    );
    let server = Server::bind("127.0.0.1:6969").serve(app);
    let server = export(server, |line| bootwire_examples::report(&line));
    Ok(server.run().await?)
}

#[cfg(test)]
mod tests {
    use bootwire::client::Client;
    use bootwire::router::{App, at_hand};
    use tempfile::TempDir;

    use super::*;

    type Tested = Result<(), Box<dyn std::error::Error>>;

    /// The program, with a stand-in for the web server: an image's content is its name.
    fn program(dir: &TempDir) -> App {
        let images = at_hand(|request: &Request| request.param("path").map(str::to_owned));
        let (files, configs) = (Dir::open(dir).unwrap(), Uploads::into(dir).unwrap());
        app(files, images, "127.0.0.0/8".parse().unwrap(), configs).into()
    }

    #[tokio::test]
    async fn without_sockets() -> Tested {
        let dir = tempfile::tempdir()?;
        let app = program(&dir);
        let get = async |path| app.read(Request::read(path).build().unwrap()).await;
        let known = get("/grub/grub.cfg-01-52-54-00-12-34-56").await?;
        assert_eq!(known.terms().labels, [("boots".to_owned(), "1".to_owned())]);
        assert_eq!(
            known.collect(100).await?,
            "linux /images/12.7/vmlinuz\nboot\n"
        );
        let unknown = get("/grub/grub.cfg-01-52-54-00-00-00-00").await;
        assert_eq!(unknown.unwrap_err(), Refusal::not_found());

        let put = |ip: [u8; 4]| Request::write("/configs/sw1").peer_ip(ip).build();
        assert!(app.write(put([10, 0, 0, 7])?).await.is_err(), "no switch");
        app.write(put([127, 0, 0, 7])?)
            .await?
            .store("hostname sw1")
            .await?;
        assert_eq!(get("/sw1").await?.collect(100).await?, "hostname sw1");
        Ok(())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn end_to_end() -> Tested {
        let (dir, lines) = (tempfile::tempdir()?, Arc::new(Mutex::new(Vec::new())));
        let server = Server::bind("127.0.0.1:0").serve(program(&dir));
        let written = Arc::clone(&lines);
        let server = export(server, move |line| written.lock().unwrap().push(line)).start()?;
        let (client, mut image) = (Client::new(server.local_addrs()[0]), Vec::new());
        client.get("/images/12.7/vmlinuz", &mut image).await?;
        client
            .put("/configs/sw1", &b"hostname sw1"[..], None)
            .await?;
        server.drain(Duration::from_secs(5)).await;
        assert_eq!(image, b"12.7/vmlinuz");
        assert_eq!(std::fs::read(dir.path().join("sw1"))?, b"hostname sw1");
        let record: serde_json::Value = serde_json::from_str(&lines.lock().unwrap()[1])?;
        assert_eq!(record["outcome"], "complete");
        assert_eq!(record["bytes"], 12);
        Ok(())
    }
}
