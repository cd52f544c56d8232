//! From flags to a plan: addresses found, content at hand.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64};

use bootwire::Mode;
use bootwire::client::{Client, ClientError, Target};
use bootwire_io::Kernel;
use bootwire_proto::{ErrorCode, Offer, Op, packet::MAX_FILENAME};

use super::args::Args;
use super::content::{Expected, Pattern};
use super::names::Template;
use super::plan::{self, File, Plan};
use crate::{BenchError, News};

/// Looks up the servers and gets the content that is expected.
pub(super) async fn plan(args: &Args, tell: &mut dyn FnMut(News)) -> Result<Plan, BenchError> {
    let op = if args.write { Op::Write } else { Op::Read };
    let upload = Pattern::new(args.size);
    let offer = offer(args, &upload);
    if !matches!(args.expect.len(), 0) && args.expect.len() != args.files.len() {
        return Err(BenchError::Copies {
            copies: args.expect.len(),
            files: args.files.len(),
        });
    }
    let mut files = Vec::new();
    for (index, wanted) in args.files.iter().enumerate() {
        let target = &wanted.target;
        check(target)?;
        let server = server(target)?;
        let expected = match args.expect.get(index) {
            Some(path) => match fs::read(path) {
                Ok(bytes) => Expected::Bytes(bytes),
                Err(source) => {
                    let path = path.clone();
                    return Err(BenchError::Copy { path, source });
                }
            },
            None if op == Op::Write || args.no_verify => Expected::Anything,
            None => fetch(args, target, server, tell).await?,
        };
        let weight = wanted.weight.get();
        files.push(File::new(
            server,
            &target.path,
            expected,
            weight,
            op,
            &offer,
        ));
    }
    Ok(Plan {
        op,
        files,
        sequence: args.sequence,
        upload,
        offer,
        schedule: plan::schedule(args.give_up),
        clients: args.clients,
        threads: u32::from(args.threads).min(args.clients),
        rounds: args.rounds.map(Into::into),
        time_limit: args.time_limit(),
        ramp: args.ramp,
        think: args.think,
        keep_ports: args.keep_ports,
        // It takes a call that tells the size of what was joined.
        gro: args.gro && Kernel::probe().batch_receive,
        source: args.source,
        missing_ok: args.missing_ok,
        faults: args.faults(),
        vanish: args.vanish,
        seed: args.seed,
        tickets: args.transfers.map(|count| AtomicU64::new(count.get())),
        stop: AtomicBool::new(false),
    })
}

/// What the clients ask for.
fn offer(args: &Args, upload: &Pattern) -> Offer {
    if args.no_options {
        return Offer::default();
    }
    Offer {
        blksize: (args.blksize != 512).then_some(args.blksize),
        windowsize: (args.windowsize > 1).then_some(args.windowsize),
        tsize: Some(if args.write { upload.size() } else { 0 }),
        ..Offer::default()
    }
}

/// Whether a target can be asked for.
fn check(target: &Target) -> Result<(), BenchError> {
    // The longest numbers a client and its transfer can have.
    let longest = Template::new(&target.path).fill(u32::MAX, u64::MAX).len();
    let why = if target.path.is_empty() {
        "the file name is missing"
    } else if longest > MAX_FILENAME {
        "the file name is too long"
    } else if target.mode == Some(Mode::Netascii) {
        "only octet mode is measured"
    } else {
        return Ok(());
    };
    let target = target.clone();
    Err(BenchError::Target { target, why })
}

/// The first address of a target's host.
fn server(target: &Target) -> Result<SocketAddr, BenchError> {
    let nothing = || io::Error::new(io::ErrorKind::NotFound, "it has no address");
    let addresses = target.addresses();
    let first = addresses.and_then(|found| found.first().copied().ok_or_else(nothing));
    first.map_err(|source| BenchError::Host {
        host: target.host.clone(),
        source,
    })
}

/// Gets a copy to compare with.
async fn fetch(
    args: &Args,
    target: &Target,
    server: SocketAddr,
    tell: &mut dyn FnMut(News),
) -> Result<Expected, BenchError> {
    if !Template::new(&target.path).is_fixed() {
        tell(News::Warning(format!(
            "{target} is another file for each client: its content is not compared without \
             --expect"
        )));
        return Ok(Expected::Anything);
    }
    let mut client = Client::new(server)
        .blksize(args.blksize)
        .windowsize(args.windowsize)
        .give_up(args.give_up);
    if args.no_options {
        client = client.without_options();
    }
    if let Some(source) = args.source {
        client = client.local_addr(SocketAddr::new(source.addr(), 0));
    }
    let mut content = Vec::new();
    match client.get(&target.path, &mut content).await {
        Ok(_) => Ok(Expected::Bytes(content)),
        Err(ClientError::Remote {
            code: ErrorCode::NotFound,
            ..
        }) if args.missing_ok => Ok(Expected::Anything),
        Err(source) => Err(BenchError::Fetch {
            target: target.clone(),
            source,
        }),
    }
}
