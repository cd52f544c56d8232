//! `bootwire demo`: see it at work.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use bootwire_demo::{Demo, Mood, News};

use crate::exit::Failure;
use crate::out::{self, Colour};
use crate::{shown, size};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bootwire demo
      serve a small site on this machine, and let simulated machines boot from it
  bootwire demo --for 1m
      end by itself
  bootwire demo --keep site
      keep the configuration, the templates and the inventory, to change them and go on with
      `bootwire serve --config site/bootwire.toml`
  bootwire demo --log
      show each transfer too, as `bootwire serve` does

The machines are simulated, the packets are not: UEFI with shim and GRUB, PXELINUX, iPXE,
Raspberry Pi, U-Boot and Windows ask for what real ones ask for. Some of them fail, each in
another way: a kernel that is not there, a loader for another processor, an iPXE that is sent to
iPXE again. A line tells how each boot ended, as the machine sees it.

The demo needs no root and no network. Ctrl-C ends it and removes what it made.")]
pub(crate) struct Args {
    /// The address and port to serve on [default: 127.0.0.1:6969, or another port if that is taken]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// End after this time, like 60s or 5m [default: on Ctrl-C]
    #[arg(long = "for", value_name = "TIME", value_parser = size::parse_time)]
    time: Option<Duration>,
    /// Write the site into this new directory, and leave it there [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// How much faster the machines are than is good for watching: 0.1 to 1000
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = speed)]
    speed: f64,
    /// Make kernels and images an eighth as large, where space or time is short
    #[arg(long)]
    small: bool,
    /// Another seed makes the machines choose other ports, rests and losses
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Show a line for each transfer too
    #[arg(long)]
    log: bool,
    /// Do not open the console in a browser
    #[arg(long)]
    no_open: bool,
}

fn speed(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|speed| (0.1..=1000.0).contains(speed))
        .ok_or_else(|| "write a number from 0.1 to 1000".to_owned())
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let mut demo = Demo::new(program);
    if let Some(called) = std::env::args_os().next() {
        demo.called = shown::escaped(called.as_encoded_bytes());
    }
    demo.listen = args.listen;
    demo.time = args.time;
    demo.keep.clone_from(&args.keep);
    demo.speed = args.speed;
    demo.small = args.small;
    demo.seed = args.seed;
    demo.opens_browser = !args.no_open;
    let log = args.log;
    demo.run(move |news| match news {
        News::Note(line) => out::note(line),
        News::Log(line) if log => out::result(line),
        News::Boot {
            machine,
            words,
            mood,
            more,
        } => {
            let words = out::coloured(&words, colour(mood));
            out::result(&format!("{machine}{words}{more}"));
        }
        _ => {}
    })
    .map_err(Failure::failed)
}

const fn colour(mood: Mood) -> Colour {
    match mood {
        Mood::Booted => Colour::Green,
        Mood::Failed => Colour::Red,
        _ => Colour::Yellow,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_a_number_within_reason() {
        assert_eq!(speed("20"), Ok(20.0));
        assert_eq!(speed("0.5"), Ok(0.5));
        for text in ["", "0", "-1", "nan", "inf", "1001", "fast"] {
            assert!(speed(text).is_err(), "{text}");
        }
    }
}
