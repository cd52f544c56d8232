//! A configured site in a program: with the public API alone.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bootwire::client::{Client, ClientError};
use bootwire::router::{App, OnTerms};
use bootwire::{Answer, Op, Request, Router, Terms};
use bootwire_site::explain::Outcome;
use bootwire_site::{Config, Level, Site};

/// A configuration in a directory of its own.
struct Place(tempfile::TempDir);

impl Place {
    fn with(text: &str) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.write(text);
        place
    }

    fn file(&self) -> PathBuf {
        self.path().join("bootwire.toml")
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Replaces the configuration at once, as editors do.
    fn write(&self, text: &str) {
        let new = self.path().join("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, self.file()).unwrap();
    }

    fn config(&self) -> Config {
        Config::load_with(&self.file(), []).unwrap()
    }
}

fn get(path: &str) -> Request {
    Request::synthetic(Op::Read, path, ([10, 0, 0, 7], 4000).into(), &[]).unwrap()
}

async fn text(app: &App, path: &str) -> String {
    match app.call(get(path)).await {
        Ok(Answer::Reply(reply)) => {
            String::from_utf8(reply.content().expect("in memory").to_vec()).unwrap()
        }
        Ok(Answer::Accept(_)) => panic!("a read accepted"),
        Err(refusal) => format!("ERROR {}", refusal.reason().code().wire()),
    }
}

/// Routes of a program before and behind those of a configuration.
fn between(configured: Router) -> Router {
    Router::new()
        .read("/status", async || "well")
        .merge(configured)
        .read("/{name}", async || "nobody else has it")
        .layer(OnTerms::new(|_| Terms::new().blksize_max(512)))
}

const TEXTS: &str = "[[route]]\npath = '/status'\ntext = 'hidden'\n\
                     [[route]]\npath = '/motd'\ntext = 'one'\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_program_has_routes_before_and_behind_and_layers_around() {
    let place = Place::with(TEXTS);
    let site = Site::builder().routes(between).open(place.config()).await;
    let app = site.unwrap().app();
    assert_eq!(text(&app, "/status").await, "well");
    assert_eq!(text(&app, "/motd").await, "one");
    assert_eq!(text(&app, "/else").await, "nobody else has it");
    assert!(app.at_hand(&get("/motd")).is_some(), "through the layer");
    let answer = app.call(get("/motd")).await.unwrap();
    assert_eq!(answer.terms().blksize_max, Some(512));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_leaves_the_program_s_routes_where_they_are_and_mistakes_change_nothing() {
    let place = Place::with(TEXTS);
    let site = Site::builder().routes(between).open(place.config()).await;
    let mut site = site.unwrap();
    place.write(&TEXTS.replace("one", "two"));
    assert_eq!(text(&site.app(), "/motd").await, "one", "nobody read it");
    site.reload().await.unwrap();
    let app = site.app();
    assert_eq!(text(&app, "/motd").await, "two");
    assert_eq!(text(&app, "/status").await, "well");
    assert_eq!(text(&app, "/else").await, "nobody else has it");

    place.write("[[route]]\ntext = 'three'\ndir = 'nowhere'\n");
    let problems = site.reload().await.unwrap_err().to_string();
    assert!(
        problems.contains("bootwire.toml:3: \"text\" beside \"dir\"")
            || problems.contains("bootwire.toml:2: "),
        "{problems}"
    );
    assert_eq!(text(&site.app(), "/motd").await, "two");

    place.write(&TEXTS.replace("one", "four"));
    let objection = site.reload_if(|config| {
        Err(bootwire_site::Problem::new(config.location.to_string(), "not today").into())
    });
    let objection = objection.await.unwrap_err().to_string();
    assert!(objection.ends_with("not today"), "{objection}");
    assert_eq!(text(&site.app(), "/motd").await, "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn drop_ins_and_the_environment_are_laid_over_the_file() {
    let place = Place::with("workers = 1\n[[route]]\npath = '/motd'\ntext = 'last'\n");
    let drop_ins = place.path().join("bootwire.d");
    std::fs::create_dir(&drop_ins).unwrap();
    let first = "[[route]]\npath = '/motd'\nfrom = '10.0.0.0/8'\ntext = 'first'\n";
    std::fs::write(drop_ins.join("10-lab.toml"), first).unwrap();
    let environment = [("BOOTWIRE_BLKSIZE_MAX".to_owned(), "seven".to_owned())];
    let problems = Config::load_with(&place.file(), environment).unwrap_err();
    assert!(
        problems.to_string().contains("BOOTWIRE_BLKSIZE_MAX"),
        "{problems}"
    );
    let environment = [("BOOTWIRE_BLKSIZE_MAX".to_owned(), "1024".to_owned())];
    let config = Config::load_with(&place.file(), environment).unwrap();
    let mut site = Site::builder().open(config).await.unwrap();
    assert_eq!(text(&site.app(), "/motd").await, "first");
    // The same environment once more, and the drop-ins as they are now.
    std::fs::remove_file(drop_ins.join("10-lab.toml")).unwrap();
    site.reload().await.unwrap();
    assert_eq!(text(&site.app(), "/motd").await, "last");
}

async fn fetched(client: &Client, path: &str) -> String {
    let mut got = Vec::new();
    match client.get(path, &mut got).await {
        Ok(_) => String::from_utf8(got).unwrap(),
        Err(ClientError::Remote { code, .. }) => format!("ERROR {}", code.wire()),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_follows_its_configuration() {
    let settings = "listen = '127.0.0.1:0'\nworkers = 1\n";
    let place = Place::with(&format!("{settings}{TEXTS}"));
    let notes = Arc::new(Mutex::new(Vec::<String>::new()));
    let heard = Arc::clone(&notes);
    let site = Site::builder()
        .routes(between)
        .notes(move |line| heard.lock().unwrap().push(line.to_owned()))
        .open(place.config());
    let mut site = site.await.unwrap();
    let server = site.server().start().unwrap();
    let client = Client::new(server.local_addrs()[0]).timeout(Duration::from_secs(60));
    assert_eq!(fetched(&client, "/motd").await, "one");
    assert_eq!(fetched(&client, "/status").await, "well");
    let following = async {
        place.write(&format!("{settings}[[route]]\npath = '/motd'\ntext = 5\n"));
        while !said(&notes, "not reloaded") {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(fetched(&client, "/motd").await, "one");
        place.write(&format!("{settings}{}", TEXTS.replace("one", "two")));
        while fetched(&client, "/motd").await != "two" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(fetched(&client, "/status").await, "well");
    };
    tokio::select! {
        never = site.follow(&server) => match never {},
        () = following => {}
    }
    assert!(said(&notes, "reloaded /"), "{notes:?}");
    server.drain(Duration::from_secs(5)).await;
}

fn said(notes: &Mutex<Vec<String>>, words: &str) -> bool {
    notes
        .lock()
        .unwrap()
        .iter()
        .any(|line| line.contains(words))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_explains_and_checks_itself() {
    let place = Place::with(
        "[[route]]\npath = '/a'\ntry = [{ dir = '.' }, { exec = { program = 'none' } }]\n\
         [[route]]\npath = '/{*path}'\ntext = 'x'\n",
    );
    for site in [
        Site::builder().look(place.config(), false).await.unwrap(),
        Site::builder().open(place.config()).await.unwrap(),
    ] {
        let account = site.explain(&get("/x"), false).await;
        let Outcome::Content { size, text } = &account.outcome else {
            panic!("{account}");
        };
        assert_eq!((*size, text.as_deref()), (Some(1), Some("x")));
        let account = site.explain(&get("/a"), false).await;
        assert!(matches!(&account.outcome, Outcome::NotAsked { who } if who.ends_with("none")));
        let tried: Vec<_> = account.steps.iter().map(|step| &*step.result).collect();
        assert!(tried[0].starts_with("ERROR 1: "), "{tried:?}");
        assert!(
            tried[1].ends_with("would be asked (--run does)"),
            "{tried:?}"
        );

        let mut failed = Vec::new();
        let tell = |finding: &bootwire_site::Finding| {
            if finding.level == Level::Failure {
                failed.push(finding.told.clone());
            }
        };
        site.check(tell).await;
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert!(failed[0].contains("it is not there"), "{failed:?}");
    }
    let required = place.config().requirements();
    assert!(required.runs_programs());
    assert_eq!(required.programs[0].1, place.path().join("none"));
}
