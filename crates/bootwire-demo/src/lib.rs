#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod browser;
mod error;
mod fleet;
mod ports;
mod server;
mod show;
mod site;
mod verdicts;
mod web;

use std::future::pending;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bootwire::{amount as size, escape as shown};
use bootwire_bench::boots::{Fleet, Rest};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

pub use error::DemoError;
pub use show::{Mood, News};

use ports::Ports;
use server::{Line, Server};
use show::Boots;
use site::Site;

/// Machines that boot at a time: more would be hard to follow.
const AT_ONCE: usize = 6;
/// How far apart they begin.
const STAGGER: Duration = Duration::from_millis(700);
/// How long they rest, however fast they are: the server has to see that a boot is over.
const REST: Rest = Rest {
    shortest: Duration::from_secs(25),
    longest: Duration::from_secs(50),
};

/// A demo: a site, a server that serves it, and simulated machines that boot from it.
#[derive(Clone, Debug)]
pub struct Demo {
    /// The `bootwire` program, which the server is started with.
    pub program: PathBuf,
    /// How the program was called: what is told to go on with begins so.
    pub called: String,
    /// Where the server listens, if not on the usual port of the demo.
    pub listen: Option<SocketAddr>,
    /// How long it goes on; until a signal comes without it.
    pub time: Option<Duration>,
    /// The new directory for the site, which stays; a temporary one without it.
    pub keep: Option<PathBuf>,
    /// How much faster the machines are than is good for watching.
    pub speed: f64,
    /// Whether kernels and images are an eighth as large.
    pub small: bool,
    /// Another seed makes the machines choose other ports, rests and losses.
    pub seed: u64,
    /// Whether the console is opened in a browser.
    pub opens_browser: bool,
}

impl Demo {
    /// The demo as it is without flags.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            called: "bootwire".to_owned(),
            listen: None,
            time: None,
            keep: None,
            speed: 1.0,
            small: false,
            seed: 1,
            opens_browser: true,
        }
    }

    /// Runs it until its time is over or a signal comes (SIGINT, SIGTERM, SIGHUP), and removes what it
    /// made. It makes a tokio runtime of its own. What happens is told by `tell`, from several threads.
    ///
    /// # Errors
    /// If something cannot be made or started, or the server ends by itself.
    pub fn run(&self, tell: impl Fn(News<'_>) + Send + Sync + 'static) -> Result<(), DemoError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(DemoError::system("cannot start"))?;
        let demo: Pin<Box<dyn Future<Output = Result<(), DemoError>>>> =
            Box::pin(demo(self, Arc::new(tell)));
        let result = runtime.block_on(demo);
        runtime.shutdown_background();
        result
    }
}

/// Who is told what happens.
type Tell = Arc<dyn Fn(News<'_>) + Send + Sync>;

async fn demo(args: &Demo, tell: Tell) -> Result<(), DemoError> {
    let mut signals = Signals::new()?;
    let members = fleet::members(args.speed);
    let ports = Ports::choose(args.listen)?;
    let site = Site::make(args.keep.as_deref(), &ports, &members, args.small)?;
    let config = site.config();
    let mirror = tokio::net::TcpListener::bind(ports.web).await;
    let mirror = mirror.map_err(DemoError::system(format!("cannot listen on {}", ports.web)))?;
    let mirror = tokio::spawn(web::serve(mirror, site::web(args.small)));
    let mut server = tokio::select! {
        started = Server::start(&args.program, &config) => started?,
        () = signals.next() => return site.remove(),
    };
    show::introduce(&args.called, &site, &ports, &members)
        .iter()
        .for_each(|line| tell(News::Note(line)));
    if args.opens_browser {
        browser::open(&format!("http://{}/", ports.admin));
    }

    let boots = Arc::new(Boots::new(&members));
    let machines = members.into_iter().map(|member| member.machine);
    let fleet = Fleet::new(ports.tftp, machines.collect())
        .seed(args.seed)
        .at_once(AT_ONCE)
        .stagger(STAGGER.div_f64(args.speed))
        .again_after(REST);
    let (told, to) = (Arc::clone(&boots), Arc::clone(&tell));
    let fleet = tokio::spawn(fleet.run(move |machine, event| {
        if let Some(news) = told.on(machine, event) {
            to(news);
        }
    }));
    let (told, to) = (Arc::clone(&boots), Arc::clone(&tell));
    let verdicts = tokio::spawn(verdicts::follow(site.boots(), move |boot| {
        if let Some(news) = told.verdict(boot) {
            to(news);
        }
    }));
    let died = watch(&mut server, &mut signals, args, &tell).await;

    // The machines first: what they have in their hands is nobody's failure.
    fleet.abort();
    verdicts.abort();
    let _ = (fleet.await, verdicts.await);
    let ended = tokio::select! {
        ended = server.end() => ended.map(Some),
        () = signals.next() => Ok(None),
    };
    mirror.abort();
    let path = site.path().to_owned();
    let stays = site.stays();
    site.remove()?;
    tell(News::Note(&format!("\n{}", boots.summary())));
    if stays {
        tell(News::Note(&format!("the site is in {}", path.display())));
    }
    match ended? {
        Some(status) if died || !status.success() => {
            Err(DemoError::Server(format!("the server ended: {status}")))
        }
        _ => Ok(()),
    }
}

/// Shows what the server writes until it is time to end. Answers whether the server has ended by
/// itself.
async fn watch(server: &mut Server, signals: &mut Signals, args: &Demo, tell: &Tell) -> bool {
    let time = async {
        match args.time {
            Some(time) => sleep(time).await,
            None => pending().await,
        }
    };
    let mut time = std::pin::pin!(time);
    loop {
        tokio::select! {
            () = signals.next() => return false,
            () = &mut time => return false,
            line = server.line() => match line {
                Some(Line::Log(line)) => tell(News::Log(&line)),
                Some(Line::Note(line)) if is_introduction(&line) => {}
                Some(Line::Note(line)) => tell(News::Note(&format!("server: {line}"))),
                None => return true,
            },
        }
    }
}

/// Whether a line of the server's only says where something is, which the demo has said.
fn is_introduction(line: &str) -> bool {
    ["metrics: http", "console: http", "admin: "]
        .iter()
        .any(|word| line.starts_with(word))
}

/// The signals that end the demo. Also when its terminal goes away, it cleans up.
struct Signals([Signal; 3]);

impl Signals {
    fn new() -> Result<Self, DemoError> {
        let listen = |kind| signal(kind).map_err(DemoError::system("cannot wait for signals"));
        Ok(Self([
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ]))
    }

    async fn next(&mut self) {
        let [interrupt, terminate, hang_up] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    }
}
