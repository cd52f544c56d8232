//! Clients for `perf/compare`: N concurrent reads from one thread, every byte compared.
mod client;
mod options;
mod sys;

use std::io;
use std::time::{Duration, Instant};

use client::{Client, Ended, Tally};
use options::Options;

fn main() -> io::Result<()> {
    let options = Options::parse(std::env::args().skip(1)).map_err(io::Error::other)?;
    let tally = run(&options)?;
    println!("{}", tally.json());
    Ok(())
}

fn run(options: &Options) -> io::Result<Tally> {
    let epoll = sys::Epoll::new()?;
    let mut batch = sys::Batch::new(options.blksize.max(512) + 4);
    let mut clients: Vec<Client> = (0..options.clients).map(Client::new).collect();
    let mut tally = Tally::default();
    let start = Instant::now();
    let end = start + options.limit;
    let mut running = clients.len();
    for client in &mut clients {
        client.request(options, &epoll)?;
    }
    let mut ready = Vec::with_capacity(512);
    let mut swept = start;
    while running > 0 {
        let now = Instant::now();
        if now >= end {
            break;
        }
        epoll.wait(&mut ready, Duration::from_millis(20))?;
        for &index in &ready {
            let ended = clients[index].readable(options, &mut batch, &mut tally);
            running -= settle(&mut clients[index], ended, options, &epoll, &mut tally)?;
        }
        if now - swept > Duration::from_millis(50) {
            swept = now;
            for client in &mut clients {
                let ended = client.timer(now, options, &mut tally);
                running -= settle(client, ended, options, &epoll, &mut tally)?;
            }
        }
    }
    tally.elapsed = start.elapsed();
    for client in &mut clients {
        if client.abort() && options.once {
            tally.fail("unfinished");
        }
    }
    Ok(tally)
}

/// Counts what ended and starts the client again; returns 1 if it is done for good.
fn settle(
    client: &mut Client,
    ended: Option<Ended>,
    options: &Options,
    epoll: &sys::Epoll,
    tally: &mut Tally,
) -> io::Result<usize> {
    match ended {
        None => return Ok(0),
        Some(Ended::Complete) => tally.transfers += 1,
        Some(Ended::Failed(reason)) => tally.fail(reason),
    }
    client.close();
    if options.once {
        return Ok(1);
    }
    client.request(options, epoll)?;
    Ok(0)
}
