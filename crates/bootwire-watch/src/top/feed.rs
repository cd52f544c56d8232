//! What comes from the server: events, and answers to questions.

use std::time::Duration;

use bootwire_admin::Client;
use bootwire_admin::api::{BootDetail, EventsQuery, MachineDetail, Record, RecordsQuery};
use bootwire_admin::client::{ClientError, Event};
use tokio::sync::mpsc;

/// The first pause before a server that has gone is looked for again, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// Something to know.
pub(super) enum News {
    /// Of the server.
    Event(Box<Event>),
    /// It does not answer, and why.
    Gone(String),
    /// Of a machine that was asked for.
    Machine(Box<Known>),
}

/// What is known of a machine.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// What was asked for: a name or an address.
    pub(super) name: String,
    /// What the server keeps of it, or why that cannot be had.
    pub(super) machine: Option<MachineDetail>,
    pub(super) trouble: Option<String>,
    /// Its newest boot.
    pub(super) boot: Option<BootDetail>,
    /// What it fetched lately, where the server keeps no boots.
    pub(super) records: Vec<Record>,
}

pub(super) struct Feed {
    client: Client,
    sender: mpsc::Sender<News>,
    news: mpsc::Receiver<News>,
}

impl Feed {
    pub(super) fn start(client: Client) -> Self {
        let (sender, news) = mpsc::channel(64);
        tokio::spawn(follow(client.clone(), sender.clone()));
        Self {
            client,
            sender,
            news,
        }
    }

    pub(super) async fn next(&mut self) -> News {
        match self.news.recv().await {
            Some(news) => news,
            // There is a sender in here.
            None => std::future::pending().await,
        }
    }

    pub(super) fn at_hand(&mut self) -> Option<News> {
        self.news.try_recv().ok()
    }

    /// Asks for a machine. The answer is news.
    pub(super) fn ask(&self, name: String) {
        let (client, sender) = (self.client.clone(), self.sender.clone());
        tokio::spawn(async move {
            let known = look_up(&client, name).await;
            let _ = sender.send(News::Machine(Box::new(known))).await;
        });
    }
}

/// Events, for as long as anybody wants them.
async fn follow(client: Client, to: mpsc::Sender<News>) {
    let query = EventsQuery {
        topics: Some("transfers,stats".to_owned()),
        ..EventsQuery::default()
    };
    let mut pause = PAUSE.0;
    loop {
        let why = match client.events(&query).await {
            Ok(mut events) => {
                pause = PAUSE.0;
                loop {
                    match events.next().await {
                        Ok(Some(Event::Bye)) => break "it has ended".to_owned(),
                        Ok(Some(event)) => {
                            if to.send(News::Event(Box::new(event))).await.is_err() {
                                return;
                            }
                        }
                        Ok(None) => break "the connection was closed".to_owned(),
                        Err(error) => break error.to_string(),
                    }
                }
            }
            Err(error) => error.to_string(),
        };
        if to.send(News::Gone(why)).await.is_err() {
            return;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE.1);
    }
}

async fn look_up(client: &Client, name: String) -> Known {
    let mut known = Known {
        name: name.clone(),
        ..Known::default()
    };
    match client.machine(&name).await {
        Ok(machine) => {
            if let Some(boot) = machine.boots.first() {
                known.boot = client.boot(&boot.id).await.ok();
            }
            known.machine = Some(machine);
        }
        Err(ClientError::Problem(problem)) => known.trouble = Some(problem.detail),
        Err(error) => known.trouble = Some(error.to_string()),
    }
    let query = match name.parse::<std::net::IpAddr>() {
        Ok(_) => RecordsQuery {
            peer: Some(name),
            ..RecordsQuery::default()
        },
        Err(_) => RecordsQuery {
            machine: Some(name),
            ..RecordsQuery::default()
        },
    };
    if let Ok(page) = client.records(&query).await {
        known.records = page.records;
    }
    known
}
