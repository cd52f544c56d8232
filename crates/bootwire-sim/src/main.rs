//! Plays scenarios: one with every packet shown, or as many as there is time for.
#![forbid(unsafe_code)]

use std::io::{self, LineWriter, Write};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use bootwire_sim::campaign::{Campaign, explain};
use bootwire_sim::{Kind, Report, Scenario, Trace, run};
use clap::Parser;
use clap::builder::PossibleValuesParser;

/// Plays Bootwire's engine against simulated clients and networks, in virtual time.
///
/// Everything is drawn from a seed: the same seed gives the same run, packet by packet, on the same
/// commit. Without --seed, new seeds are played.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Args {
    /// The seed to play, or the first of several
    #[arg(long, value_name = "S")]
    seed: Option<u64>,

    /// Shows every packet and event with its virtual time
    #[arg(long, requires = "seed", conflicts_with_all = ["seeds", "limit"])]
    trace: bool,

    /// Plays so many seeds, one after the other
    #[arg(long, value_name = "N")]
    seeds: Option<u64>,

    /// Begins no more seeds after this real time, such as 90s or 10m
    #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
    limit: Option<Duration>,

    /// Plays this kind of scenario instead of what the seed draws
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(Kind::ALL.map(Kind::name)))]
    scenario: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  bootwire-sim --seed 7 --trace                 one run, packet by packet
  bootwire-sim --for 10m                        new seeds for ten minutes
  bootwire-sim --scenario storm --seed 1        20,000 machines at once
  bootwire-sim --seed 1 --seeds 20000           the seeds from 1 to 20000";

/// Seeds played if nothing else is said.
const SEEDS: u64 = 1000;

fn main() -> io::Result<ExitCode> {
    let args = Args::parse();
    let kind = Kind::ALL
        .into_iter()
        .find(|kind| args.scenario.as_deref() == Some(kind.name()));
    let failed = match args.seed {
        Some(seed) if args.seeds.is_none() && args.limit.is_none() => {
            play_one(seed, kind, args.trace)?
        }
        seed => {
            let seeds = args.seeds.or(args.limit.map(|_| u64::MAX)).unwrap_or(SEEDS);
            play_many(Campaign {
                first: seed.unwrap_or_else(new_seed),
                seeds,
                limit: args.limit,
                kind,
            })?
        }
    };
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// A seed nobody has played.
fn new_seed() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(1, |since| since.as_nanos() as u64)
}

fn play_one(seed: u64, kind: Option<Kind>, traced: bool) -> io::Result<bool> {
    let kind = kind.unwrap_or_else(|| Kind::of(seed));
    let trace = if traced {
        Trace::to(Box::new(LineWriter::new(io::stdout())))
    } else {
        Trace::quiet()
    };
    let report = run(Scenario::draw(seed, kind), trace);
    summarise(seed, kind, &report)?;
    Ok(!report.violations.is_empty())
}

fn summarise(seed: u64, kind: Kind, report: &Report) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let served = report
        .clients
        .iter()
        .filter(|client| client.success)
        .count();
    let busy = report
        .clients
        .iter()
        .filter(|client| client.busy > 0)
        .count();
    let stats = &report.stats;
    writeln!(
        out,
        "seed {seed} ({}): {} of {} clients have what they came for after {:.3?} (virtual)",
        kind.name(),
        served,
        report.clients.len(),
        report.duration
    )?;
    writeln!(
        out,
        "packets in {}, out {}, transfers {}, turned away {}, clients told busy {busy}",
        stats.packets_in,
        stats.packets_out,
        stats.reads + stats.writes,
        stats.over_limit
    )?;
    writeln!(out, "most held at a time: {:?}", report.peak)?;
    writeln!(out, "digest {:016x}", report.digest)?;
    for violation in &report.violations {
        writeln!(out, "VIOLATION {violation}")?;
    }
    Ok(())
}

fn play_many(campaign: Campaign) -> io::Result<bool> {
    let results = campaign.run();
    let mut out = io::stdout().lock();
    write!(out, "{}", explain(&results.failures, campaign.kind))?;
    writeln!(
        out,
        "{} scenarios from seed {}, {} failed",
        results.played,
        campaign.first,
        results.failures.len()
    )?;
    Ok(!results.failures.is_empty())
}
